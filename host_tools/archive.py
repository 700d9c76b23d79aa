"""Frames as an archive format: a CSV of times and numbers becomes a `.kf` file, and comes back
equal.

A `.kf` file is the bytes `KF1`, the header (its length as a varint, then JSON, raw deflate), and
frames one behind the other: one ends where its checksum is right and the next one's first bytes,
the same in all, or nothing follows. Up to 32 columns share a frame; more take frames in turn.
"""

from __future__ import annotations

import csv
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame, schema
from host_tools import exact
from host_tools.errors import UserError

MAGIC = b"KF1"
DEFAULT_ROWS = 96
COLUMNS_MOST = 512
DECIMALS_MOST = 18
DIGITS_MOST = 60
HEADER_MOST = 1 << 20
# 32 channels of 1,024 rows in the worst case.
FRAME_MOST = 1 << 19
# A number too wide for a frame's 32 bits is cut into pieces of so many bits, the signed one last.
PIECE_BITS = 28
_PIECE_MASK = (1 << PIECE_BITS) - 1
_MOST = 1 << 31


@dataclass
class Column:
    """A column of the CSV; `pieces`: how many of the frame's columns it takes."""

    name: str
    decimals: int = 0
    pieces: int = 1


@dataclass
class Packed:
    """What was written: how many values, into how many bytes."""

    values: int
    size: int

    def __str__(self) -> str:
        ratio = self.size / self.values if self.values else 0.0
        return f"values={self.values} bytes={self.size} bytes_per_value={ratio:.3f}"


@dataclass
class Table:
    """A CSV in whole numbers. times: unix ms; cells: a list of int or None for each column."""

    time: exact.TimeStyle
    columns: list[Column]
    times: list[int]
    cells: list[list[int | None]]


def pack(source: Path, target: Path, rows: int = DEFAULT_ROWS) -> Packed:
    """Write the CSV `source` as frames of `rows` rows; `UserError` names what cannot be."""
    table = read_csv(source)
    values = sum(value is not None for column in table.cells for value in column)
    with _replacing(target) as out:
        header = _pack_header(table)
        out.write(MAGIC + _varint(len(header)) + header)
        ident = schema.ident(header)
        cells = [
            piece for column, of in zip(table.cells, table.columns) for piece in _cut(column, of)
        ]
        for start in range(0, len(table.times), rows):
            times = table.times[start : start + rows]
            for group in range(0, len(cells), frame.MAX_CHANNELS):
                part = [c[start : start + rows] for c in cells[group : group + frame.MAX_CHANNELS]]
                out.write(frame.encode(frame.Frame(ident, None, None, 1, None, times, part)))
        size = out.tell()
    return Packed(values, size)


def unpack(source: Path, target: Path) -> Packed:
    """Write the frames of `source` as CSV; `UserError` names the frame that is broken."""
    data = source.read_bytes()
    time, columns, at = _unpack_header(data, source)
    ident = schema.ident(_header(data))
    values = 0
    with _replacing(target) as out:
        lines = []
        lines.append(_line([time.name, *(column.name for column in columns)]))
        for number, (times, cells) in enumerate(_blocks(data, at, columns, ident, source)):
            for row, unix_ms in enumerate(times):
                texts = [time.write(unix_ms)]
                for column, numbers in zip(columns, cells):
                    value = numbers[row]
                    texts.append(
                        "" if value is None else exact.write_number(value, column.decimals)
                    )
                    values += value is not None
                lines.append(_line(texts))
            if number % 64 == 63:
                out.write("".join(lines).encode())
                lines.clear()
        out.write("".join(lines).encode())
    return Packed(values, len(data))


def read_csv(path: Path) -> Table:
    """Return a CSV as whole numbers; `UserError` names line and column of what is no number."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            return _read(csv.reader(file), path)
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: is not text in UTF-8 ({error.reason})") from None
        except csv.Error as error:
            raise UserError(f"{path}: is not CSV ({error})") from None


def _read(lines: Iterator[list[str]], path: Path) -> Table:
    header = next(lines, None)
    if not header or header[0].strip().lower() != "time":
        raise UserError(f"{path}: the first column must be `time`; name the columns in line 1")
    columns = [Column(name) for name in header[1:]]
    if not 1 <= len(columns) <= COLUMNS_MOST:
        raise UserError(f"{path}: has {len(columns)} columns beside time, not 1 to {COLUMNS_MOST}")
    style: exact.TimeStyle | None = None
    times: list[int] = []
    numbers: list[list[Decimal | None]] = [[] for _ in columns]
    for number, cells in enumerate(lines, 2):
        if not cells:
            continue
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise UserError(f"{where}: has {len(cells)} cells, the first line {len(header)}")
        style, unix_ms = _read_time(cells[0].strip(), style, header[0], where)
        times.append(unix_ms)
        for column, values, cell in zip(columns, numbers, cells[1:]):
            values.append(_read_number(cell.strip(), column, where))
    return Table(
        style or exact.TimeStyle(header[0]),
        columns,
        times,
        [_to_integers(values, column) for values, column in zip(numbers, columns)],
    )


def _read_time(
    text: str, style: exact.TimeStyle | None, name: str, where: str
) -> tuple[exact.TimeStyle, int]:
    """Return the file's style (that of its first time) and the time in unix ms."""
    try:
        unix, unix_ms, decimals, separator, zone = exact.parse_time(text)
        if style is None:
            style = exact.TimeStyle(name, unix, 0, separator, zone)
        style.write(unix_ms)
    except (ValueError, ArithmeticError):
        raise UserError(
            f"{where}: {text!r} is neither ISO 8601 nor unix seconds, to the ms at the finest"
        ) from None
    style.decimals = max(style.decimals, decimals)
    return style, unix_ms


def _read_number(text: str, column: Column, where: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = exact.exact(text)
    except InvalidOperation:
        raise UserError(f"{where}, column {column.name!r}: {text!r} is no number") from None
    except ArithmeticError:
        value = None
    if value is None or exact.decimals_of(value) > DECIMALS_MOST or value.adjusted() > DIGITS_MOST:
        raise UserError(
            f"{where}, column {column.name!r}: {text!r} has more than {DECIMALS_MOST} decimals "
            f"or {DIGITS_MOST} digits"
        )
    column.decimals = max(column.decimals, exact.decimals_of(value))
    return value


def _to_integers(values: list[Decimal | None], column: Column) -> list[int | None]:
    """Return the column's whole numbers of its last decimal, and how many pieces they need."""
    factor = 10**column.decimals
    whole = [None if value is None else exact.scaled(value, factor) for value in values]
    widest = max((abs(value) for value in whole if value is not None), default=0)
    while widest >= _MOST:
        column.pieces += 1
        widest >>= PIECE_BITS
    return whole


def _cut(numbers: list[int | None], column: Column) -> Iterator[list[int | None]]:
    """Yield the pieces of a column, the lowest bits first."""
    for piece in range(column.pieces):
        shift = piece * PIECE_BITS
        last = piece == column.pieces - 1
        yield [
            None if n is None else n >> shift if last else n >> shift & _PIECE_MASK for n in numbers
        ]


def _joined(pieces: list[list[int | None]]) -> list[int | None]:
    """Return the numbers of a column from its pieces."""
    if len(pieces) == 1:
        return pieces[0]
    whole = []
    for parts in zip(*pieces):
        if parts[0] is None:
            whole.append(None)
        else:
            whole.append(sum(part << i * PIECE_BITS for i, part in enumerate(parts)))
    return whole


def _pack_header(table: Table) -> bytes:
    time = table.time
    fields = [time.name, time.decimals]
    if not time.unix:
        fields += [time.separator, time.zone]
    columns = [[c.name, c.decimals, c.pieces][: 3 if c.pieces > 1 else 2] for c in table.columns]
    text = json.dumps([fields, *columns], separators=(",", ":"), ensure_ascii=False).encode()
    deflate = zlib.compressobj(9, wbits=-15)
    return deflate.compress(text) + deflate.flush()


def _unpack_header(data: bytes, path: Path) -> tuple[exact.TimeStyle, list[Column], int]:
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
        columns = [Column(*column) for column in columns]
        _line([time.name, *(column.name for column in columns)])
        if not all(0 <= c.decimals <= DECIMALS_MOST and c.pieces >= 1 for c in columns):
            raise ValueError("columns")
        return time, columns, at + size
    except (ValueError, ArithmeticError, zlib.error, TypeError, LookupError, RecursionError):
        raise UserError(f"{path}: its header is damaged") from None


def _header(data: bytes) -> bytes:
    size, at = _read_varint(data, len(MAGIC))
    return data[at : at + size]


def _blocks(data: bytes, at: int, columns: list[Column], ident: bytes, path: Path):
    """Yield (times, whole numbers by column) of one block of rows after the other."""
    wanted = sum(column.pieces for column in columns)
    number = 0
    while at < len(data):
        pieces: list[list[int | None]] = []
        times: list[int] = []
        while len(pieces) < wanted:
            number += 1
            try:
                end = _frame_end(data, at)
                part = frame.decode(data[at:end])
                if part.schema != ident:
                    raise ValueError("does not belong to the file's header")
                if pieces and part.times != times:
                    raise ValueError("does not belong to the frame before it")
            except ValueError as error:
                raise UserError(f"{path}, frame {number}: {error}") from None
            times = part.times
            pieces += part.columns
            at = end
        if len(pieces) != wanted:
            raise UserError(f"{path}, frame {number}: has more columns than the header")
        cells, first = [], 0
        for column in columns:
            cells.append(_joined(pieces[first : first + column.pieces]))
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


def _line(cells: list[str]) -> str:
    """Return a line of CSV; only names can need quotation marks."""
    quoted = [
        f'"{c.replace(chr(34), chr(34) * 2)}"' if set(c) & set(',"\r\n') else c for c in cells
    ]
    return ",".join(quoted) + "\n"


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
