"""A CSV of times and numbers as whole numbers, and back; nothing is ever rounded."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from host_tools import exact
from host_tools.errors import UserError

COLUMNS_MOST = 512
DECIMALS_MOST = 18
DIGITS_MOST = 60
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
class Table:
    """A CSV in whole numbers. times: unix ms; cells: a list of int or None for each column."""

    time: exact.TimeStyle
    columns: list[Column]
    times: list[int]
    cells: list[list[int | None]]


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


def cut(numbers: list[int | None], column: Column) -> Iterator[list[int | None]]:
    """Yield the pieces of a column, the lowest bits first."""
    for piece in range(column.pieces):
        shift = piece * PIECE_BITS
        last = piece == column.pieces - 1
        yield [
            None if n is None else n >> shift if last else n >> shift & _PIECE_MASK for n in numbers
        ]


def joined(pieces: list[list[int | None]]) -> list[int | None]:
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


def line(cells: list[str]) -> str:
    """Return a line of CSV; only names can need quotation marks."""
    quoted = [
        f'"{c.replace(chr(34), chr(34) * 2)}"' if set(c) & set(',"\r\n') else c for c in cells
    ]
    return ",".join(quoted) + "\n"
