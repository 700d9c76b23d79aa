"""The range coder on frames' bytes, for numba: encoding is the device's own source, compiled.

The functions share the arrays of `workspace()` (one by one: numba counts references to what it
takes out of a tuple) and the bytes `data` (uint8). What the device's decoder would refuse makes
-1, room that does not suffice -2.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numba
import numpy as np
import platformdirs
from numba import njit

from gateway import columns, frame, lattice, priors, workplace
from gateway import rangecoder as rc
from host_tools.bulk import bits, numbers

_SOURCES = [
    *sorted(Path(__file__).parent.glob("*.py")),
    *(Path(module.__file__) for module in (columns, frame, lattice, priors, rc)),
]
# numba looks at one file to know whether what it kept is stale: here all of them name the place.
_AGE = hashlib.sha256(b"".join(source.read_bytes() for source in _SOURCES)).hexdigest()
numba.config.CACHE_DIR = str(platformdirs.user_cache_path("kista") / "compiled" / _AGE[:16])

REFUSED = -1
NO_ROOM = -2

compiled = njit(cache=True, nogil=True, error_model="numpy")
# For what makes no arrays: numba then counts no references, which would take most of the time.
lean = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
bits_of = lean(rc.bits_of)


_RATES = np.array(workplace.rates(rc._SETTLED), np.int64)
# Behind the range coder's places in the state: are these bytes decoded, `like` of its Coder.
DECODING = rc._RATES + len(_RATES)
LIKE = DECODING + 1
# Behind the coder's places in the chances, and in what they have seen: what they begin as.
_FRESH_HEAD = rc._CHANCES
_FRESH_VALUES = _FRESH_HEAD + rc._WORK
_FRESH_BANKS = _FRESH_VALUES + len(priors.VALUES)


def _fresh() -> tuple[np.ndarray, np.ndarray]:
    fresh = priors.HEAD[: rc._WORK] + priors.VALUES + priors.BANKS
    chances = np.zeros(rc._CHANCES + len(fresh), np.uint16)
    seen = np.zeros(rc._CHANCES + len(fresh), np.uint8)
    rc.reset(chances, seen, _FRESH_HEAD, fresh, priors.LEVELS, 0, len(fresh))
    return chances, seen


_CHANCES, _SEEN = _fresh()


def workspace() -> tuple:
    """Return ((state, chances, seen, one number, side), (cells, offsets)), to use again."""
    return (
        (
            np.zeros(LIKE + 1, np.int64),
            _CHANCES.copy(),
            _SEEN.copy(),
            np.zeros(1, np.int64),
            np.zeros(frame.MAX_ROWS, np.uint8),
        ),
        (np.zeros(frame.MAX_ROWS, np.int64), np.zeros(frame.MAX_ROWS, np.int64)),
    )


_encode = lean(rc.code)


@lean
def _reset(chances, seen, at, fresh, size):
    """Copy `size` chances from `fresh` to `at`: to look each up would take a fifth of the time."""
    # Without a sign: numba then does not look for places counted from the end.
    to, source = np.uintp(at), np.uintp(fresh)
    for i in range(np.uintp(size)):
        chances[to + i] = chances[source + i]
    for i in range(np.uintp(size)):
        seen[to + i] = seen[source + i]


_decode_values = lean(numbers.values)
_decode_steps = lean(numbers.steps)
_decode_tree = lean(bits.tree)


@lean
def _bits(state, chances, seen, one, side, data, base, value, width, levels):
    """Code up to 24 bits; a frame without room left goes on with nonsense, and is found out."""
    if state[DECODING]:
        return _decode_tree(state, chances, seen, data, base, width, levels)
    state[rc._BASE] = base
    state[rc._WIDTH] = width
    state[rc._LEVELS] = levels
    state[rc._ROW] = 0
    state[rc._STOP] = 1
    one[0] = value + rc.BIAS
    _encode(rc.TREE, state, chances, seen, one, side, data)
    return value


@lean
def tree(state, chances, seen, one, side, data, base, value, width):
    return _bits(state, chances, seen, one, side, data, base, value, width, width)


@lean
def raw(state, chances, seen, one, side, data, value, width):
    coded = np.int64(0)
    while width > 24:
        width -= 24
        coded = coded << 24 | _bits(
            state, chances, seen, one, side, data, 0, value >> width & 0xFFFFFF, 24, 0
        )
    return coded << width | _bits(
        state, chances, seen, one, side, data, 0, value & (1 << width) - 1, width, 0
    )


@lean
def sized(state, chances, seen, one, side, data, value, size_bits):
    size = raw(state, chances, seen, one, side, data, bits_of(value), size_bits)
    return raw(state, chances, seen, one, side, data, value, size)


@lean
def signed(state, chances, seen, one, side, data, value):
    value = sized(
        state, chances, seen, one, side, data, value << 1 if value >= 0 else (-value << 1) - 1, 6
    )
    return -((value >> 1) + 1) if value & 1 else value >> 1


@lean
def run(state, chances, seen, one, side, data, task, cells, row, stop):
    state[rc._ROW] = row
    state[rc._STOP] = stop
    if state[DECODING]:
        if task == rc.VALUES:
            reached = _decode_values(state, chances, seen, cells, side, data)
        else:
            reached = _decode_steps(state, chances, seen, cells, data)
        return 0 if reached == stop else REFUSED
    return 0 if _encode(task, state, chances, seen, cells, side, data) == stop else NO_ROOM


@lean
def code_steps(state, chances, seen, one, side, data, bank, cells, rows):
    """Code small numbers, BIAS added, in place."""
    state[rc._BASE] = rc._WORK
    state[rc._LAST] = rc.BIAS
    state[rc._BEFORE] = rc.BIAS
    state[rc._MOST] = rc.FULL
    state[rc._CLASS_MOST] = rc._STEP_CLASS_MOST
    _reset(chances, seen, rc._WORK, _FRESH_BANKS + bank * rc._BANK, rc._BANK)
    return run(state, chances, seen, one, side, data, rc.STEPS, cells, 0, rows)


@lean
def begin_values(state, chances, seen, first, most):
    state[rc._BASE] = rc._WORK
    state[rc._SHIFT] = 4 if most <= rc.WIDE else 0
    state[rc._LAST] = first + rc.BIAS
    state[rc._MEAN] = (first << state[rc._SHIFT]) + rc.BIAS
    state[rc._MISS] = 1
    state[rc._MISS + 1] = 0
    state[rc._MISS + 2] = 2
    state[rc._MISS + 3] = 3
    state[rc._COUNT] = 0
    state[rc._CALM] = 0
    state[rc._LAST_SIGN] = 0
    state[rc._FIRST] = min(bits_of(abs(first)) >> 1, rc._FIRSTS - 1)
    state[rc._MOST] = most
    state[rc._CLASS_MOST] = bits_of(most) + 1
    _reset(chances, seen, rc._WORK, _FRESH_VALUES, len(priors.VALUES))


@lean
def begin(state, chances, seen, data, start, end, decoding):
    """Begin at `start`, behind the three bytes of the head; `end`: of the bits, or of the room."""
    for i in range(DECODING):
        state[i] = _RATES[i - rc._RATES] if i >= rc._RATES else 0
    state[LIKE] = 0
    state[rc._RANGE] = rc._RANGE_MOST
    state[rc._END] = end
    state[rc._AT] = start
    if decoding:
        state[DECODING] = 1
        state[rc._AT] = start + 4
        for i in range(4):
            byte = np.int64(data[start + i]) if start + i < end else 0
            state[rc._LOW] |= byte << 21 - 8 * i if i < 3 else byte >> 3
    _reset(chances, seen, 0, _FRESH_HEAD, rc._WORK)


@lean
def finish(state, data):
    """Write the last bytes behind a head of three; return how many the frame has, less its CRC."""
    size = state[rc._AT]
    low = _settle(data, size, state[rc._LOW])
    span = state[rc._RANGE]
    end = low
    for zeros in range(28, -1, -1):
        end = low + (1 << zeros) - 1 >> zeros << zeros
        if end < low + span:
            break
    low = _settle(data, size, end)
    for shift in (21, 13, 5):
        data[size] = low >> shift & 255
        size += 1
    data[size] = low << 3 & 255
    while not data[size] and size >= frame.HEAD_BYTES:
        size -= 1
    return size + 1


@lean
def _settle(data, at, low):
    if low >> 29:
        at -= 1
        while data[at] == 255:
            data[at] = 0
            at -= 1
        data[at] += 1
    return low & rc._RANGE_MOST
