"""A log of records on raw NOR flash that survives a cut at any program or erase.

The partition's sectors are used in turn, each behind a header with its generation. A record is
written
in one program; whatever of it is torn fails its CRC. docs/spool.md draws both.
"""

import binascii
import struct
from array import array

from micropython import const

_MAGIC = const(0x3152534B)
_SECTOR_HEADER = const(12)
# length and kind, id | state | check of the six bytes before | CRC-32 of those six and the payload
_RECORD_HEADER = const(12)
_STATE = const(6)
_LENGTH_MASK = const(0xFFF)
_KIND_SHIFT = const(12)
_ID_NONE = const(0x3FFFFFFF)
_BITS_LEFT_WHEN_ACKED = const(4)
# How far ids may jump inside a sector: a gap in them is never wider than what one sector holds.
_ID_JUMP_MOST = const(4096)
_GAPS_MOST = const(16)
_GAPS_RECORD_MOST = const(12 + 16 * 8)

DATA = const(0)
GAPS = const(1)
NOTE = const(2)


class Ring:
    """`flash`: a partition (size, sector, read, program, erase). Call `mount()` before anything
    else.

    keep_account: records that give way without an acknowledgement are remembered as gaps.
    """

    def __init__(self, flash, keep_account=True):
        self._flash = flash
        self._sector = flash.sector
        self._sectors = flash.size // flash.sector
        self._keep_account = keep_account
        self._header = bytearray(_RECORD_HEADER)
        # By physical sector: generation (0: none), first id (_ID_NONE: none), unacknowledged
        # records.
        self._generation = array("I", [0] * self._sectors)
        self._first = array("I", [_ID_NONE] * self._sectors)
        self._open = array("H", [0] * self._sectors)
        self._at = 0
        self._end = 0
        self._ahead = False
        self._gaps = []
        self._gaps_sector = -1
        self.next_id = 0
        self.corrupt = 0
        self.record_most = flash.sector - _SECTOR_HEADER - _RECORD_HEADER

    def mount(self):
        """Find the records of the flash; what was torn by a cut is passed over."""
        self._read_generations()
        newest = -1
        for i in range(self._sectors):
            if self._generation[i] and (
                newest < 0 or self._generation[i] > self._generation[newest]
            ):
                newest = i
        if newest < 0:
            self._format()
            return
        for sector in self._in_order():
            self._mount_sector(sector, sector == newest)
        self._at = newest
        self._ahead = False
        self._drop_gaps_still_here()

    def _read_generations(self):
        header = bytearray(_SECTOR_HEADER)
        for i in range(self._sectors):
            self._flash.read(i * self._sector, header)
            magic, generation, crc = struct.unpack("<III", header)
            good = magic == _MAGIC and crc == binascii.crc32(memoryview(header)[:8])
            self._generation[i] = generation if good else 0
        # Sectors are used in turn: a header that has rotted is known from its two neighbours.
        for i in range(self._sectors):
            before = self._generation[i - 1]
            after = self._generation[(i + 1) % self._sectors]
            if not self._generation[i] and before and after == before + 2:
                self._generation[i] = before + 1
                self.corrupt += 1

    def _in_order(self):
        """Return the sectors in use, the oldest first."""
        used = [i for i in range(self._sectors) if self._generation[i]]
        used.sort(key=lambda i: self._generation[i])
        return used

    def _mount_sector(self, sector, newest):
        end = _SECTOR_HEADER
        broken = []
        for offset, length, kind, ident, acked in self._records(sector, True):
            end = offset + _RECORD_HEADER + length
            if kind == GAPS:
                payload = self._payload(sector, offset, length)
                if payload is not None:
                    self._gaps = _unpack_gaps(payload)
                    self._gaps_sector = sector
            elif newest and self._payload(sector, offset, length) is None:
                broken.append((end, offset, ident, acked))
            else:
                self._count_in(sector, ident, acked)
        if newest:
            self._pass_over(sector, broken, end)
            clean = not broken and self._is_blank(sector, end)
            self._end = end if clean else self._sector

    def _pass_over(self, sector, broken, end):
        """Make sure that nobody is offered the newest sector's broken records."""
        for behind, offset, ident, acked in broken:
            if acked:
                continue
            if behind < end:
                # Others were written after it, so it was whole once.
                self.corrupt += 1
                self._gaps = _merge(self._gaps + [(ident, ident)])
                self.next_id = max(self.next_id, ident + 1)
            # The very last was being written when the power went: it was never promised.
            self._flash.program(sector * self._sector + offset + _STATE, b"\0")

    def _count_in(self, sector, ident, acked):
        if self._first[sector] == _ID_NONE:
            self._first[sector] = ident
        if not acked:
            self._open[sector] += 1
        self.next_id = ident + 1

    def _is_blank(self, sector, start):
        """Return whether nothing was ever written behind `start`: then one may write on there."""
        piece = bytearray(256)
        while start < self._sector:
            size = min(256, self._sector - start)
            view = memoryview(piece)[:size]
            self._flash.read(sector * self._sector + start, view)
            if any(byte != 255 for byte in view):
                return False
            start += size
        return True

    def _format(self):
        self._at = self._sectors - 1
        self._end = self._sector
        self._ahead = False

    def _records(self, sector, count=False):
        """Yield (offset, length, kind, id, acked) of a sector's records; `count` what is broken."""
        offset = _SECTOR_HEADER
        last = -1
        while offset + _RECORD_HEADER <= self._sector:
            found = self._look(sector, offset, last)
            if found is None:
                if self._header == b"\xff" * _RECORD_HEADER:
                    return
                if count:
                    self.corrupt += 1
                offset = self._resume(sector, offset + 1, last)
                continue
            length, kind, ident, acked = found
            last = ident
            yield offset, length, kind, ident, acked
            offset += _RECORD_HEADER + length

    def _look(self, sector, offset, last):
        """Return (length, kind, id, acked) of the record header at `offset`, or None."""
        header = self._header
        self._flash.read(sector * self._sector + offset, header)
        size, ident, state, check = struct.unpack_from("<HIBB", header)
        length = size & _LENGTH_MASK
        if check != binascii.crc32(memoryview(header)[:_STATE]) & 0xFF:
            return None
        if offset + _RECORD_HEADER + length > self._sector or ident >= _ID_NONE:
            return None
        if last >= 0 and not last <= ident <= last + _ID_JUMP_MOST:
            return None
        return length, size >> _KIND_SHIFT, ident, _bits(state) <= _BITS_LEFT_WHEN_ACKED

    def _resume(self, sector, offset, last):
        """Return where behind `offset` the next whole record begins, or the sector's end."""
        while offset + _RECORD_HEADER <= self._sector:
            found = self._look(sector, offset, last)
            if found is not None and self._payload(sector, offset, found[0]) is not None:
                return offset
            offset += 1
        return self._sector

    def _payload(self, sector, offset, length):
        """Return a record's payload, or None when its CRC does not fit."""
        data = bytearray(_RECORD_HEADER + length)
        self._flash.read(sector * self._sector + offset, data)
        view = memoryview(data)
        crc = binascii.crc32(view[_RECORD_HEADER:], binascii.crc32(view[:_STATE]))
        if struct.unpack_from("<I", data, 8)[0] != crc:
            return None
        return bytes(view[_RECORD_HEADER:])

    def append(self, payload, kind=DATA):
        """Write a record, the oldest giving way if need be; return its id."""
        if len(payload) > self.record_most:
            raise ValueError("ring: record of %d bytes" % len(payload))
        # Until the next sector is erased, room is kept to write down what is lost with it.
        room = self._sector - self._end - (0 if self._ahead else _GAPS_RECORD_MOST)
        if _RECORD_HEADER + len(payload) > room:
            self._next_sector()
        return self._write(payload, kind)

    def _write(self, payload, kind):
        ident = self.next_id if kind != GAPS else max(self.next_id - 1, 0)
        head = struct.pack("<HI", len(payload) | kind << _KIND_SHIFT, ident)
        check = binascii.crc32(head)
        crc = binascii.crc32(payload, check)
        offset = self._end
        # What is torn from here on leaves a record without a CRC; nobody was told of it.
        self._end += _RECORD_HEADER + len(payload)
        record = head + struct.pack("<BBI", 0xFF, check & 0xFF, crc) + payload
        self._flash.program(self._at * self._sector + offset, record)
        if kind != GAPS:
            self._count_in(self._at, ident, False)
        return ident

    def step(self):
        """Erase the sector that comes next, if that is still to be done; return whether it was."""
        if self._ahead:
            return False
        self._erase_ahead()
        return True

    def _erase_ahead(self):
        ahead = (self._at + 1) % self._sectors
        if self._generation[ahead]:
            self._give_way(ahead)
        self._flash.erase(ahead * self._sector)
        self._generation[ahead] = 0
        self._first[ahead] = _ID_NONE
        self._open[ahead] = 0
        self._ahead = True

    def _give_way(self, sector):
        """Write down what is lost with a sector before it is: the other way a cut would hide it."""
        if not self._keep_account:
            return
        lost = []
        if self._open[sector]:
            for _, _, kind, ident, acked in self._records(sector):
                if kind != GAPS and not acked:
                    lost.append((ident, ident))
        if lost or self._gaps_sector == sector:
            self._gaps = _merge(self._gaps + lost)
            self._write(_pack_gaps(self._gaps), GAPS)
            self._gaps_sector = self._at

    def _next_sector(self):
        if not self._ahead:
            self._erase_ahead()
        generation = self._generation[self._at] + 1
        self._at = (self._at + 1) % self._sectors
        head = struct.pack("<II", _MAGIC, generation)
        self._flash.program(self._at * self._sector, head + struct.pack("<I", binascii.crc32(head)))
        self._generation[self._at] = generation
        self._end = _SECTOR_HEADER
        self._ahead = False

    def pending(self):
        """Return how many records are not acknowledged."""
        return sum(self._open)

    def oldest(self):
        """Return the id of the oldest record there is, or `next_id` when there is none."""
        return min(min(self._first), self.next_id)

    def read(self, ident):
        """Return (kind, payload) of a record, or None when it is gone or broken."""
        place = self._find(ident)
        if place is None:
            return None
        sector, offset, length, kind, acked = place
        payload = self._payload(sector, offset, length)
        if payload is None:
            self.corrupt += 1
            if not acked:
                # It can never be delivered: it must not be offered for ever.
                self._mark(sector, offset)
                self._gaps = _merge(self._gaps + [(ident, ident)])
            return None
        return kind, payload

    def ack(self, ident):
        """Note in flash that a record is delivered; a second time, or of one that is gone:
        nothing.
        """
        place = self._find(ident)
        if place is not None and not place[4]:
            self._mark(place[0], place[1])

    def _mark(self, sector, offset):
        self._flash.program(sector * self._sector + offset + _STATE, b"\0")
        self._open[sector] -= 1

    def after(self, ident):
        """Return the id of the first unacknowledged record behind `ident`, or None."""
        for sector in self._in_order():
            if not self._open[sector] or self._last_before(sector, ident):
                continue
            for _, _, kind, found, acked in self._records(sector):
                if kind != GAPS and not acked and found > ident:
                    return found
        return None

    def newest(self):
        """Return the id of the newest unacknowledged record, or None."""
        for sector in reversed(self._in_order()):
            if self._open[sector]:
                newest = None
                for _, _, kind, ident, acked in self._records(sector):
                    if kind != GAPS and not acked:
                        newest = ident
                if newest is not None:
                    return newest
        return None

    def records(self):
        """Yield (id, kind, payload) of every whole record, the oldest first."""
        for sector in self._in_order():
            for offset, length, kind, ident, _ in self._records(sector):
                payload = self._payload(sector, offset, length)
                if kind != GAPS and payload is not None:
                    yield ident, kind, payload

    def gaps(self):
        """Return [(first id, last id), …] of records that gave way unacknowledged."""
        return list(self._gaps)

    def _last_before(self, sector, ident):
        """Return whether every record of `sector` has an id <= `ident`."""
        following = (sector + 1) % self._sectors
        if sector == self._at or not self._generation[following]:
            return self.next_id - 1 <= ident
        first = self._first[following]
        return first != _ID_NONE and first - 1 <= ident

    def _find(self, ident):
        """Return (sector, offset, length, kind, acked) of a record, or None."""
        best = -1
        for i in range(self._sectors):
            # Two sectors begin with the same id when the first one's record was torn.
            if self._first[i] <= ident and (best < 0 or self._newer(i, best)):
                best = i
        if best < 0:
            return None
        for offset, length, kind, found, acked in self._records(best):
            if found == ident and kind != GAPS:
                return best, offset, length, kind, acked
        return None

    def _newer(self, a, b):
        if self._first[a] == self._first[b]:
            return self._generation[a] > self._generation[b]
        return self._first[a] > self._first[b]

    def _drop_gaps_still_here(self):
        """After a cut between the note of a loss and the erase, those records are still here."""
        kept = []
        for first, last in self._gaps:
            last = min(last, self.oldest() - 1)
            if first <= last:
                kept.append((first, last))
        self._gaps = kept


def _bits(byte):
    count = 0
    while byte:
        byte &= byte - 1
        count += 1
    return count


def _merge(gaps):
    """Return `gaps` in order, neighbours joined; beyond the limit the nearest two are joined."""
    gaps = sorted(gaps)
    merged = gaps[:1]
    for first, last in gaps[1:]:
        if first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    while len(merged) > _GAPS_MOST:
        near = min(range(len(merged) - 1), key=lambda i: merged[i + 1][0] - merged[i][1])
        merged[near : near + 2] = [(merged[near][0], merged[near + 1][1])]
    return merged


def _pack_gaps(gaps):
    return b"".join(struct.pack("<II", first, last) for first, last in gaps)


def _unpack_gaps(payload):
    return [struct.unpack_from("<II", payload, i) for i in range(0, len(payload) - 7, 8)]
