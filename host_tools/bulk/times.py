"""The rows' times, compiled by numba: what gateway/frame.py does with them, on arrays."""

from __future__ import annotations

import numpy as np

from gateway import frame
from gateway import rangecoder as rc
from host_tools.bulk import coder

_PERIODS = np.array(frame._PERIODS, np.int64)
_UNITS = np.array(frame._UNITS, np.int64)
_EPOCH_MS = frame._EPOCH_S * 1000
# No step between two times is longer; products stay within 64 bits.
_STEP_MOST = 2 * frame._TIME_MOST


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
    if coder.tree(state, chances, seen, one, side, data, frame._FAR_OFF, late, 1):
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
