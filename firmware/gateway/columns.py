"""How the whole numbers of one column become bits: predict, then code what is left over.

Every function serves encoding and decoding: the coder returns what it coded, and a decoder
ignores what
it is handed. For values within ±2^28 every intermediate stays below 2^30.
"""

from micropython import const

from gateway import priors
from gateway.rangecoder import Probabilities

# A residual is coded by its class, the number of its bits, seen from the class that is expected.
_CLASS_MOST = const(50)
_UP = const(6)
_DOWN = const(5)
_NODES = const(12)
_EXPECTED_MOST = const(4)
_TOP_NODES = const(8)
_TOP_CLASS_MOST = const(11)
_SETTLED = const(4)
# The classes a column may start with.
STARTS = (0, 1, 2, 3, 4, 6, 8, 11)

# Values lie on n * first / second, rounded: means of three readings on thirds, many sensors in
# tens.
LATTICES = ((1, 1), (10, 3), (10, 1), (100, 1), (5, 1), (2, 1), (1000, 1), (5, 2))
# Bits that a lattice saves for each value, in 1/16: log2(first / second).
LATTICE_GAIN = (0, 27, 53, 106, 37, 16, 159, 21)
LATTICE_MISS = const(160)
# Beyond this no lattice and no fraction in the mean: products would reach 2^30.
WIDE = const(1 << 24)


def bits_of(n):
    """Return the number of bits of `n` >= 0."""
    k = 0
    while n:
        n >>= 1
        k += 1
    return k


def on_lattice(n, lattice):
    """Return the n-th value of a lattice."""
    first, second = LATTICES[lattice]
    return (2 * n * first + second) // (2 * second)


def to_lattice(value, lattice):
    """Return the n of the lattice value next to `value`."""
    first, second = LATTICES[lattice]
    return (2 * value * second + first) // (2 * first)


def choose_lattice(values):
    """Return the number of the lattice that saves most for `values` (no None among them)."""
    best = 0
    most = 64
    if not values or max(values) >= WIDE or min(values) <= -WIDE:
        return 0
    for lattice in range(1, len(LATTICES)):
        misses = 0
        for value in values:
            if on_lattice(to_lattice(value, lattice), lattice) != value:
                misses += 1
                if misses * 8 >= len(values):
                    break
        saved = len(values) * LATTICE_GAIN[lattice] - misses * LATTICE_MISS
        if saved > most and misses * 8 < len(values):
            best, most = lattice, saved
    return best


def choose_start(classes):
    """Return the index in STARTS next to the mean of the first classes."""
    n = min(len(classes), 8)
    mean = sum(classes[:n]) * 2 // n if n else 0
    best = 0
    for i in range(1, len(STARTS)):
        if abs(2 * STARTS[i] - mean) < abs(2 * STARTS[best] - mean):
            best = i
    return best


class Residuals:
    """Codes the residuals of one column after the other, its left neighbour as context."""

    def __init__(self, rows):
        # Of the column before, for each row: was it smaller (0) or greater (2) than expected, its
        # sign.
        self._surprise = bytearray([1] * rows)
        self._signs = bytearray(rows)
        self._class = Probabilities(priors.CLASS)
        self._sign = Probabilities(priors.SIGN)
        self._top = Probabilities(priors.TOP)

    def forget(self):
        """Begin with a column that has no neighbour."""
        for row in range(len(self._signs)):
            self._surprise[row] = 1
            self._signs[row] = 0

    def begin(self, start):
        """Begin a column whose residuals are expected to have `start` bits at first."""
        self._class.start(priors.CLASS)
        self._sign.start(priors.SIGN)
        self._top.start(priors.TOP)
        self._expected = start << 4
        self._last_sign = 0
        self._count = 0

    def code(self, coder, row, residual):
        """Code the residual of `row`; return it."""
        size = -residual if residual < 0 else residual
        expected = self._expected + 8 >> 4
        k = self._code_class(coder, row, bits_of(size), expected)
        sign = 0
        if k:
            context = self._signs[row] * 3 + self._last_sign
            sign = 1 + coder.bit(self._sign, context, residual < 0)
            size = self._code_mantissa(coder, k, size)
        else:
            size = 0
        self._surprise[row] = 1 + (k > expected) - (k < expected)
        self._signs[row] = sign
        self._last_sign = sign
        move = (k << 4) - self._expected
        if self._count < _SETTLED:
            self._count += 1
            self._expected += move // (self._count + 1)
        else:
            self._expected += move + 4 >> 3
        return -size if sign == 2 else size

    def _code_class(self, coder, row, k, expected):
        chances = self._class
        node = (min(expected, _EXPECTED_MOST) * 3 + self._surprise[row]) * _NODES
        if coder.bit(chances, node, k >= expected):
            at = expected
            while at < _CLASS_MOST:
                if not coder.bit(chances, node + 1 + min(at - expected, _UP - 1), k > at):
                    break
                at += 1
            return at
        at = expected - 1
        node += 1 + _UP
        while at and coder.bit(chances, node + min(expected - 1 - at, _DOWN - 1), k < at):
            at -= 1
        return at

    def _code_mantissa(self, coder, k, size):
        """Code what follows the leading one of `size`, the first three bits adaptively."""
        base = min(k - 2, _TOP_CLASS_MOST) * _TOP_NODES
        left = k - 1
        node = 1
        while left and node < _TOP_NODES:
            left -= 1
            node = node << 1 | coder.bit(self._top, base + node, size >> left & 1)
        # `node` has grown to the leading one and the bits behind it.
        return node << left | coder.raw(size & (1 << left) - 1, left) if left else node


class Predictor:
    """Foretells a column's next value by whichever did best of late: the last, a mean, or
    between.
    """

    def __init__(self, first, wide):
        # The mean carries four bits of fraction, unless the values are too wide for that.
        self._shift = 0 if wide else 4
        self._last = first
        self._mean = first << self._shift
        self._count = 1
        self._misses = [1, 0, 2]

    def guess(self):
        """Return the value to expect."""
        mean = self._mean + (8 if self._shift else 0) >> self._shift
        self._guesses = (self._last, self._last + mean >> 1, mean)
        misses = self._misses
        best = 0
        if misses[1] < misses[0]:
            best = 1
        if misses[2] < misses[best]:
            best = 2
        return self._guesses[best]

    def learn(self, value):
        """Take the value that came."""
        for i in range(3):
            miss = min(abs(value - self._guesses[i]), WIDE)
            self._misses[i] += (miss << 4) - self._misses[i] >> 3
        if self._count < 8:
            self._count += 1
        self._mean += ((value << self._shift) - self._mean) // self._count
        self._last = value
