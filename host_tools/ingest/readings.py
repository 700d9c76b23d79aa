"""Wide rows out of the database: one time and what its channels read, in exact decimals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import groupby

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import flags
from host_tools.errors import UserError
from host_tools.ingest import decimals

FLAGS = {
    flags.WARM_UP: "warm_up",
    flags.OUT_OF_RANGE: "out_of_range",
    flags.STUCK: "stuck",
    flags.STALE: "stale",
    flags.SPIKE: "spike",
    flags.SENSOR_ERROR: "sensor_error",
}
INSTEAD_OF_ONE = {flags.NO_ANSWER: "no_answer", flags.BAD_DATA: "bad_data"}
BESIDE_A_VALUE = {flags.HUMID: "humid", flags.DISAGREES: "disagrees"}
_EPOCH = datetime(1970, 1, 1)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Column:
    """A channel's place in a wide row; the same name in another unit is another column."""

    name: str
    unit: str

    def __str__(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True)
class Row:
    """One row. time_ms: unix, None when it never became known; uptime_ms: only of rows that were
    taken without a clock, `boot` is what it counts from. period_ms: the stream's, then. values:
    decimal text by column. flags: names by column, only where there are any."""

    node: str
    stream: str
    time_ms: int | None
    uptime_ms: int | None
    boot: int
    period_ms: int
    values: dict[Column, str]
    flags: dict[Column, list[str]]


@dataclass(frozen=True)
class Selection:
    """Which rows: None stands for all. Times are unix ms, `until_ms` is not included."""

    node: str | None = None
    stream: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None


def iso(unix_ms: int) -> str:
    """Return ISO 8601 in UTC with milliseconds."""
    return (_EPOCH + unix_ms * _MS).isoformat(timespec="milliseconds") + "Z"


def parse_time(text: str) -> int:
    """Return unix ms of an ISO 8601 date or time, UTC where it names no zone; `ValueError`."""
    # Before Python 3.11 `fromisoformat` knows no Z.
    moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    if moment.tzinfo:
        moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return (moment - _EPOCH) // _MS


def columns(db: sqlite3.Connection, selection: Selection) -> list[Column]:
    """Return the columns that the selected streams ever had, in the order of stream and channel."""
    found = db.execute(
        "SELECT channels.name, channels.unit FROM schemas"
        " JOIN nodes ON nodes.id = schemas.node_id"
        " JOIN channels ON channels.schema_id = schemas.id"
        " WHERE (?1 IS NULL OR nodes.name = ?1) AND (?2 IS NULL OR stream = ?2)"
        " ORDER BY stream, schemas.id, number",
        (selection.node, selection.stream),
    )
    return list(dict.fromkeys(Column(*pair) for pair in found))


def rows(db: sqlite3.Connection, selection: Selection) -> Iterator[Row]:
    """Yield the selected rows by node, stream and time, a cursor's memory at a time.

    Rows whose time is unknown come last in their stream, and only when no time is asked for.
    `UserError` for a node or a stream that the database does not have.
    """
    channels = _channels(db)
    periods = dict(db.execute("SELECT id, period_ms FROM schemas"))
    for series, node, stream in _series(db, selection):
        for dated in (True, False):
            if not dated and (selection.from_ms, selection.until_ms) != (None, None):
                continue
            cells = _cells(db, series, selection, dated)
            for _, group in groupby(cells, key=lambda cell: cell[0]):
                yield _row(node, stream, channels, periods, list(group))


def _series(db: sqlite3.Connection, selection: Selection) -> list[tuple[int, str, str]]:
    found = db.execute(
        "SELECT series.id, nodes.name, stream FROM series JOIN nodes ON nodes.id = node_id"
        " ORDER BY nodes.name, stream"
    ).fetchall()
    for wanted, place, what in ((selection.node, 1, "node"), (selection.stream, 2, "stream")):
        if wanted is not None:
            known = sorted({row[place] for row in found})
            if wanted not in known:
                have = ", ".join(known) or "none"
                raise UserError(f"no {what} {wanted!r} in the database; it has {have}")
            found = [row for row in found if row[place] == wanted]
    return found


def _channels(db: sqlite3.Connection) -> dict[tuple[int, int], tuple[Column, decimals.Decimals]]:
    return {
        (schema, number): (Column(name, unit), decimals.of(scale))
        for schema, number, name, unit, scale in db.execute("SELECT * FROM channels")
    }


def _cells(
    db: sqlite3.Connection, series: int, selection: Selection, dated: bool
) -> sqlite3.Cursor:
    """Return a cursor over samples in the order of rows; the index on time gives that order."""
    where = "rows.time_ms >= ?2 AND rows.time_ms < ?3" if dated else "rows.time_ms IS NULL"
    span = (selection.from_ms, selection.until_ms)
    least, most = (-(1 << 62), 1 << 62)
    return db.execute(
        "SELECT rows.id, rows.time_ms, rows.uptime_ms, boot, schema_id, channel, value, flags"
        " FROM rows JOIN frames ON frames.id = rows.id / 1024"
        " JOIN samples ON samples.row_id = rows.id"
        f" WHERE rows.series_id = ?1 AND {where} ORDER BY rows.time_ms, rows.id, channel",
        (
            series,
            least if span[0] is None else span[0],
            most if span[1] is None else span[1],
        )[: 3 if dated else 1],
    )


def _row(node: str, stream: str, channels: dict, periods: dict, cells: list[tuple]) -> Row:
    _, time_ms, uptime_ms, boot, schema, *_ = cells[0]
    period_ms = periods[schema]
    values, marks = {}, {}
    for *_, schema, channel, value, mask in cells:
        column, scaling = channels[schema, channel]
        if value is not None:
            values[column] = scaling.text(value)
        if mask:
            marks[column] = flag_names(mask, value is not None)
    return Row(node, stream, time_ms, uptime_ms, boot, period_ms, values, marks)


def flag_names(mask: int, has_value: bool) -> list[str]:
    """Return the names of a value's flags, or of those that stand in the place of a value."""
    names = FLAGS | (BESIDE_A_VALUE if has_value else INSTEAD_OF_ONE)
    return [name for bit, name in sorted(names.items()) if mask & bit]
