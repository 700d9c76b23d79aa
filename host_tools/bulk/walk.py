"""The walk over a frame, compiled by numba: what gateway/frame.py does, on arrays."""

from __future__ import annotations

import numpy as np

from gateway import frame
from gateway import rangecoder as rc
from host_tools.bulk import coder, columns, times

_ROWS = np.array(frame._ROWS, np.int64)


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
def body(state, chances, seen, one, side, data, cells, off, first, when, values, missing, flags):
    """Code times and channels in place; arrays of (rows), (channels, rows) each."""
    failed = times.times(state, chances, seen, one, side, data, first, when)
    if failed:
        return failed
    side[: len(when)] = rc.NOTHING
    for i in range(len(values)):
        failed = columns.column(
            state, chances, seen, one, side, data, cells, off, values[i], missing[i]
        )
        if not failed and first & frame._FLAGGED:
            failed = columns.masks(state, chances, seen, one, side, data, cells, flags[i])
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
