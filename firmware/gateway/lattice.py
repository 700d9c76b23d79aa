"""Values that lie on n * first / second, rounded: means of three readings on thirds, many sensors'
in tens. Their n are coded in their place.
"""

from micropython import const

LATTICES = ((1, 1), (10, 3), (10, 1), (100, 1), (5, 1), (2, 1), (1000, 1), (5, 2))
# Bits that a lattice saves for each value that changed, in 1/16: log2(first / second).
_GAIN = (0, 27, 53, 106, 37, 16, 159, 21)
_MISS_COSTS = const(160)
_LEAST_GAIN = const(64)
_MISSES_FREE = const(2)
_BIAS = const(1 << 29)
# A value may be as far off its lattice.
OFF_MOST = const(512)


def on(n, lattice):
    """Return the n-th value of a lattice."""
    first, second = LATTICES[lattice]
    return (2 * n * first + second) // (2 * second)


def number(value, lattice):
    """Return the n of the lattice value next to `value`."""
    first, second = LATTICES[lattice]
    return (2 * value * second + first) // (2 * first)


def choose(cells):
    """Return the number of the lattice that saves most for `cells`, values within ±2^24; 0: none.

    cells: array of the values as the range coder wants them, its BIAS added.
    """
    best = 0
    most = _LEAST_GAIN
    count = len(cells)
    changes = _changes(cells, count)
    for lattice in range(1, len(LATTICES)):
        saved = changes * _GAIN[lattice]
        if saved > most:
            first, second = LATTICES[lattice]
            saved -= _misses(cells, count, first, second) * _MISS_COSTS
            if saved > most:
                best, most = lattice, saved
    return best


# native: (cells: ptr32, count: int) -> int
def _changes(cells, count):
    """Return how many values are not the one before; the first one counts."""
    changes = 1
    row = 1
    while row < count:
        if cells[row] != cells[row - 1]:
            changes += 1
        row += 1
    return changes


# native: (cells: ptr32, count: int, first: int, second: int) -> int
def _misses(cells, count, first, second):
    """Return how many values miss the lattice; as many as there are when it is hopeless."""
    misses = 0
    row = 0
    while row < count:
        value = cells[row] - _BIAS
        n = (2 * value * second + first) // (2 * first)
        if (2 * n * first + second) // (2 * second) != value:
            misses += 1
            if misses > _MISSES_FREE + (row >> 3):
                return count
        row += 1
    return misses
