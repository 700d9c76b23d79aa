"""A log of records on raw NOR flash that survives a cut at any program or erase.

The sectors are used in turn, each behind a header with its generation. A record's payload is
written first, its header names it: what a cut tore has no name. docs/spool.md draws both.
"""

import struct
from array import array
from binascii import crc32

from micropython import const

from gateway.records import (
    DATA,
    GAPS,
    HEADER,
    Records,
    merge_gaps,
    mostly_ones,
    pack_gaps,
    unpack_gaps,
)

# generation, lowest id, CRC-32 of both; the same again; 0 when everything in it is delivered
_SECTOR_HEADER = const(25)
_COPIES = (0, 12)
_DONE = const(24)
_VOID = const(0x3FFFFFFF)
# header and 16 ranges
_GAPS_BYTES_MOST = const(13 + 16 * 8)
# Kept free while no sector is erased ahead: what is lost with the next erase is noted before it,
# even when the power is cut in that note several times running.
_RESERVE = const(1024)
_WRITES_MOST = const(3)


class Ring(Records):
    """`flash`: a partition (size, sector, read, program, erase). Call `mount()` first.

    keep_account: records that give way without an acknowledgement are remembered as gaps.
    """

    def __init__(self, flash, keep_account=True):
        super().__init__(flash)
        self._sector = flash.sector
        self._sectors = flash.size // flash.sector
        self._keep_account = keep_account
        # By sector: id of the first record; records not delivered (until counted, at most so many).
        self._first = array("I", [0] * self._sectors)
        self._open = array("H", [0] * self._sectors)
        # Generations number the sectors ever begun, sector = generation % sectors: the newest that
        # is erased, and the one that takes records, which is the newest or the one before.
        self._newest = -1
        self._at = -1
        self._end = 0
        self._count_next = 0
        self._count_until = 0
        # The record found last: reading on from there is cheap.
        self._last = (-1, 0, 0)
        self._gaps = []
        self.next_id = 0

    # Places

    def _oldest(self):
        return max(0, self._newest - self._sectors + 1)

    def _start(self, generation):
        return generation % self._sectors * self._sector + _SECTOR_HEADER

    def _stop(self, generation):
        """Return where the records of a generation end at the latest."""
        if generation == self._at:
            return self._end
        return (generation % self._sectors + 1) * self._sector

    def _upto(self, generation):
        """Return the id behind the last of a generation."""
        if generation >= self._at:
            return self.next_id
        return self._first[(generation + 1) % self._sectors]

    def _generation_of(self, ident):
        """Return the generation that holds `ident` if any does."""
        low, high = self._oldest(), self._at
        while low < high:
            middle = (low + high + 1) // 2
            if self._first[middle % self._sectors] <= ident:
                low = middle
            else:
                high = middle - 1
        return low

    # Reading

    def _walk(self, generation, ident=0):
        """Yield the offset of each record from about `ident` on, its header parsed."""
        offset = self._start(generation)
        if self._last[0] == generation and self._last[1] <= ident:
            offset = self._last[2]
        while True:
            offset = self._seek(offset, self._stop(generation))
            if offset < 0:
                return
            behind = offset + HEADER + self._length
            yield offset
            offset = behind

    def _find(self, ident):
        """Return where record `ident` is, its header parsed, or -1."""
        if self._at >= 0 and self.oldest() <= ident < self.next_id:
            generation = self._generation_of(ident)
            for offset in self._walk(generation, ident):
                if self._kind != GAPS and self._id == ident:
                    self._last = (generation, ident, offset)
                    return offset
                if self._id > ident:
                    break
        return -1

    def read(self, ident):
        """Return (kind, payload) of a record, or None when it is gone or broken."""
        offset = self._find(ident)
        if offset < 0:
            return None
        kind, acked = self._kind, self._acked
        payload = self._payload(offset)
        if payload is not None:
            return kind, payload
        self.corrupt += 1
        if self._keep_account and not acked and not self._is_lost(ident):
            # It can never be delivered: it must not be offered for ever.
            self._gaps = merge_gaps(self._gaps + [(ident, ident)])
            self._save_gaps()
            self._close_one(ident)
        return None

    def records(self, start=0):
        """Yield (id, kind, payload) of every whole record from `start` on, the oldest first."""
        if self._at < 0:
            return
        for generation in range(self._generation_of(start), self._at + 1):
            for offset in self._walk(generation, start):
                ident, kind = self._id, self._kind
                payload = self._payload(offset)
                if payload is None:
                    self.corrupt += 1
                elif kind != GAPS and ident >= start:
                    yield ident, kind, payload

    def oldest(self):
        """Return the id of the oldest record there is, or `next_id` when there is none."""
        return self._first[self._oldest() % self._sectors] if self._at >= 0 else self.next_id

    def sectors_left(self, ident):
        """Return how many sectors are erased before that of a record is."""
        unused = max(0, self._sectors - 1 - self._newest)
        return unused + self._generation_of(ident) - self._oldest()

    # Mounting

    def mount(self):
        """Find the records of the flash; what was torn by a cut is passed over."""
        header = bytearray(_SECTOR_HEADER + HEADER)
        newest = -1
        for i in range(self._sectors):
            newest = max(newest, self._mount_sector(i, header))
        if newest < 0:
            return
        self._newest = newest
        self._find_end()
        following = self.next_id
        for generation in range(self._at, self._oldest() - 1, -1):
            i = generation % self._sectors
            if self._first[i] == _VOID:
                self._first[i] = following
            self._open[i] = following - self._first[i] if self._open[i] else 0
            following = self._first[i]
        self._count_next = self._oldest()
        self._count_until = self._at
        if self._keep_account:
            self._count(self._at)

    def _mount_sector(self, i, header):
        """Note the first id of sector `i`, and whether it has undelivered ones; return its
        generation or -1.
        """
        self._first[i] = _VOID
        self._open[i] = 0
        self._flash.read(i * self._sector, header)
        view = memoryview(header)
        for copy in _COPIES:
            generation, lowest, crc = struct.unpack_from("<III", header, copy)
            if crc == crc32(view[copy : copy + 8]) and generation % self._sectors == i:
                break
        else:
            return -1
        self.next_id = max(self.next_id, lowest)
        self._open[i] = mostly_ones(header[_DONE])
        self._header[:] = view[_SECTOR_HEADER:]
        if self._parse() or self._seek(self._start(i), (i + 1) * self._sector) >= 0:
            self._first[i] = self._id
        return generation

    def _find_end(self):
        """Find the sector that takes records, its end, the next id and the gaps noted last."""
        self._at = self._newest
        self._end = (self._at % self._sectors + 1) * self._sector
        before = (self._at - 1) % self._sectors
        if self._at and self._first[self._at % self._sectors] == _VOID and self._open[before]:
            # It was erased ahead and no record is in it yet. (Nothing is added to a sector that
            # has been found delivered.)
            self._open[self._at % self._sectors] = 0
            self._at -= 1
            self._end = (before + 1) * self._sector
        noted = False
        behind = self._start(self._at)
        for generation in (self._at - 1, self._at):
            # A header of another round, or none: then nothing of that generation is here.
            if generation < self._oldest() or self._first[generation % self._sectors] == _VOID:
                continue
            for offset in self._walk(generation):
                self.next_id = max(self.next_id, self._id + (self._kind != GAPS))
                if generation == self._at:
                    behind = offset + HEADER + self._length
                if self._kind == GAPS:
                    payload = self._payload(offset)
                    if payload is not None:
                        self._gaps = unpack_gaps(payload)
                        noted = generation == self._at
        self._end = behind
        if self._gaps and not noted:
            self._save_gaps()

    def _count(self, generation):
        """Count what is not delivered of a generation; what is not there any more is lost.

        Return the ids that are there and not delivered.
        """
        i = generation % self._sectors
        due = self._first[i]
        waiting = []
        gone = []
        for _ in self._walk(generation):
            if self._kind == GAPS or self._id < due:
                continue
            if self._id > due:
                gone.append((due, self._id - 1))
            if not self._acked and not self._is_lost(self._id):
                waiting.append(self._id)
            due = self._id + 1
        if due < self._upto(generation):
            gone.append((due, self._upto(generation) - 1))
        gone = [gap for gap in gone if not self._is_lost(gap[0])]
        if gone:
            self.corrupt += sum(last - first + 1 for first, last in gone)
            self._gaps = merge_gaps(self._gaps + gone)
            self._save_gaps()
        self._open[i] = len(waiting)
        return waiting

    # Writing

    def append(self, payload, kind=DATA):
        """Write a record, the oldest giving way if need be; return its id. OSError: the flash keeps
        nothing.
        """
        if len(payload) > self.record_most():
            raise ValueError("ring: record of %d bytes" % len(payload))
        for _ in range(_WRITES_MOST):
            while not self._has_room(len(payload), 0 if self._newest > self._at else _RESERVE):
                if self._newest == self._at:
                    # Nobody had the time to call step().
                    self._erase_ahead()
                elif not self._has_room(len(payload), 0):
                    self._next_sector()
            if self._write(payload, kind):
                self.next_id += 1
                if self._keep_account:
                    self._open[self._at % self._sectors] += 1
                return self.next_id - 1
        raise OSError("the flash does not keep what is written")

    def record_most(self):
        """Return how many bytes a record can carry."""
        return self._sector - _SECTOR_HEADER - HEADER - _GAPS_BYTES_MOST

    def _has_room(self, size, reserve):
        """Return whether a record fits at the end, which goes behind what was torn there."""
        limit = (self._at % self._sectors + 1) * self._sector - reserve
        rot = 1
        while self._at >= 0:
            stop = self._end + HEADER + size
            if stop > limit:
                break
            behind = self._dirt(self._end, stop, last=True)
            # One byte by itself is rot: the record goes over it, so that it costs no space.
            if self._dirt(self._end, stop) >= behind - rot:
                return True
            self._end = behind
            rot = 0
        return False

    def _write(self, payload, kind):
        """Write a record at the end; return whether the flash has kept it."""
        offset = self._end
        # Whatever comes of it, nothing is written here again.
        self._end = offset + HEADER + len(payload)
        if self._program(offset, payload, kind, self.next_id):
            return True
        self.corrupt += 1
        return False

    def _save_gaps(self):
        """Note the gaps; without room the next sector begins with them anyway."""
        while self._has_room(_GAPS_BYTES_MOST - HEADER, 0):
            if self._write(pack_gaps(self._gaps), GAPS):
                break

    def _next_sector(self):
        before = self._at
        self._at = self._newest
        self._end = self._start(self._at)
        self._first[self._at % self._sectors] = self.next_id
        if self._gaps:
            self._save_gaps()
        if before >= 0 and self._keep_account and not self._open[before % self._sectors]:
            self._mark_done(before)

    def _erase_ahead(self):
        generation = self._newest + 1
        sector = generation % self._sectors
        if generation >= self._sectors and self._keep_account and self._open[sector]:
            self._give_way(generation - self._sectors)
        self._flash.erase(sector * self._sector)
        # The header says that the erase was completed.
        head = struct.pack("<II", generation, self.next_id)
        head += struct.pack("<I", crc32(head))
        self._flash.program(sector * self._sector, head + head)
        self._newest = generation

    def _give_way(self, generation):
        """Note what is lost with a sector before it is: the other way a cut would hide it."""
        waiting = self._count(generation)
        if waiting:
            self._gaps = merge_gaps(self._gaps + [(ident, ident) for ident in waiting])
            self._save_gaps()
        self._open[generation % self._sectors] = 0
        self._mark_done(generation)

    def step(self):
        """Erase ahead of need, or count a sector after a mount; False when nothing is to do."""
        if self._newest == self._at:
            self._erase_ahead()
        elif self._keep_account and self._count_next < self._count_until:
            # Counted before the ring comes round to it, or just as it does.
            self._count_next = max(self._count_next, self._oldest())
            generation = self._count_next
            self._count_next += 1
            if self._open[generation % self._sectors] and not self._count(generation):
                self._mark_done(generation)
        else:
            return False
        return True

    # Delivering

    def pending(self):
        """Return how many records are not acknowledged."""
        return sum(self._open)

    def ack(self, ident):
        """Note in flash that a record is delivered; again, or of one that is gone: nothing."""
        offset = self._find(ident)
        if offset >= 0 and not self._acked and not self._is_lost(ident):
            self._flash.program(offset, b"\0")
            self._close_one(ident)

    def _close_one(self, ident):
        generation = self._generation_of(ident)
        i = generation % self._sectors
        if self._open[i]:
            self._open[i] -= 1
            if not self._open[i] and generation < self._at:
                self._mark_done(generation)

    def _mark_done(self, generation):
        self._flash.program(generation % self._sectors * self._sector + _DONE, b"\0")

    def after(self, ident):
        """Return the id of the first unacknowledged record behind `ident`, or None."""
        if self._at < 0:
            return None
        ident = max(ident + 1, self.oldest())
        for generation in range(self._generation_of(ident), self._at + 1):
            if self._open[generation % self._sectors]:
                for offset in self._walk(generation, ident):
                    if self._waits() and self._id >= ident:
                        self._last = (generation, self._id, offset)
                        return self._id
        return None

    def newest(self):
        """Return the id of the newest unacknowledged record, or None."""
        for generation in range(self._at, self._oldest() - 1, -1):
            newest = None
            if self._open[generation % self._sectors]:
                for _ in self._walk(generation):
                    if self._waits():
                        newest = self._id
            if newest is not None:
                return newest
        return None

    def _waits(self):
        return self._kind != GAPS and not self._acked and not self._is_lost(self._id)

    def _is_lost(self, ident):
        return any(first <= ident <= last for first, last in self._gaps)

    def laps(self):
        """Return how often each sector has been erased, at most."""
        return self._newest // self._sectors + 1

    def gaps(self):
        """Return [(first id, last id), …] of records that gave way unacknowledged."""
        return list(self._gaps)
