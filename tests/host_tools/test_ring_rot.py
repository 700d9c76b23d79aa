"""A bit flips in a ring that is full: in a header, in erased space, in a payload.

`make test` takes every bit of the headers and of the space behind the newest record, and a sample,
the same each time, of the others; `make chaos-flash` all. A failure prints byte and bit.
"""

import io
import random

import pytest
from flash_life import EVERYTHING

from gateway.records import HEADER
from gateway.ring import Ring
from host_tools.twin import flash

SECTORS = 4
SIZE = SECTORS * flash.SECTOR
SECTOR_HEADER = 25
PAYLOAD = 1150
# The space behind the newest record: for one more, and for no other.
LAST = 60
TAIL = HEADER + LAST + 7
# Prime, so that all bits of a byte and all parts of a record have their turn.
STRIDE = 1 if EVERYTHING else 307
PARTS = 8 if EVERYTHING else 1


def _payload(ident, size=PAYLOAD):
    return random.Random(ident).randbytes(size)


def _mounted(image):
    ring = Ring(flash.Nor(image, {"spool": (0, SIZE)}).partitions["spool"])
    ring.mount()
    _rest(ring)
    return ring


def _rest(ring):
    while ring.step():
        pass


def _full():
    """Return the flash of a ring in which records gave way and some are delivered, and the
    offset of the space behind the newest.
    """
    image = io.BytesIO(b"\xff" * SIZE)
    ring = _mounted(image)
    while flash.SECTOR - ring._end % flash.SECTOR != TAIL:
        room = flash.SECTOR - ring._end % flash.SECTOR - TAIL - HEADER
        size = room if ring.laps() > 2 and 0 < room < PAYLOAD else PAYLOAD
        ident = ring.append(_payload(ring.next_id, size))
        _rest(ring)
        if ident % 5 == 4:
            ring.ack(ident - 2)
    return image.getvalue(), ring._end


def _state(ring):
    """Return ({id: payload} of what there is, ids not delivered, ids reported as lost)."""
    there = {ident: payload for ident, _, payload in ring.records()}
    waiting = []
    while (ident := ring.after(waiting[-1] if waiting else -1)) is not None:
        waiting.append(ident)
    return there, waiting, {i for first, last in ring.gaps() for i in range(first, last + 1)}


def _goes_on(content):
    """Return what a mount finds after three more records, where they ended, what was counted."""
    image = io.BytesIO(content)
    ring = _mounted(image)
    for size in (LAST, PAYLOAD, PAYLOAD):
        ring.append(_payload(ring.next_id, size))
        _rest(ring)
    return _state(_mounted(image)), ring._end, ring.corrupt


def _flipped(content, bit):
    rotten = bytearray(content)
    rotten[bit >> 3] ^= 1 << (bit & 7)
    return bytes(rotten)


def _bits(spans, stride=1):
    """Return the numbers of the bits of spans of bytes."""
    bits = [bit for first, behind in spans for bit in range(8 * first, 8 * behind)]
    return bits[::stride]


@pytest.mark.slow
def test_no_flipped_bit_in_erased_space_costs_anything():
    content, end = _full()
    unharmed, end_then, _ = _goes_on(content)
    ahead = (end // flash.SECTOR + 1) % SECTORS * flash.SECTOR
    behind = ahead + flash.SECTOR
    blank = ((end, end - end % flash.SECTOR + flash.SECTOR), (ahead + SECTOR_HEADER, behind))
    assert all(set(content[first:stop]) == {0xFF} for first, stop in blank)
    written = ((end, end + HEADER + LAST), (blank[1][0], end_then))
    for bit in _bits(blank[:1]) + _bits(blank[1:], min(STRIDE, 151)):
        where = f"byte {bit >> 3}, bit {bit & 7}"
        state, ended, corrupt = _goes_on(_flipped(content, bit))
        assert state == unharmed and ended == end_then, where
        # It is counted when a record is written there.
        met = any(first <= bit >> 3 < stop for first, stop in written)
        assert corrupt == met, where


@pytest.mark.slow
def test_a_byte_that_a_cut_has_torn_is_not_taken_for_data():
    content, end = _full()
    (unharmed, waiting, _), _, _ = _goes_on(content)
    for place in range(end, end + TAIL):
        for left in (0x00, 0x10, 0xE7, 0x3F):
            torn = bytearray(content)
            torn[place] = left
            (there, still, _), _, _ = _goes_on(bytes(torn))
            where = f"byte {place} is {left}"
            # When it did not fit over the byte it went into the next sector.
            assert there.items() <= unharmed.items() and set(still) <= set(waiting), where
            assert there.keys() >= {i for i in unharmed if i > max(unharmed) - 3}, where


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_flipped_bit_in_a_full_ring_costs_more_than_its_record(part):
    content, _ = _full()
    image = io.BytesIO(content)
    whole, waiting, lost = _state(_mounted(image))
    headers = [(i * flash.SECTOR, i * flash.SECTOR + SECTOR_HEADER) for i in range(SECTORS)]
    ring = _mounted(image)
    headers += [(ring._find(ident), ring._find(ident) + HEADER) for ident in whole]
    costly = 0
    for bit in (_bits(headers) + _bits(((0, SIZE),), STRIDE))[part::PARTS]:
        where = f"byte {bit >> 3}, bit {bit & 7}"
        ring = _mounted(io.BytesIO(_flipped(content, bit)))
        there, still, more = _state(ring)
        gone = whole.keys() - there.keys()
        in_header = any(first <= bit >> 3 < stop for first, stop in headers)
        assert len(gone) <= 1 - in_header and there.items() <= whole.items(), f"{where}: {gone}"
        assert set(waiting) - set(still) <= gone and set(still) <= set(waiting), where
        assert all(ring.read(ident) is None for ident in gone), where
        more = {i for first, last in ring.gaps() for i in range(first, last + 1)}
        assert more == lost | gone & set(waiting), where
        # What is lost is noted in each sector: one of these notes may rot as well.
        assert ring.corrupt or not gone, where
        costly += bool(gone)
    print(costly, "flips cost a record")
    assert costly
