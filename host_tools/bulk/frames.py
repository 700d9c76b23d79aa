"""Many frames at once: bytes in, NumPy arrays out, and back.

With numba (`pip install kista[fast]`) the work is compiled, at the first call and once for a
machine; without it the device's own code does it. Results are the same, to the bit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame

try:
    from host_tools.bulk import coder, walk
except ImportError:
    walk = None

# Bytes for a value of an encoded frame; where they do not suffice there is twice the room.
_BYTES_A_VALUE = 6
_BYTES_A_FRAME = 512
_WORST_BYTES_A_VALUE = 64
_SPARE_BYTES = 8


@dataclass
class Batch:
    """Frames of one schema, with equally many channels, in the order they came in.

    schema: 2 bytes. For each frame: frames: its index in the input; rows; seq, boot, anchor (-1:
    none); quality (1: times are unix ms; 0: ms of the boot's uptime).
    Rows of all frames, one after the other: times int64 (rows); values int64, missing bool, flags
    uint8 (channels, rows), values 0 where missing.
    """

    schema: bytes
    frames: np.ndarray
    rows: np.ndarray
    seq: np.ndarray
    boot: np.ndarray
    anchor: np.ndarray
    quality: np.ndarray
    times: np.ndarray
    values: np.ndarray
    missing: np.ndarray
    flags: np.ndarray


def decode(frames: Sequence[bytes]) -> list[Batch]:
    """Return the rows of `frames`, a batch a schema; ValueError names a broken one's index."""
    for i, data in enumerate(frames):
        if not frame.is_whole(data) or data[0] & frame._MAGIC_MASK != frame._MAGIC:
            _refuse(frames, i)
    if not frames:
        return []
    if walk is None:
        return _decode_plainly(frames)
    return _decode_compiled(frames)


def to_frames(frames: Sequence[bytes]) -> list[frame.Frame]:
    """Return the same as `frame.decode` of each; ValueError as `decode`."""
    found: list[frame.Frame | None] = [None] * len(frames)
    for batch in decode(frames):
        stop = 0
        for n, i in enumerate(batch.frames.tolist()):
            start, stop = stop, stop + int(batch.rows[n])
            found[i] = _frame(batch, n, slice(start, stop), frames[i][0])
    return found


def _frame(batch: Batch, n: int, rows: slice, first: int) -> frame.Frame:
    columns = []
    flags: list[list[int] | None] | None = None
    for values, missing in zip(batch.values[:, rows], batch.missing[:, rows]):
        cells = values.tolist()
        for row in np.nonzero(missing)[0]:
            cells[row] = None
        columns.append(cells)
    if first & frame._FLAGGED:
        flags = [masks.tolist() if masks.any() else None for masks in batch.flags[:, rows]]
    seq, boot, anchor = (
        None if number[n] < 0 else int(number[n])
        for number in (batch.seq, batch.boot, batch.anchor)
    )
    times = batch.times[rows].tolist()
    quality = int(batch.quality[n])
    return frame.Frame(batch.schema, seq, boot, quality, anchor, times, columns, flags)


def encode(frames: Iterable[frame.Frame]) -> list[bytes]:
    """Return the bytes of each frame, as `frame.encode` does; ValueError beyond its limits."""
    if walk is None:
        return [frame.encode(one) for one in frames]
    workspace = coder.workspace()
    # What is wrong with a frame the reference says.
    return [_encode(workspace, one) or frame.encode(one) for one in frames]


def _refuse(frames: Sequence[bytes], i: int) -> None:
    try:
        frame.decode(frames[i])
    except ValueError as error:
        raise ValueError(f"frame {i}: {error}") from None
    raise AssertionError(f"frame {i}: the compiled decoder refuses what the reference takes")


def _batches(frames: Sequence[bytes], infos: np.ndarray) -> list[Batch]:
    """Return empty batches for headers of (seq, boot, anchor, rows, channels)."""
    kinds: dict[tuple[bytes, int], list[int]] = {}
    for i, (data, channels) in enumerate(zip(frames, infos[:, 4].tolist())):
        kinds.setdefault((bytes(data[1 : frame.HEAD_BYTES]), channels), []).append(i)
    made = []
    for (schema, channels), members in kinds.items():
        chosen = np.array(members, np.int64)
        head = infos[chosen]
        total = int(head[:, 3].sum())
        quality = np.array([frames[i][0] & frame._SYNCED for i in members], np.int64)
        made.append(
            Batch(
                schema,
                chosen,
                rows=head[:, 3],
                seq=head[:, 0],
                boot=head[:, 1],
                anchor=head[:, 2],
                quality=quality,
                times=np.zeros(total, np.int64),
                values=np.zeros((channels, total), np.int64),
                missing=np.zeros((channels, total), bool),
                flags=np.zeros((channels, total), np.uint8),
            )
        )
    return made


def _decode_compiled(frames: Sequence[bytes]) -> list[Batch]:
    data = np.frombuffer(bytearray().join([*frames, bytes(_SPARE_BYTES)]), np.uint8)
    offsets = np.zeros(len(frames) + 1, np.int64)
    np.cumsum([len(one) for one in frames], out=offsets[1:])
    infos = np.zeros((len(frames), 5), np.int64)
    arrays, room = coder.workspace()
    walk.headers(*arrays, data, offsets, infos)
    batches = _batches(frames, infos)
    for batch in batches:
        at = np.cumsum(batch.rows) - batch.rows
        refused = walk.bodies(
            *arrays,
            data,
            *room,
            offsets,
            batch.frames,
            at,
            batch.times,
            batch.values,
            batch.missing,
            batch.flags,
        )
        if refused >= 0:
            _refuse(frames, refused)
    return batches


def _decode_plainly(frames: Sequence[bytes]) -> list[Batch]:
    parts = []
    infos = np.zeros((len(frames), 5), np.int64)
    for i, data in enumerate(frames):
        try:
            one = frame.decode(data)
        except ValueError as error:
            raise ValueError(f"frame {i}: {error}") from None
        parts.append(one)
        known = (-1 if number is None else number for number in (one.seq, one.boot, one.anchor))
        infos[i] = (*known, one.rows, one.channels)
    batches = _batches(frames, infos)
    for batch in batches:
        at = 0
        for i in batch.frames:
            when, values, missing, flags = _arrays(parts[i])
            rows = slice(at, at + len(when))
            batch.times[rows] = when
            batch.values[:, rows] = values
            batch.missing[:, rows] = missing
            batch.flags[:, rows] = flags
            at += len(when)
    return batches


def _arrays(one: frame.Frame) -> tuple[np.ndarray, ...]:
    """Return (times, values, missing, flags) of a frame; OverflowError beyond 64 bits."""
    when = np.array(one.times, np.int64)
    values = np.zeros((one.channels, one.rows), np.int64)
    missing = np.zeros((one.channels, one.rows), bool)
    flags = np.zeros((one.channels, one.rows), np.uint8)
    for i, cells in enumerate(one.columns):
        if None in cells:
            missing[i] = [value is None for value in cells]
            cells = [value or 0 for value in cells]
        values[i] = cells
    for i, holes in enumerate(one.missing or ()):
        if holes is not None:
            missing[i] = holes
    values[missing] = 0
    for i, masks in enumerate(one.flags or ()):
        if masks is not None:
            flags[i] = masks
    return when, values, missing, flags


def _encode(workspace: tuple, one: frame.Frame) -> bytes | None:
    """Return a frame's bytes, or None when it is none."""
    frame._check(one)
    try:
        when, values, missing, flags = _arrays(one)
    except OverflowError:
        return None
    head = frame._head(one)
    numbers = [-1 if number is None else number for number in (one.seq, one.boot, one.anchor)]
    arrays, cells = workspace
    room = _BYTES_A_FRAME + _BYTES_A_VALUE * one.rows * (one.channels + 1)
    most = _BYTES_A_FRAME + _WORST_BYTES_A_VALUE * one.rows * (one.channels + 1)
    while room <= 2 * most:
        data = np.zeros(room, np.uint8)
        data[: len(head)] = np.frombuffer(head, np.uint8)
        info = np.array([*numbers, one.rows, one.channels], np.int64)
        size = walk.pack(*arrays, data, *cells, info, when, values, missing, flags)
        if size >= 0:
            packed = data[:size].tobytes()
            return packed + struct.pack("<I", zlib.crc32(packed))
        if size == coder.REFUSED:
            break
        room *= 2
    return None
