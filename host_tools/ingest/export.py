"""Rows as CSV or JSON lines, into a file that is whole or not there, or to a stream."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from host_tools.errors import UserError
from host_tools.ingest import averages, readings
from host_tools.ingest.corrections import Correction, Corrector
from host_tools.ingest.readings import Column, Row, Selection


def export(
    db: sqlite3.Connection,
    selection: Selection,
    form: str,
    out: TextIO,
    corrections: Sequence[Correction] = (),
    every_ms: int | None = None,
) -> int:
    """Write the selected rows to `out` as `csv` or `jsonl`; return how many.

    `corrections` make further columns; `every_ms` makes averages of the rows.
    """
    known = readings.columns(db, Selection())
    corrector = Corrector(corrections, readings.columns(db, selection), known, every_ms)
    columns = corrector.columns
    if every_ms:
        rows = corrector.each(readings.rows(db, averages.shifted(selection)))
        rows = corrector.mean(averages.averaged(rows, every_ms))
        columns = averages.columns(columns)
    else:
        rows = corrector.each(readings.rows(db, selection))
    return FORMATS[form](columns, rows, out)


def write_csv(columns: list[Column], rows: Iterator[Row], out: TextIO) -> int:
    """Write a table: time, node, stream, a column a channel, flags, clock.

    flags: `channel:flag+flag channel:flag`. clock: empty for a time that the node knew, `resolved`
    for one that became known later, `boot=… uptime_ms=…` where there is only that.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", "node", "stream", *map(str, columns), "flags", "clock"])
    count = 0
    for row in rows:
        values = [row.values.get(column, "") for column in columns]
        marks = " ".join(f"{column.name}:{'+'.join(row.flags[column])}" for column in row.flags)
        writer.writerow([_time(row) or "", row.node, row.stream, *values, marks, _clock(row)])
        count += 1
    return count


def write_jsonl(columns: list[Column], rows: Iterator[Row], out: TextIO) -> int:
    """Write an object a line: like the CSV without what is empty; numbers are exact."""
    keys = {column: json.dumps(str(column), ensure_ascii=False) for column in columns}
    count = 0
    for row in rows:
        head = {"time": _time(row), "node": row.node, "stream": row.stream}
        tail: dict[str, object] = {}
        if row.flags:
            tail["flags"] = {column.name: names for column, names in row.flags.items()}
        if _clock(row):
            tail["clock"] = _clock(row)
        # The digits go out as they are: a JSON library would make floats of them.
        parts = [json.dumps(head, ensure_ascii=False)[1:-1]]
        parts += [f"{keys[column]}: {text}" for column, text in row.values.items()]
        parts += [json.dumps(tail)[1:-1]] if tail else []
        out.write("{" + ", ".join(parts) + "}\n")
        count += 1
    return count


FORMATS: dict[str, Callable[[list[Column], Iterator[Row], TextIO], int]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
}


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a file that is named `path` when all is written, and is gone when anything fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            yield out
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def _time(row: Row) -> str | None:
    return None if row.time_ms is None else readings.iso(row.time_ms)


def _clock(row: Row) -> str:
    if row.uptime_ms is None:
        return ""
    if row.time_ms is not None:
        return "resolved"
    return f"boot={row.boot:08x} uptime_ms={row.uptime_ms}"
