import io

from gateway.records import HEADER, NOTE
from gateway.ring import Ring
from host_tools.twin import flash
from support import raises

SECTORS = 4
SIZE = SECTORS * flash.SECTOR


def _chip(image=None):
    """Return (image, partition) of a small chip."""
    image = image or io.BytesIO(b"\xff" * SIZE)
    return image, flash.Nor(image, {"spool": (0, SIZE)}).partitions["spool"]


def _mounted(image, keep_account=True):
    ring = Ring(_chip(image)[1], keep_account)
    ring.mount()
    return ring


def _payload(i, size=100):
    return bytes((i * 7 + k * k) & 0xFF for k in range(size))


def _filled(records, size=100):
    image, part = _chip()
    ring = Ring(part)
    ring.mount()
    for i in range(records):
        assert ring.append(_payload(i, size)) == i
    return image, ring


def _waiting(ring):
    """Return the ids of what is not acknowledged, in order."""
    found = []
    ident = ring.after(-1)
    while ident is not None:
        found.append(ident)
        ident = ring.after(ident)
    return found


def _flip(image, offset, bit):
    image.seek(offset)
    byte = image.read(1)[0]
    image.seek(offset)
    image.write(bytes((byte ^ 1 << bit,)))


def test_ring_gives_back_what_was_written_also_after_a_reboot():
    image, ring = _filled(60)
    for one in (ring, _mounted(image)):
        assert _waiting(one) == list(range(60)) and one.pending() == 60
        for i in range(60):
            assert one.read(i)[1] == _payload(i)
        assert one.read(60) is None and one.next_id == 60 and one.newest() == 59


def test_ring_of_an_erased_chip_is_empty():
    ring = _mounted(_chip()[0])
    assert ring.after(-1) is None and ring.newest() is None and ring.pending() == 0
    assert ring.read(0) is None and list(ring.records()) == [] and ring.gaps() == []


def test_ring_remembers_acknowledgements_in_any_order():
    image, ring = _filled(90)
    gone = [0, 7, 3, 89, 40, 41, 7]
    for i in gone:
        ring.ack(i)
    for one in (ring, _mounted(image)):
        assert _waiting(one) == [i for i in range(90) if i not in gone]
        while one.step():
            pass
        assert one.pending() == 90 - 6 and one.newest() == 88
        # What is delivered can be asked for again.
        assert one.read(7)[1] == _payload(7)
    ring.ack(5000)


def test_ring_that_is_full_lets_the_oldest_go_and_says_which():
    image, ring = _filled(300)
    first = ring.oldest()
    assert 0 < first < 300 and ring.gaps() == [(0, first - 1)]
    assert _waiting(ring) == list(range(first, 300))
    again = _mounted(image)
    assert again.gaps() == ring.gaps() and _waiting(again) == _waiting(ring)
    assert ring.read(first - 1) is None


def test_ring_reports_a_loss_for_as_long_as_it_lives():
    image, ring = _filled(150)
    lost = ring.gaps()
    assert lost
    for i in range(150, 900):
        ring.append(_payload(i))
        ring.ack(i - 1)
        ring.step()
    for i in _waiting(ring):
        ring.ack(i)
    assert _mounted(image).gaps()[0][0] == 0 == lost[0][0]


def test_ring_wears_its_sectors_evenly():
    _, part = _chip()
    ring = Ring(part)
    ring.mount()
    for i in range(2000):
        ring.append(_payload(i))
        ring.ack(i)
        ring.step()
    erases = [part.erases(i) for i in range(SECTORS)]
    assert max(erases) - min(erases) <= 1 and min(erases) > 10
    assert max(erases) == ring.laps()
    assert ring.gaps() == []


def test_ring_erases_once_in_a_step_and_never_in_a_write_when_steps_are_taken():
    image = io.BytesIO(b"\xff" * SIZE)
    chip = flash.Nor(image, {"spool": (0, SIZE)})
    ring = Ring(chip.partitions["spool"])
    ring.mount()
    for i in range(400):
        before = chip.erases
        more = True
        while more:
            more = ring.step()
            assert chip.erases - before <= 1
            before = chip.erases
        ring.append(_payload(i))
        assert chip.erases == before


def test_ring_refuses_what_does_not_fit_and_takes_what_just_does():
    image, ring = _filled(3)
    raises(ValueError, ring.append, bytes(ring.record_most() + 1))
    ident = ring.append(_payload(1, ring.record_most()))
    assert _mounted(image).read(ident)[1] == _payload(1, ring.record_most())


def test_ring_keeps_kinds_and_walks_from_where_it_is_told():
    image, ring = _filled(5)
    ring.append(b"note", NOTE)
    ring.append(b"\xff\xff\xff\xff")
    for one in (ring, _mounted(image)):
        assert [ident for ident, _, _ in one.records(3)] == [3, 4, 5, 6]
        assert next(one.records(5))[1:] == (NOTE, b"note")
        assert one.read(6)[1] == b"\xff\xff\xff\xff"


def test_ring_any_flipped_bit_costs_at_most_its_record():
    records = 50
    image, ring = _filled(records, 150)
    ring.ack(4)
    content = image.getvalue()
    # A sector's header, records behind it, the first of the next sector, the head's blank rest.
    spans = ((0, 500), (flash.SECTOR - 100, flash.SECTOR + 220), (ring._end - 170, ring._end + 60))
    for start, end in spans:
        for offset in range(start, end, 3):
            bit = (offset * 5 + 3) % 8
            copy = io.BytesIO(content)
            _flip(copy, offset, bit)
            one = _mounted(copy)
            whole = {}
            for i in range(records):
                found = one.read(i)
                if found is not None:
                    whole[i] = found[1]
            for i in whole:
                assert whole[i] == _payload(i, 150), (offset, bit, i)
            broken = records - len(whole)
            assert broken <= 1 and one.corrupt == broken, (offset, bit, broken, one.corrupt)
            waiting = _waiting(one)
            assert waiting == [i for i in whole if i != 4], (offset, bit)
            lost = [i for first, last in one.gaps() for i in range(first, last + 1)]
            assert all(i in lost for i in range(records) if i not in whole), (offset, bit, lost)
            # And it goes on.
            ident = one.append(b"more")
            assert ident == records and one.read(ident)[1] == b"more", (offset, bit)
            again = _mounted(copy)
            assert _waiting(again) == waiting + [ident], (offset, bit)


def test_ring_passes_over_a_destroyed_header():
    image, ring = _filled(20)
    offset = ring._find(7)
    for i in range(HEADER):
        _flip(image, offset + i, i % 8)
    one = _mounted(image)
    assert one.read(7) is None and _waiting(one) == [i for i in range(20) if i != 7]
    assert one.gaps() == [(7, 7)] and one.corrupt >= 1


def test_ring_takes_another_place_when_a_cell_is_worn_out():
    image, ring = _filled(3)
    worn = ring._end + HEADER + 5
    payload = b"\x00\xff" * 20
    for _ in range(2):
        one = Ring(_Worn(_chip(image)[1], worn))
        one.mount()
        if one.next_id == 3:
            one.append(payload)
            assert one.corrupt == 1
        assert one.next_id == 4 and one.read(3)[1] == payload and _waiting(one)[-1] == 3


class _Worn:
    """A partition with a cell that is 0 whatever one does."""

    def __init__(self, partition, offset):
        self._partition = partition
        self._offset = offset
        self.size = partition.size
        self.sector = partition.sector
        self.program = partition.program
        self.erase = partition.erase

    def read(self, offset, buf):
        self._partition.read(offset, buf)
        if offset <= self._offset < offset + len(buf) and self._programmed():
            buf[self._offset - offset] &= 0xFE

    def _programmed(self):
        """Return whether the byte before was written: in a blank sector the cell does not show."""
        before = bytearray(1)
        self._partition.read(self._offset - 1, before)
        return before[0] == 0


def test_ring_survives_a_cut_at_every_operation_of_a_lap():
    for form in (flash.NOTHING, flash.TORN, flash.DONE):
        operation = 0
        while _cut_lap(form, operation):
            operation += 9


def _cut_lap(form, operation):
    """Fill the ring until the cut; mount what is left. False when the lap ended before it."""
    image = io.BytesIO(b"\xff" * SIZE)
    chip = flash.Nor(image, {"spool": (0, SIZE)})
    chip.cut_at(operation, form, operation + 1)
    written = acked = 0
    try:
        ring = Ring(chip.partitions["spool"])
        ring.mount()
        while written < 60:
            ring.append(_payload(written, 500))
            written += 1
            if written > 8 and written % 3:
                ring.ack(acked)
                acked += 1
            if written % 4 == 0:
                ring.step()
    except flash.PowerCut:
        one = _mounted(image)
        where = (form, operation)
        assert written <= one.next_id <= written + 1, where
        lost = [i for first, last in one.gaps() for i in range(first, last + 1)]
        waiting = _waiting(one)
        for i in range(acked + 1, written):
            assert (i in waiting) != (i in lost), (where, i)
        for i in waiting:
            assert one.read(i)[1] == _payload(i, 500), (where, i)
        return True
    return False
