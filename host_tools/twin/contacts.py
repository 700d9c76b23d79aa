"""The edges of simulated contacts, as the world sends them and as the ring on a board has them."""

import struct

from micropython import const

# As in gateway/edges.py, whose names a board's image does not keep.
SECOND = const(2)
TICKS_MASK = const(0x3FFFFFFF)


def edges(data, now):
    """Return the edges of one or two models' bytes, in order."""
    found = []
    for number, waiting in enumerate(data):
        for i in range(0, len(waiting) & -4, 4):
            age = struct.unpack_from("<I", waiting, i)[0] & TICKS_MASK
            found.append((-(age & -4), age & 1 | (SECOND if number else 0)))
    # MicroPython's sort would mix those of one moment.
    found.sort(key=lambda edge: edge[0])
    return [(now + age & TICKS_MASK) | what for age, what in found]
