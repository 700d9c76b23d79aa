"""The walk over a frame, compiled by numba: what gateway/frame.py and columns.py do, on arrays."""

from __future__ import annotations

import numpy as np

from gateway import columns, frame, lattice
from gateway import rangecoder as rc
from host_tools.bulk import coder

_ROWS = np.array(frame._ROWS, np.int64)
_PERIODS = np.array(frame._PERIODS, np.int64)
_UNITS = np.array(frame._UNITS, np.int64)
_FIRSTS = np.array([first for first, _ in lattice.LATTICES], np.int64)
_SECONDS = np.array([second for _, second in lattice.LATTICES], np.int64)
_GAINS = np.array(lattice._GAIN, np.int64)
_MOST = np.array(columns._MOST, np.int64)
_EPOCH_MS = frame._EPOCH_S * 1000
# No step between two times is longer; products stay within 64 bits.
_STEP_MOST = 2 * frame._TIME_MOST
_misses = coder.lean(lattice._misses)
_changes = coder.lean(lattice._changes)


@coder.lean
def header(state, chances, seen, one, side, data, first, info):
    """Code what comes before the times. info: seq, boot, anchor (-1: none), rows, channels."""
    if first & frame._NUMBERED:
        info[0] = coder.sized(state, chances, seen, one, side, data, max(info[0], 0), 5)
        info[1] = coder.raw(state, chances, seen, one, side, data, info[1], frame._NUMBER_BITS)
    if first & frame._ANCHORED:
        info[2] = coder.raw(state, chances, seen, one, side, data, info[2], frame._UNIX_BITS)
    choice = 0
    while choice < len(_ROWS) and _ROWS[choice] != info[3]:
        choice += 1
    choice = coder.tree(state, chances, seen, one, side, data, frame._ROWS_TREE, choice, 3)
    info[3] = (
        _ROWS[choice]
        if choice < len(_ROWS)
        else 1 + coder.raw(state, chances, seen, one, side, data, info[3] - 1, 10)
    )
    info[4] = 1 + coder.tree(
        state, chances, seen, one, side, data, frame._CHANNELS_TREE, info[4] - 1, 5
    )


@coder.compiled
def _usual(steps):
    period = min(max(np.sort(steps)[len(steps) // 2], 1), (1 << 30) - 1)
    if len(steps) < frame._ROUGH_ROWS:
        near = _PERIODS[0]
        for listed in _PERIODS:
            if abs(listed - period) < abs(near - period):
                near = listed
        if abs(near - period) * 50 <= period:
            return near
    return period


@coder.lean
def _period(state, chances, seen, one, side, data, period):
    choice = 0
    while choice < len(_PERIODS) and _PERIODS[choice] != period:
        choice += 1
    choice = coder.tree(state, chances, seen, one, side, data, frame._PERIOD_TREE, choice, 4)
    if choice < len(_PERIODS):
        return _PERIODS[choice]
    return max(coder.sized(state, chances, seen, one, side, data, period, 5), 1)


@coder.compiled
def _mode(steps, period):
    mode = frame._REGULAR
    for step in steps:
        if step != period:
            if not -rc.FULL < step - period < rc.FULL:
                return frame._FAR
            if step % period:
                mode = frame._JITTER
            elif mode == frame._REGULAR:
                mode = frame._ON_GRID
    return mode


@coder.compiled
def times(state, chances, seen, one, side, data, first_byte, when):
    """Code the rows' times, unix or uptime ms, in place; 0, REFUSED or NO_ROOM."""
    decoding = state[coder.DECODING]
    rows = len(when)
    choice = 0
    if not decoding:
        while np.any(when % _UNITS[choice] != 0):
            choice += 1
    unit = _UNITS[coder.tree(state, chances, seen, one, side, data, frame._UNIT_TREE, choice, 2)]
    steps = np.zeros(rows - 1, np.int64)
    period = np.int64(1)
    mode = frame._REGULAR
    if rows > 1:
        if not decoding:
            steps[:] = (when[1:] - when[:-1]) // unit
            period = _usual(steps)
        period = _period(state, chances, seen, one, side, data, period)
        mode = coder.tree(
            state,
            chances,
            seen,
            one,
            side,
            data,
            frame._MODE_TREE,
            0 if decoding else _mode(steps, period),
            2,
        )
    epoch = _EPOCH_MS // unit if first_byte & frame._SYNCED else 0
    first = np.int64(0) if decoding else when[0] // unit - epoch
    aligned = coder.tree(
        state, chances, seen, one, side, data, frame._ALIGNED, 1 if first % period == 0 else 0, 1
    )
    grid = period if aligned else np.int64(1)
    first //= grid
    width = coder.bits_of((1 << 30) // grid)
    late = 0 if first >= 0 and first < np.int64(1) << width else 1
    if coder.tree(state, chances, seen, one, side, data, frame._LATE, late, 1):
        first = coder.signed(state, chances, seen, one, side, data, first)
    else:
        first = coder.raw(state, chances, seen, one, side, data, first, width)
    if abs(first) > _STEP_MOST // (grid * unit) + 1:
        return coder.REFUSED
    if decoding:
        when[0] = (first * grid + epoch) * unit
        if when[0] < -frame._TIME_MOST or when[0] >= frame._TIME_MOST:
            return coder.REFUSED
    if mode == frame._FAR:
        for row in range(rows - 1):
            steps[row] = coder.signed(state, chances, seen, one, side, data, steps[row])
        period = np.int64(0)
        grid = np.int64(1)
    elif mode != frame._REGULAR:
        grid = period if mode == frame._ON_GRID else np.int64(1)
        steps -= period
        steps[:] = steps // grid + rc.BIAS
        bank = frame._GRID_BANK if mode == frame._ON_GRID else frame._JITTER_BANK
        failed = coder.code_steps(state, chances, seen, one, side, data, bank, steps, rows - 1)
        if failed:
            return failed
        steps -= rc.BIAS
    else:
        steps[:] = 0
    if decoding:
        for row in range(rows - 1):
            if abs(steps[row]) > _STEP_MOST:
                return coder.REFUSED
            step = steps[row] * grid + period
            if abs(step) > _STEP_MOST // unit:
                return coder.REFUSED
            when[row + 1] = when[row] + step * unit
            if when[row + 1] < -frame._TIME_MOST or when[row + 1] >= frame._TIME_MOST:
                return coder.REFUSED
    return 0


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


@coder.compiled
def body(state, chances, seen, one, side, data, cells, off, first, when, values, missing, flags):
    """Code times and channels in place; arrays of (rows), (channels, rows) each."""
    failed = times(state, chances, seen, one, side, data, first, when)
    if failed:
        return failed
    side[: len(when)] = rc.NOTHING
    for i in range(len(values)):
        failed = column(state, chances, seen, one, side, data, cells, off, values[i], missing[i])
        if not failed and first & frame._FLAGGED:
            failed = masks(state, chances, seen, one, side, data, cells, flags[i])
        if failed:
            return failed
    return 0


@coder.lean
def _open(state, chances, seen, one, side, data, offsets, i, info):
    """Begin to decode the frame in data[offsets[i]:offsets[i + 1]]; its header goes to `info`."""
    start, end = offsets[i], offsets[i + 1] - frame._CRC_BYTES
    coder.begin(state, chances, seen, data, start + frame.HEAD_BYTES, end, True)
    header(state, chances, seen, one, side, data, data[start], info)


@coder.compiled
def headers(state, chances, seen, one, side, data, offsets, infos):
    """Fill `infos` (frames, 5) of the frames in data[offsets[i]:offsets[i + 1]]."""
    for i in range(len(infos)):
        infos[i, :3] = -1
        _open(state, chances, seen, one, side, data, offsets, i, infos[i])


@coder.compiled
def bodies(
    state,
    chances,
    seen,
    one,
    side,
    data,
    cells,
    off,
    offsets,
    chosen,
    rows_at,
    when,
    values,
    missing,
    flags,
):
    """Decode the frames `chosen`, rows from `rows_at` on; return one that is refused, or -1."""
    info = np.zeros(5, np.int64)
    for n in range(len(chosen)):
        i = chosen[n]
        first = rows_at[n]
        _open(state, chances, seen, one, side, data, offsets, i, info)
        stop = first + info[3]
        if body(
            state,
            chances,
            seen,
            one,
            side,
            data,
            cells,
            off,
            data[offsets[i]],
            when[first:stop],
            values[:, first:stop],
            missing[:, first:stop],
            flags[:, first:stop],
        ):
            return i
    return -1


@coder.compiled
def pack(state, chances, seen, one, side, data, cells, off, info, when, values, missing, flags):
    """Write one frame behind its head, less the CRC; return its bytes, REFUSED or NO_ROOM."""
    coder.begin(state, chances, seen, data, frame.HEAD_BYTES, len(data) - 8, False)
    header(state, chances, seen, one, side, data, data[0], info)
    failed = body(
        state, chances, seen, one, side, data, cells, off, data[0], when, values, missing, flags
    )
    if failed:
        return failed
    return coder.NO_ROOM if state[rc._AT] > state[rc._END] - rc._ROOM else coder.finish(state, data)
