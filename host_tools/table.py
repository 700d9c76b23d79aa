"""A CSV of times and numbers as whole numbers, and back; nothing is ever rounded."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
# Few rows wait at a time: the more there are, the more often Python looks through all objects.
_BLOCK_ROWS = 256
# Until the year 2109 a time can be written in every style; beyond, one in a far zone may not.
_SURE_MS = 1 << 42


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
    numbers = [_Numbers() for _ in columns]
    first = 2
    while block := list(itertools.islice(lines, _BLOCK_ROWS)):
        block = _Block(path, first, block, len(header))
        first += _BLOCK_ROWS
        if block.cells:
            style = _read_times(block, style, header[0], times)
            _read_numbers(block, columns, numbers)
    return Table(
        style or exact.TimeStyle(header[0]),
        columns,
        times,
        [_to_integers(*one) for one in zip(numbers, columns)],
    )


class _Block:
    """Some rows, by column. cells: of each column its texts; empty lines are left out."""

    def __init__(self, path: Path, first: int, rows: list[list[str]], width: int) -> None:
        self._path = path
        self._lines: Sequence[int] = range(first, first + len(rows))
        if set(map(len, rows)) != {width}:
            some = [(line, row) for line, row in zip(self._lines, rows) if row]
            self._lines = [line for line, _ in some]
            rows = [row for _, row in some]
            for i, row in enumerate(rows):
                if len(row) != width:
                    raise self.error(i, f"has {len(row)} cells, the first line {width}")
        self.cells: list[tuple[str, ...]] = list(zip(*rows))

    def error(self, i: int, said: str, column: str | None = None) -> UserError:
        """Return what is wrong with row `i` of the block."""
        where = f", column {column!r}" if column is not None else ""
        return UserError(f"{self._path}, line {self._lines[i]}{where}: {said}")


def _read_times(block: _Block, style, name: str, times: list[int]) -> exact.TimeStyle:
    """Add the block's times, in unix ms; return the file's style, that of its first time."""
    texts = block.cells[0]
    if style is not None and exact.are_plain_seconds(texts):
        times += [second * 1000 for second in map(int, texts)]
        return style
    for i, text in enumerate(texts):
        try:
            style, unix_ms = _read_time(text.strip(), style, name)
        except (ValueError, ArithmeticError):
            said = f"{text.strip()!r} is neither ISO 8601 nor unix seconds, to the ms at the finest"
            raise block.error(i, said) from None
        times.append(unix_ms)
    return style


def _read_time(text: str, style: exact.TimeStyle | None, name: str) -> tuple[exact.TimeStyle, int]:
    """Return the file's style and the time in unix ms."""
    unix, unix_ms, decimals, separator, zone = exact.parse_time(text)
    if style is None:
        style = exact.TimeStyle(name, unix, 0, separator, zone)
    if not 0 <= unix_ms < _SURE_MS:
        style.write(unix_ms)
    if decimals > style.decimals:
        style.decimals = decimals
    return style, unix_ms


@dataclass
class _Numbers:
    """What stands in a column. Sensors say the same few numbers again and again: each is read once.

    known: where a text's number is in `found`; rows: the same for each row.
    """

    known: dict[str, int] = field(default_factory=dict)
    found: list[Decimal | None] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


def _read_numbers(block: _Block, columns: list[Column], numbers: list[_Numbers]) -> None:
    for column, those, cells in zip(columns, numbers, block.cells[1:]):
        for text in dict.fromkeys(cells):
            if text not in those.known:
                try:
                    value = _read_number(text.strip(), column)
                except ValueError as error:
                    raise block.error(cells.index(text), str(error), column.name) from None
                those.known[text] = len(those.found)
                those.found.append(value)
        those.rows += map(those.known.__getitem__, cells)


def _read_number(text: str, column: Column) -> Decimal | None:
    if not text:
        return None
    try:
        value = exact.exact(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
    except ArithmeticError:
        value = None
    if value is None or exact.decimals_of(value) > DECIMALS_MOST or value.adjusted() > DIGITS_MOST:
        raise ValueError(f"{text!r} has more than {DECIMALS_MOST} decimals or {DIGITS_MOST} digits")
    column.decimals = max(column.decimals, exact.decimals_of(value))
    return value


def _to_integers(numbers: _Numbers, column: Column) -> list[int | None]:
    """Return the column's whole numbers of its last decimal; note how many pieces they need."""
    factor = 10**column.decimals
    whole = [None if value is None else exact.scaled(value, factor) for value in numbers.found]
    widest = max((abs(value) for value in whole if value is not None), default=0)
    while widest >= _MOST:
        column.pieces += 1
        widest >>= PIECE_BITS
    return list(map(whole.__getitem__, numbers.rows))


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
