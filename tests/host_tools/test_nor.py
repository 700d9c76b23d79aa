"""The simulated flash is as strict as a chip."""

import io

import pytest

from host_tools.twin import flash

SIZE = 2 * flash.SECTOR
DATA = bytes(range(256)) * 3


def _chip(offset=0):
    """Return (image, chip, partition at `offset`)."""
    image = io.BytesIO(b"\xff" * (offset + SIZE))
    chip = flash.Nor(image, {"spool": (offset, SIZE)})
    return image, chip, chip.partitions["spool"]


def _content(part, offset, size):
    read = bytearray(size)
    part.read(offset, read)
    return bytes(read)


@pytest.mark.parametrize("at", [0, flash.SECTOR, 100])
def test_a_program_is_made_page_by_page_of_the_chip_and_ends_where_it_should(at):
    for offset in (0, 1, 255, 256, 200, flash.SECTOR - 3):
        for size in (1, 2, 57, 256, 257, 600):
            image, chip, part = _chip(at)
            part.program(offset, DATA[:size])
            assert _content(part, offset, size) == DATA[:size]
            written = image.getvalue()
            first = at + offset
            assert set(written[:first] + written[first + size :]) == {0xFF}
            pages = (first + size - 1) // flash.PAGE - first // flash.PAGE + 1
            assert (chip.programs, chip.bytes) == (pages, size)


def test_one_command_that_crosses_a_page_is_refused():
    # A real chip would go on at the beginning of the page.
    image, chip, part = _chip()
    for offset, size in ((255, 2), (1, 256), (256, 257), (511, 2)):
        with pytest.raises(ValueError, match="crosses a page"):
            part._program_page(offset, DATA[:size])
    assert set(image.getvalue()) == {0xFF} and chip.programs == 0
    part._program_page(256, DATA[:256])
    assert chip.programs == 1


def test_a_cut_between_two_pages_leaves_the_first():
    for form, left in ((flash.NOTHING, 56), (flash.DONE, 56 + 256)):
        image, chip, part = _chip()
        chip.cut_at(1, form)
        with pytest.raises(flash.PowerCut):
            part.program(200, DATA[:600])
        assert image.getvalue()[200 : 200 + 600] == DATA[:left] + b"\xff" * (600 - left)


def test_a_torn_program_leaves_some_of_the_bits_the_same_for_a_seed():
    left = []
    for seed in (1, 1, 2):
        image, chip, part = _chip()
        chip.cut_next(seed)
        with pytest.raises(flash.PowerCut):
            part.program(0, bytes(200))
        assert any(image.getvalue()[:200]) and image.getvalue()[:200] != b"\xff" * 200
        left.append(image.getvalue())
        assert _content(part, 0, 200) == left[-1][:200]
    assert left[0] == left[1] != left[2]


def test_no_program_sets_a_bit_and_only_an_erase_does():
    image, chip, part = _chip()
    part.program(10, b"\xf0")
    part.program(10, b"\x30")
    with pytest.raises(ValueError, match="sets a bit"):
        part.program(10, b"\x31")
    with pytest.raises(ValueError, match="not a sector"):
        part.erase(10)
    with pytest.raises(ValueError, match="outside"):
        part.program(SIZE - 1, b"ab")
    part.erase(0)
    assert set(image.getvalue()) == {0xFF}
    assert (chip.programs, chip.erases, part.erases(0), part.erases(1)) == (2, 1, 1, 0)
