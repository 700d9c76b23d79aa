"""The range coder's way back, for numba: bits and small trees of them.

The device's source, `rc.code`, has one loop for both ways and every task, as it must be small.
Here and in numbers.py each phase has a place of its own, as a processor wants it that guesses
branches. Tests hold the two against each other, on frames from the encoder and from strangers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gateway import rangecoder as rc
from gateway import workplace

ONE = np.int64(1)
_RATES = np.array(workplace.rates(rc._SETTLED), np.int64)
inlined = njit(nogil=True, error_model="numpy", _nrt=False, forceinline=True)


@inlined
def refill(data, end, low, span, at):
    """Take bytes until the range has 21 bits; they lie three bits off the bytes' limits."""
    while span < rc._LEAST:
        span <<= 8
        low <<= 8
        if at < end:
            low |= np.int64(data[np.uintp(at - 1)]) << 5 & 255 | np.int64(data[np.uintp(at)]) >> 3
        elif at == end:
            low |= np.int64(data[np.uintp(at - 1)]) << 5 & 255
        at += 1
    return low, span, at


@inlined
def see(chances, seen, spot, span):
    """Return a bit's chance, by what share it moves, and where a 1 begins; count the sight."""
    chance = np.int64(chances[spot])
    sights = np.int64(seen[spot])
    seen[spot] = sights + (sights < rc._SETTLED)
    return chance, _RATES[np.uintp(sights)], (span >> 12) * (chance >> 4 | 1)


@inlined
def decide(chances, seen, data, end, spot, low, span, at):
    """Decode a bit that decides what comes next: processors go on with what is likelier."""
    spot = np.uintp(spot)
    chance, rate, bound = see(chances, seen, spot, span)
    if low >= bound:
        chances[spot] = chance - (chance * rate >> 12)
        low, span, at = refill(data, end, low - bound, span - bound, at)
        return ONE, low, span, at
    chances[spot] = chance + ((chance ^ 65535) * rate >> 12)
    low, span, at = refill(data, end, low, bound, at)
    return np.int64(0), low, span, at


@inlined
def digit(chances, seen, data, end, spot, low, span, at):
    """Decode a bit that is as likely a 1 as a 0: arithmetic in place of a branch."""
    spot = np.uintp(spot)
    chance, rate, bound = see(chances, seen, spot, span)
    bit = np.int64(low >= bound)
    mask = -bit
    move = (chance ^ 65535 & ~mask) * rate >> 12
    chances[spot] = chance + ((move ^ mask) - mask)
    low, span, at = refill(data, end, low - (bound & mask), bound + (span - 2 * bound & mask), at)
    return bit, low, span, at


@inlined
def raw(data, end, low, span, at):
    """Decode a bit that nothing is known of."""
    bound = span >> 1
    bit = np.int64(low >= bound)
    low, span, at = refill(data, end, low - (bound & -bit), bound + (span - 2 * bound & -bit), at)
    return bit, low, span, at


@inlined
def mantissa(chances, seen, data, end, base, left, low, span, at):
    """Return a size whose highest bit is known by the `left` below it; adaptive are the first."""
    size = ONE
    while left and size < rc._TOP_LEAVES:
        bit, low, span, at = digit(chances, seen, data, end, base + size, low, span, at)
        size = size << 1 | bit
        left -= 1
    while left:
        bit, low, span, at = raw(data, end, low, span, at)
        size = size << 1 | bit
        left -= 1
    return size, low, span, at


def tree(state, chances, seen, data, base, width, levels):
    """Return `width` bits, the first `levels` of them adaptive."""
    low = state[rc._LOW]
    span = state[rc._RANGE]
    at = state[rc._AT]
    end = state[rc._END]
    node = ONE
    leaves = ONE << levels
    for _ in range(width):
        if node < leaves:
            bit, low, span, at = decide(chances, seen, data, end, base + node, low, span, at)
        else:
            bit, low, span, at = raw(data, end, low, span, at)
        node = node << 1 | bit
    state[rc._LOW] = low
    state[rc._RANGE] = span
    state[rc._AT] = at
    return node - (ONE << width)
