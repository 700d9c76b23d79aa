"""One channel and its flags, compiled by numba: what gateway/columns.py does, on arrays."""

from __future__ import annotations

import numpy as np

from gateway import columns, lattice
from gateway import rangecoder as rc
from host_tools.bulk import coder

_FIRSTS = np.array([first for first, _ in lattice.LATTICES], np.int64)
_SECONDS = np.array([second for _, second in lattice.LATTICES], np.int64)
_GAINS = np.array(lattice._GAIN, np.int64)
_MOST = np.array(columns._MOST, np.int64)
_misses = coder.lean(lattice._misses)
_changes = coder.lean(lattice._changes)


@coder.lean
def _lattice(cells, rows):
    best = 0
    most = lattice._LEAST_GAIN
    changes = _changes(cells, rows)
    for kind in range(1, len(_FIRSTS)):
        saved = changes * _GAINS[kind]
        if saved > most:
            saved -= _misses(cells, rows, _FIRSTS[kind], _SECONDS[kind]) * lattice._MISS_COSTS
            if saved > most:
                best, most = kind, saved
    return best


@coder.lean
def _size(cells, rows):
    least = most = cells[0]
    for row in range(1, rows):
        least = min(least, cells[row])
        most = max(most, cells[row])
    least -= rc.BIAS
    most -= rc.BIAS
    if least > -rc.WIDE and most < rc.WIDE:
        return columns._NARROW
    if least < -columns._VALUE_MOST or most >= columns._VALUE_MOST:
        return coder.REFUSED
    return columns._WIDE if least >= -rc.FULL and most <= rc.FULL else columns._FULL


@coder.lean
def _first(state, chances, seen, one, side, data, first, most):
    """Return a column's first number; beyond `most`: there is none such."""
    width = coder.bits_of(abs(first))
    base = columns._WIDTH_TREE + 16 * state[coder.LIKE]
    long = width - columns._WIDTH_LONG
    width = coder.tree(
        state, chances, seen, one, side, data, base, min(width, columns._WIDTH_LONG), 4
    )
    if width == columns._WIDTH_LONG:
        width += coder.raw(state, chances, seen, one, side, data, long, columns._WIDTH_LONG_BITS)
    state[coder.LIKE] = 1 if width < 5 else 2 if width < 8 else 3 if width < 11 else 4
    if not width:
        return np.int64(0)
    if width > columns._WIDTH_MOST:
        return most + 1
    leading = np.int64(1) << width - 1
    size = leading | coder.raw(
        state, chances, seen, one, side, data, abs(first) & leading - 1, width - 1
    )
    return (
        -size
        if coder.tree(
            state, chances, seen, one, side, data, columns._NEGATIVE, 1 if first < 0 else 0, 1
        )
        else size
    )


@coder.lean
def column(state, chances, seen, one, side, data, cells, off, values, missing):
    """Code one channel in place; values where `missing` are 0; 0, REFUSED or NO_ROOM."""
    decoding = state[coder.DECODING]
    rows = len(values)
    start = 0
    some = 0
    if not decoding:
        for row in range(rows):
            some |= missing[row]
    some = coder.tree(state, chances, seen, one, side, data, columns._MISSING, some, 1)
    if some:
        for row in range(rows):
            cells[row] = rc.BIAS + (0 if decoding else missing[row])
        failed = coder.code_steps(
            state, chances, seen, one, side, data, columns._MISSING_BANK, cells, rows
        )
        if failed:
            return failed
        start = rows
        for row in range(rows - 1, -1, -1):
            missing[row] = cells[row] != rc.BIAS
            if missing[row]:
                side[row] = rc.GONE
                # What stays there: a value of 0.
                cells[row] = rc.BIAS
            else:
                start = row
    if start < rows:
        failed = _present(state, chances, seen, one, side, data, cells, off, values, missing, start)
        if failed:
            return failed
    if some:
        for row in range(rows):
            if missing[row]:
                side[row] = rc.NOTHING
    return 0


@coder.lean
def _present(state, chances, seen, one, side, data, cells, off, values, missing, start):
    decoding = state[coder.DECODING]
    rows = len(values)
    size = 0
    kind = 0
    if not decoding:
        for row in range(rows):
            cells[row] = values[row] + rc.BIAS
        size = _size(cells, rows)
        if size < 0:
            return coder.REFUSED
    size = coder.tree(state, chances, seen, one, side, data, columns._SIZE_TREE, size, 2)
    if size > columns._FULL:
        return coder.REFUSED
    if size == columns._NARROW:
        kind = 0 if decoding else _lattice(cells, rows)
        kind = coder.tree(state, chances, seen, one, side, data, columns._LATTICE_TREE, kind, 3)
    first_of, second_of = _FIRSTS[kind], _SECONDS[kind]
    inexact = 0
    if kind:
        for row in range(rows):
            off[row] = rc.BIAS
        if not decoding:
            for row in range(rows):
                value = cells[row] - rc.BIAS
                number = (2 * value * second_of + first_of) // (2 * first_of)
                cells[row] = number + rc.BIAS
                off[row] += value - (2 * number * first_of + second_of) // (2 * second_of)
                if off[row] != rc.BIAS:
                    inexact = 1
        inexact = coder.tree(state, chances, seen, one, side, data, columns._INEXACT, inexact, 1)
    most = _MOST[size]
    first = _first(state, chances, seen, one, side, data, cells[start] - rc.BIAS, most)
    if abs(first) > most:
        return coder.REFUSED
    cells[start] = first + rc.BIAS
    coder.begin_values(state, chances, seen, first, most)
    failed = coder.run(state, chances, seen, one, side, data, rc.VALUES, cells, start + 1, rows)
    if failed:
        return failed
    if inexact:
        failed = coder.code_steps(
            state, chances, seen, one, side, data, columns._OFF_BANK, off, rows
        )
        if failed:
            return failed
    if decoding:
        return _take(cells, off, values, missing, start, kind, most)
    return 0


@coder.lean
def _take(cells, off, values, missing, start, kind, most):
    """Put what was decoded into `values`; 0, or REFUSED."""
    rows = len(values)
    if not kind and most <= rc.FULL:
        # Nothing to judge. Beside the numbers of the missing ones stands a 0.
        for row in range(np.uintp(start), np.uintp(rows)):
            values[row] = cells[row] - rc.BIAS
        return 0
    first_of, second_of = _FIRSTS[kind], _SECONDS[kind]
    for row in range(start, rows):
        if missing[row]:
            continue
        value = cells[row] - rc.BIAS
        if kind:
            value = (2 * value * first_of + second_of) // (2 * second_of) + off[row] - rc.BIAS
        if value < -columns._VALUE_MOST or value >= columns._VALUE_MOST:
            return coder.REFUSED
        values[row] = value
    return 0


@coder.lean
def masks(state, chances, seen, one, side, data, cells, flags):
    """Code one channel's flags in place; 0, REFUSED or NO_ROOM."""
    rows = len(flags)
    if not coder.tree(
        state, chances, seen, one, side, data, columns._HAS_FLAGS, 1 if np.any(flags) else 0, 1
    ):
        return 0
    cells[:rows] = rc.BIAS
    before = np.int64(0)
    if not state[coder.DECODING]:
        for row in range(rows):
            cells[row] += np.int64(flags[row]) ^ before
            before = np.int64(flags[row])
    failed = coder.code_steps(
        state, chances, seen, one, side, data, columns._FLAGS_BANK, cells, rows
    )
    before = np.int64(0)
    for row in range(rows):
        before ^= cells[row] - rc.BIAS
        if before < 0 or before > 255:
            return coder.REFUSED
        flags[row] = before
    return failed
