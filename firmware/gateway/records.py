"""Records on raw NOR flash: writing them, and finding them whatever lies between."""

import struct
from binascii import crc32

from micropython import const

DATA = const(1)
GAPS = const(2)
NOTE = const(3)

# state (0: delivered) | length, kind and id | CRC-32 of these six and the payload | check of all
_RECORD = "<BHIIH"
HEADER = const(13)
_BLANK = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
_LENGTH_MASK = const(0xFFF)
_KIND_SHIFT = const(12)
# Of the kind: the payload lies there bit by bit inverted, over a bit that had rotted to 0.
_INVERTED = const(8)
# A byte counts as 0 when most of its bits are: neither a torn program nor one flipped bit matters.
_BITS_LEFT = const(4)
_GAPS_MOST = const(16)
# What is looked through goes through here, of all rings: nothing else runs meanwhile.
_piece = bytearray(256)


class Records:
    """What of a record is known after `_seek`: `_id`, `_kind`, `_length`, `_acked`."""

    def __init__(self, flash):
        self._flash = flash
        self._header = bytearray(HEADER)
        self._view = memoryview(self._header)
        self.corrupt = 0

    def _program(self, offset, payload, kind, ident):
        """Write a record, over one byte that is not blank if need be; return whether the flash
        has kept it.
        """
        header = bytearray(_BLANK)
        stop = offset + HEADER + len(payload)
        dirt = self._dirt(offset, stop) - offset
        if offset + dirt < stop:
            self.corrupt += 1
            self._flash.read(offset + dirt, self._view[:1])
            left = self._header[0]
            if dirt >= HEADER and payload[dirt - HEADER] & ~left:
                payload = bytearray(payload)
                _invert(payload)
                kind |= _INVERTED
        view = memoryview(header)
        struct.pack_into("<HI", header, 1, len(payload) | kind << _KIND_SHIFT, ident)
        struct.pack_into("<I", header, 7, crc32(payload, crc32(view[1:7])))
        struct.pack_into("<H", header, 11, crc32(view[1:11]) & 0xFFFF)
        if kind & _INVERTED:
            # Where more than one bit was 0 this may be something else: then it is not kept.
            payload[dirt - HEADER] &= left
        # Write first, then name, and name only what the flash has kept.
        self._flash.program(offset + HEADER, payload)
        self._header[:] = header
        if not (self._parse() and self._whole(offset)):
            return False
        if dirt < HEADER:
            header[dirt] &= left
        self._flash.program(offset, header)
        self._flash.read(offset, self._header)
        if self._fits(offset, stop) or self._mend(offset, stop):
            return True
        self._flash.program(offset, bytes(HEADER))
        return False

    def _parse(self):
        """Take the record header in `_header` apart; False when it is none."""
        state, size, self._id, self._crc, check = struct.unpack(_RECORD, self._header)
        self._length = size & _LENGTH_MASK
        self._kind = size >> _KIND_SHIFT & ~_INVERTED
        self._acked = not mostly_ones(state)
        return check == crc32(self._view[1:11]) & 0xFFFF and DATA <= self._kind <= NOTE

    def _fits(self, offset, stop):
        return self._parse() and offset + HEADER + self._length <= stop

    def _whole(self, offset):
        """Return whether the payload behind the parsed header at `offset` is what was written."""
        crc = crc32(self._view[1:7])
        offset += HEADER
        left = self._length
        while left:
            part = memoryview(_piece)[: min(left, len(_piece))]
            self._flash.read(offset, part)
            crc = crc32(part, crc)
            offset += len(part)
            left -= len(part)
        return crc == self._crc

    def _seek(self, offset, stop):
        """Return where the first record at or behind `offset` is, its header parsed; -1: none."""
        if offset + HEADER > stop:
            return -1
        self._flash.read(offset, self._header)
        if self._fits(offset, stop):
            return offset
        if self._header != _BLANK and self._mend(offset, stop):
            return offset
        # What a cut or rot has left; behind it only a record that is whole counts as one.
        offset += 1
        while offset + HEADER <= stop:
            part = memoryview(_piece)[: min(stop - offset, len(_piece))]
            self._flash.read(offset, part)
            starts = len(part) - HEADER + 1
            # Most pieces are blank. In others most places are ruled out by the kind alone: a torn
            # frame has a thousand, and a mount passes over it several times.
            for i in range(starts if min(part) != 0xFF else 0):
                if DATA <= part[i + 2] >> _KIND_SHIFT - 8 & ~_INVERTED <= NOTE:
                    self._header[:] = part[i : i + HEADER]
                    if self._fits(offset + i, stop):
                        if self._whole(offset + i):
                            return offset + i
                        self._flash.read(offset, part)
            offset += starts
        return -1

    def _mend(self, offset, stop):
        """Undo one flipped bit in the header at `offset`; True when the record is whole then."""
        for bit in range(8, 8 * HEADER):
            self._header[bit >> 3] ^= 1 << (bit & 7)
            if self._fits(offset, stop) and self._whole(offset):
                return True
            self._header[bit >> 3] ^= 1 << (bit & 7)
        return False

    def _dirt(self, offset, stop, last=False):
        """Return the first (or behind the `last`) offset that is not blank; without any, `stop`
        (or `offset`).
        """
        found = offset if last else stop
        while offset < stop:
            part = memoryview(_piece)[: min(stop - offset, len(_piece))]
            self._flash.read(offset, part)
            # Most are blank, and this says so without a turn of the loop for each byte.
            for i in range(len(part) if min(part) != 0xFF else 0):
                if part[i] != 0xFF:
                    if not last:
                        return offset + i
                    found = offset + i + 1
            offset += len(part)
        return found

    def _payload(self, offset):
        """Return the payload of the parsed record, or None when it has rotted."""
        data = bytearray(self._length)
        self._flash.read(offset + HEADER, data)
        whole = crc32(data, crc32(self._view[1:7])) == self._crc
        # What was lost is told by the gaps alone, and they are short.
        if not whole and not (self._kind == GAPS and self._mended(data)):
            return None
        if self._header[2] >> 4 & _INVERTED:
            _invert(data)
        return bytes(data)

    def _mended(self, data):
        """Undo one flipped bit in the payload of the parsed record; return whether it was one."""
        start = crc32(self._view[1:7])
        for bit in range(8 * len(data)):
            data[bit >> 3] ^= 1 << (bit & 7)
            if crc32(data, start) == self._crc:
                return True
            data[bit >> 3] ^= 1 << (bit & 7)
        return False


def _invert(data):
    for i in range(len(data)):
        data[i] ^= 0xFF


def mostly_ones(byte):
    """Return whether a state byte is still as erased."""
    count = 0
    while byte:
        byte &= byte - 1
        count += 1
    return count > _BITS_LEFT


def merge_gaps(gaps):
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


def pack_gaps(gaps):
    return b"".join(struct.pack("<II", first, last) for first, last in gaps)


def unpack_gaps(payload):
    return [struct.unpack_from("<II", payload, i) for i in range(0, len(payload) - 7, 8)]
