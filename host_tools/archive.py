"""Frames as an archive format: a CSV of times and numbers becomes a `.kf` file, and comes back
equal.

A `.kf` file is the bytes `KF1`, the header (its length as a varint, then JSON, raw deflate), and
frames one behind the other: one ends where its checksum is right and the next one's first bytes,
the same in all, or nothing follows. Up to 32 columns share a frame; more take frames in turn.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame, schema
from host_tools import codec, exact, table
from host_tools.errors import UserError

MAGIC = b"KF1"
DEFAULT_ROWS = 96
HEADER_MOST = 1 << 20
# 32 channels of 1,024 rows in the worst case.
FRAME_MOST = 1 << 19
FRAMES_AT_ONCE = 512


@dataclass
class Packed:
    """What was written: how many values, into how many bytes."""

    values: int
    size: int

    def __str__(self) -> str:
        ratio = self.size / self.values if self.values else 0.0
        return f"values={self.values} bytes={self.size} bytes_per_value={ratio:.3f}"


def pack(source: Path, target: Path, rows: int = DEFAULT_ROWS) -> Packed:
    """Write the CSV `source` as frames of `rows` rows; `UserError` names what cannot be."""
    whole = table.read_csv(source)
    values = sum(len(column) - column.count(None) for column in whole.cells)
    with _replacing(target) as out:
        header = _pack_header(whole)
        out.write(MAGIC + _varint(len(header)) + header)
        frames = _frames(whole, schema.ident(header), rows)
        while some := list(itertools.islice(frames, FRAMES_AT_ONCE)):
            out.write(b"".join(codec.encode(some)))
        size = out.tell()
    return Packed(values, size)


def _frames(whole: table.Table, ident: bytes, rows: int) -> Iterator[frame.Frame]:
    cells = [
        piece for column, of in zip(whole.cells, whole.columns) for piece in table.cut(column, of)
    ]
    for start in range(0, len(whole.times), rows):
        times = whole.times[start : start + rows]
        for group in range(0, len(cells), frame.MAX_CHANNELS):
            part = [c[start : start + rows] for c in cells[group : group + frame.MAX_CHANNELS]]
            yield frame.Frame(ident, None, None, 1, None, times, part)


def unpack(source: Path, target: Path) -> Packed:
    """Write the frames of `source` as CSV; `UserError` names the frame that is broken."""
    data = source.read_bytes()
    time, columns, at = _unpack_header(data, source)
    ident = schema.ident(_header(data))
    values = 0
    with _replacing(target) as out:
        lines = []
        lines.append(table.line([time.name, *(column.name for column in columns)]))
        blocks = _blocks(_parts(data, at, ident, source), columns, source)
        for number, (times, cells) in enumerate(blocks):
            for row, unix_ms in enumerate(times):
                texts = [time.write(unix_ms)]
                for column, numbers in zip(columns, cells):
                    value = numbers[row]
                    texts.append(
                        "" if value is None else exact.write_number(value, column.decimals)
                    )
                    values += value is not None
                lines.append(table.line(texts))
            if number % 64 == 63:
                out.write("".join(lines).encode())
                lines.clear()
        out.write("".join(lines).encode())
    return Packed(values, len(data))


def _pack_header(whole: table.Table) -> bytes:
    time = whole.time
    fields = [time.name, time.decimals]
    if not time.unix:
        fields += [time.separator, time.zone]
    columns = [[c.name, c.decimals, c.pieces][: 3 if c.pieces > 1 else 2] for c in whole.columns]
    text = json.dumps([fields, *columns], separators=(",", ":"), ensure_ascii=False).encode()
    deflate = zlib.compressobj(9, wbits=-15)
    return deflate.compress(text) + deflate.flush()


def _unpack_header(data: bytes, path: Path) -> tuple[exact.TimeStyle, list[table.Column], int]:
    """Return (style of the times, columns, where the frames begin)."""
    if data[: len(MAGIC)] != MAGIC:
        raise UserError(f"{path}: is not a file of frames (made by `kista pack`)")
    try:
        size, at = _read_varint(data, len(MAGIC))
        inflate = zlib.decompressobj(wbits=-15)
        text = inflate.decompress(data[at : at + size], HEADER_MOST)
        if not inflate.eof or inflate.unused_data:
            raise ValueError("length")
        fields, *columns = json.loads(text)
        time = exact.TimeStyle(fields[0], len(fields) == 2, fields[1], *fields[2:])
        time.write(0)
        columns = [table.Column(*column) for column in columns]
        table.line([time.name, *(column.name for column in columns)])
        if not all(0 <= c.decimals <= table.DECIMALS_MOST and c.pieces >= 1 for c in columns):
            raise ValueError("columns")
        return time, columns, at + size
    except (ValueError, ArithmeticError, zlib.error, TypeError, LookupError, RecursionError):
        raise UserError(f"{path}: its header is damaged") from None


def _header(data: bytes) -> bytes:
    size, at = _read_varint(data, len(MAGIC))
    return data[at : at + size]


def _parts(data: bytes, at: int, ident: bytes, path: Path) -> Iterator[frame.Frame]:
    """Yield the file's frames; `UserError` names the one that is damaged."""
    done = 0
    while at < len(data):
        some: list[bytes] = []
        try:
            while at < len(data) and len(some) < FRAMES_AT_ONCE:
                end = _frame_end(data, at)
                some.append(data[at:end])
                at = end
                if some[-1][1 : frame.HEAD_BYTES] != ident:
                    raise ValueError("does not belong to the file's header")
        except ValueError as error:
            raise UserError(f"{path}, frame {done + len(some) + 1}: {error}") from None
        try:
            yield from codec.decode(some)
        except codec.Broken as error:
            raise UserError(f"{path}, frame {done + error.index + 1}: {error}") from None
        done += len(some)


def _blocks(parts: Iterator[frame.Frame], columns: list[table.Column], path: Path):
    """Yield (times, whole numbers by column) of one block of rows after the other."""
    wanted = sum(column.pieces for column in columns)
    number = 0
    while True:
        pieces: list[list[int | None]] = []
        times: list[int] = []
        while len(pieces) < wanted:
            part = next(parts, None)
            if part is None and not pieces:
                return
            number += 1
            if part is None or (pieces and part.times != times):
                raise UserError(f"{path}, frame {number}: does not belong to the frame before it")
            times = part.times
            pieces += part.columns
        if len(pieces) != wanted:
            raise UserError(f"{path}, frame {number}: has more columns than the header")
        cells, first = [], 0
        for column in columns:
            cells.append(table.joined(pieces[first : first + column.pieces]))
            first += column.pieces
        yield times, cells


def _frame_end(data: bytes, at: int) -> int:
    """Return where the frame at `at` ends; ValueError when it is damaged."""
    head = data[at : at + frame.HEAD_BYTES]
    end = at
    while end < len(data):
        end = data.find(head, end + 1, at + FRAME_MOST)
        if end < 0:
            end = len(data)
        if frame.is_whole(data[at:end]):
            return end
    raise ValueError("is damaged, or the file ends in the middle of it")


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (number, where what follows begins); ValueError when the data ends in it."""
    n = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            raise ValueError("the file ends in a length")
        byte = data[at]
        at += 1
        n |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return n, at
    raise ValueError("a length is damaged")


class _replacing:
    """A file that takes the place of `target` once all of it is written, else leaves nothing."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._partial = target.with_name(target.name + ".partial")

    def __enter__(self):
        try:
            self._file = self._partial.open("wb")
        except OSError as error:
            raise UserError(f"{self._target}: cannot be written ({error.strerror})") from None
        return self._file

    def __exit__(self, kind, error, _: object) -> None:
        try:
            self._file.close()
            if kind is None:
                os.replace(self._partial, self._target)
                return
        except OSError as late:
            error = error or late
        self._partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"{self._target}: cannot be written ({error.strerror})") from None
