"""A second decoder of frames, written from docs/frame.md alone: what it leaves out fails here.

Slow and plain; only the numbers of the tables are taken from the firmware.
"""

import zlib

from gateway import priors

ROWS = (96, 90, 16, 6, 3, 1, 64)
UNITS = (1000, 1, 100, 60000)
PERIODS = (10, 300, 150, 60, 1, 2, 5, 15, 20, 30, 120, 600, 900, 1800, 3600)
LATTICES = ((1, 1), (10, 3), (10, 1), (100, 1), (5, 1), (2, 1), (1000, 1), (5, 2))
LIMITS = ((1 << 24, 26), (1 << 28, 30), (1 << 31, 33))


def _table(priors_):
    levels = priors.LEVELS
    return [[levels[8 + (one >> 3)] << 8, levels[one & 7]] for one in priors_]


class Bits:
    """The range coder's bits."""

    def __init__(self, data):
        self.number = int.from_bytes(data + bytes(4096), "big")
        self.left = 8 * (len(data) + 4096) - 29
        self.code = self.number >> self.left
        self.range = (1 << 29) - 1
        self.head = _table(priors.HEAD)

    def _bit(self, bound):
        one = self.code >= bound
        self.code -= bound if one else 0
        self.range = self.range - bound if one else bound
        while self.range < 1 << 21:
            self.left -= 8
            self.range <<= 8
            self.code = self.code << 8 | self.number >> self.left & 255
        return int(one)

    def adaptive(self, table, place):
        p, n = table[place]
        bit = self._bit((self.range >> 12) * (p >> 4 | 1))
        rate = 8192 // (2 * n + 3)
        p = p - (p * rate >> 12) if bit else p + ((65535 - p) * rate >> 12)
        table[place] = [p, min(n + 1, 40)]
        return bit

    def raw(self, bits):
        number = 0
        for _ in range(bits):
            number = number << 1 | self._bit(self.range >> 1)
        return number

    def tree(self, bits, base):
        node = 1
        for _ in range(bits):
            node = node << 1 | self.adaptive(self.head, base + node)
        return node - (1 << bits)

    def sized(self, bits):
        return self.raw(self.raw(bits))

    def signed(self):
        number = self.sized(6)
        return -(number + 1) // 2 if number & 1 else number // 2

    def below_leading(self, table, k, base):
        """Return the size of a number of class `k`."""
        node = 1
        for _ in range(k - 1):
            node = node << 1 | (self.adaptive(table, base + node) if node < 4 else self.raw(1))
        return node

    def bank(self, number, count):
        """Return `count` numbers of a bank of steps."""
        table = _table(priors.BANKS[136 * number : 136 * number + 136])
        last = before = 0
        numbers = []
        for _ in range(count):
            held = max(-2, min(2, last))
            base = 8 * (3 * (held + 2) + max(-1, min(1, before)) + 1)
            k = 0
            while k < 29 and self.adaptive(table, base + min(k, 5)):
                k += 1
            negative = k and self.adaptive(table, base + 6)
            size = self.below_leading(table, k, 120 + 4 * min(k - 2, 3)) if k else 0
            before, last = last, -size if negative else size
            numbers.append(last)
        return numbers


class Column:
    """What is known of a column while it is read. aside: {row: (surprise, way)} to the left."""

    def __init__(self, bits, first, most, classes, aside):
        self.bits, self.classes, self.aside = bits, classes, aside
        self.table = _table(priors.VALUES)
        self.shift = 4 if most == 1 << 24 else 0
        self.last, self.mean = first, first << self.shift
        self.first_bits = min(abs(first).bit_length() // 2, 7)
        self.scores = [1, 0, 2, 3]
        self.slow = self.fast = 0
        self.calm = self.moved = self.sign = 0
        self.known = 0

    def next(self, row):
        surprise, way = self.aside.get(row, (1, 0))
        trend = (self.last << self.shift) + self.mean
        half = trend + (1 << self.shift) >> self.shift + 1
        mean = self.mean + 8 >> 4 if self.shift else self.mean
        guesses = [self.last, half, mean, half + way]
        still = self.known > 0 and self.calm >= 3
        best = 0 if still else self.scores.index(min(self.scores))
        e, q = self._expected()
        if still:
            k, negative = self._still(e, q, surprise, way)
        else:
            base = 12 * (3 * q + surprise) if self.known else 12 * (27 + self.first_bits)
            k = self._class(base, e, 0)
            off = trend - ((guesses[best] - (way if best == 3 else 0)) << self.shift + 1)
            lean = 1 if off > 5 else 2 if off < -5 else 0
            place = 633 + 27 * (best == 3) + 9 * lean + 3 * _sign(way) + self.sign
            negative = k and self.bits.adaptive(self.table, place)
        place = 687 + 4 * min(k - 2, 11)
        size = self.bits.below_leading(self.table, k, place) if k else 0
        number = guesses[best] + (-size if negative else size)
        told = (2 if k else 1) if still else 0 if k < e else 2 if k > e else 1
        self.aside[row] = (told, max(-31, min(31, number - half)))
        self._learn(number, size, negative, still, guesses)
        return number

    def _expected(self):
        if not self.known:
            return 2, 0
        s = (self.slow + self.fast + 1 >> 1) + 4
        b = s.bit_length()
        f = 4 * b + (4 * s >> b - 1 & 3)
        q = f - 12 >> 1
        return (f - 18 >> 2 if f > 18 else 0), (7 + (q - 9 & 1) if q >= 9 else q)

    def _still(self, e, q, surprise, way):
        step = sum(self.calm >= limit for limit in (4, 5, 6, 8, 12, 20))
        if not self.bits.adaptive(self.table, 576 + 3 * (2 * step + self.moved) + surprise):
            return 0, 0
        base = 420 + 12 * q
        if self.slow == 6 and self.fast == 6:
            e, base = 2, 420 + 12 * (9 + self.first_bits // 2)
        k = self._class(base, max(e, 1), 1)
        return k, self.bits.adaptive(self.table, 624 + 3 * _sign(way) + self.sign)

    def _class(self, base, e, least):
        """Return the class of a number, at least `least`, where `e` is expected."""
        k = e
        if e == least or self.bits.adaptive(self.table, base):
            while k < self.classes:
                if not self.bits.adaptive(self.table, base + 1 + min(k - e, 5)):
                    break
                k += 1
            return k
        k -= 1
        while k > least and self.bits.adaptive(self.table, base + 7 + min(e - 1 - k, 4)):
            k -= 1
        return k

    def _learn(self, number, size, negative, still, guesses):
        if size or not still:
            self.sign = 0 if not size else 2 if negative else 1
            size = min(size, 1 << 20)
            if not self.known or (still and self.slow == 6 and self.fast == 6):
                self.slow = self.fast = 12 * size + 6
            elif still:
                self.slow += 16 * size - self.slow >> 2
                self.fast += 16 * size - self.fast >> 1
            else:
                off = 16 * size - self.slow
                self.slow += off // (self.known + 2) if self.known < 4 else off >> 3
                self.fast += 16 * size - self.fast >> 2
        for i, guess in enumerate(guesses):
            self.scores[i] += 16 * min(abs(number - guess), 1 << 24) - self.scores[i] >> 3
        self.moved = int(number != self.last)
        self.calm = self.calm >> 1 if self.moved else min(self.calm + 1, 31)
        if not self.known:
            self.calm = 0 if self.moved else 6
        self.known = min(self.known + 1, 7)
        self.mean += ((number << self.shift) - self.mean) // (self.known + 1)
        self.last = number


def _sign(number):
    return 0 if not number else 1 if number > 0 else 2


def read(data):
    """Return (seq, boot, anchor, times, columns, flags) of a frame."""
    assert data[0] >> 4 == 0b1011
    assert zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little")
    bits = Bits(data[3:-4])
    seq = boot = anchor = None
    if data[0] & 4:
        seq, boot = bits.sized(5), bits.raw(30)
    if data[0] & 2:
        anchor = bits.raw(46)
    choice = bits.tree(3, 0)
    rows = ROWS[choice] if choice < 7 else 1 + bits.raw(10)
    channels = 1 + bits.tree(5, 8)
    times = _times(bits, rows, data[0] & 1)
    aside, like = {}, [0]
    columns, flags = [], []
    for _ in range(channels):
        columns.append(_column(bits, rows, aside, like))
        if data[0] & 8:
            flags.append(_flags(bits, rows))
    return seq, boot, anchor, times, columns, flags if data[0] & 8 else None


def _times(bits, rows, unix):
    unit = UNITS[bits.tree(2, 40)]
    period, how = 1, 0
    if rows > 1:
        choice = bits.tree(4, 48)
        period = PERIODS[choice] if choice < 15 else max(bits.sized(5), 1)
        how = bits.tree(2, 44)
    grid = period if bits.tree(1, 64) else 1
    late = bits.tree(1, 66)
    first = (bits.signed() if late else bits.raw(((1 << 30) // grid).bit_length())) * grid
    if unix:
        first += 1262304000000 // unit
    steps = [0] * (rows - 1)
    if how == 3:
        steps = [bits.signed() - period for _ in steps]
    elif how:
        scale = period if how == 1 else 1
        steps = [scale * step for step in bits.bank(how - 1, rows - 1)]
    times = [first * unit]
    for step in steps:
        times.append(times[-1] + (period + step) * unit)
    return times


def _column(bits, rows, aside, like):
    gone = bits.bank(2, rows) if bits.tree(1, 70) else [0] * rows
    present = [row for row in range(rows) if not gone[row]]
    for row in range(rows):
        if gone[row]:
            aside[row] = (1, 0)
    values = [None] * rows
    if not present:
        return values
    most, classes = LIMITS[bits.tree(2, 76)]
    a, b = LATTICES[bits.tree(3, 80)] if most == 1 << 24 else (1, 1)
    off = (a, b) != (1, 1) and bits.tree(1, 72)
    number = _first(bits, like)
    column = Column(bits, number, most, classes, aside)
    for row in present:
        number = number if row == present[0] else column.next(row)
        values[row] = (2 * number * a + b) // (2 * b)
    if off:
        for row, more in enumerate(bits.bank(4, rows)):
            if values[row] is not None:
                values[row] += more
    return values


def _first(bits, like):
    width = bits.tree(4, 88 + 16 * like[0])
    if width == 15:
        width += bits.raw(5)
    like[0] = 1 if width < 5 else 2 if width < 8 else 3 if width < 11 else 4
    if not width:
        return 0
    size = 1 << width - 1 | bits.raw(width - 1)
    return -size if bits.tree(1, 74) else size


def _flags(bits, rows):
    masks = [0] * rows
    if bits.tree(1, 68):
        before = 0
        for row, change in enumerate(bits.bank(3, rows)):
            before ^= change
            masks[row] = before
    return masks
