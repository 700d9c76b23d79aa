"""Compare what a simulated node took with what stands in the database, row by row.

The node's ledger has one line for every row taken, a `c` where all before it are committed to
flash, and
a `b` where the node was switched on: what was taken and not committed by then has died with the
power.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from host_tools.twin.tape import Recording

# A reading of a recording is found in the first sample after it, at the latest so much later.
FOUND_WITHIN_MS = 30_000


@dataclass(frozen=True)
class Taken:
    """One row: stream number, boot, whether its time is unix time, the time in ms, its values."""

    stream: int
    boot: int
    synced: bool
    time_ms: int
    values: tuple[int | None, ...]


class Ledger:
    """Reads a ledger as it grows: `rows` in the order taken, the first `committed` of a boot in
    flash.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self.rows: list[Taken] = []
        self.died: set[int] = set()
        self._uncommitted: list[int] = []

    def read(self) -> list[Taken]:
        """Return the rows that have come since the last call."""
        first = len(self.rows)
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._position)
                for line in file:
                    if not line.endswith(b"\n"):
                        # A line being written, or one that a kill has cut short.
                        break
                    self._position += len(line)
                    self._take(line.split())
        return self.rows[first:]

    def _take(self, words: list[bytes]) -> None:
        if words[:1] == [b"c"]:
            self._uncommitted.clear()
        elif words[:1] == [b"b"]:
            self.died.update(self._uncommitted)
            self._uncommitted.clear()
        elif len(words) == 6 and words[0] == b"r":
            stream, quality, boot, time_ms = (int(word) for word in words[1:5])
            values = tuple(int(cell) if cell else None for cell in words[5].split(b","))
            self._uncommitted.append(len(self.rows))
            self.rows.append(Taken(stream, boot, bool(quality), time_ms, values))


@dataclass
class Audit:
    """Counts of rows. missing and doubled must be 0; died: taken, but lost with the power."""

    taken: int
    stored: int
    died: int
    missing: int
    doubled: int
    values: int
    frame_bytes: int
    youngest_death_ms: int

    @property
    def good(self) -> bool:
        return not self.missing and not self.doubled


def compare(ledger: Ledger, db: sqlite3.Connection, node: str, streams: list[str]) -> Audit:
    """Return how the ledger's rows and the database's differ; `streams`: their names by number."""
    ledger.read()
    stored = Counter(_stored(db, node, streams))
    promised = Counter(row for i, row in enumerate(ledger.rows) if i not in ledger.died)
    died = Counter(ledger.rows[i] for i in ledger.died)
    missing = promised - stored
    # A row that was in flash before its commit was noted may have survived the cut.
    doubled = stored - promised - died
    values, size = db.execute(
        """SELECT (SELECT count(value) FROM samples),
                  (SELECT coalesce(sum(length(data)), 0) FROM frames)"""
    ).fetchone()
    lost = died - stored
    return Audit(
        taken=len(ledger.rows),
        stored=stored.total(),
        died=lost.total(),
        missing=missing.total(),
        doubled=doubled.total(),
        values=values,
        frame_bytes=size,
        youngest_death_ms=_age(lost),
    )


def _age(lost: Counter[Taken]) -> int:
    """Return the ms between the first and the last row that died with one boot, at most."""
    ages = [0]
    for key in {(row.boot, row.stream) for row in lost}:
        times = [row.time_ms for row in lost if (row.boot, row.stream) == key]
        ages.append(max(times) - min(times))
    return max(ages)


def _stored(db: sqlite3.Connection, node: str, streams: list[str]):
    """Yield every row of the database as the node took it."""
    numbers = {name: number for number, name in enumerate(streams)}
    cursor = db.execute(
        """SELECT rows.id, series.stream, frames.boot, rows.time_ms, rows.uptime_ms, samples.value
           FROM rows JOIN frames ON frames.id = rows.id / 1024
           JOIN series ON series.id = rows.series_id JOIN nodes ON nodes.id = series.node_id
           JOIN samples ON samples.row_id = rows.id
           WHERE nodes.name = ? ORDER BY rows.id, samples.channel""",
        (node,),
    )
    last, head, values = None, None, []
    for ident, stream, boot, time_ms, uptime_ms, value in cursor:
        if ident != last:
            if head is not None:
                yield Taken(*head, tuple(values))
            synced = uptime_ms is None
            head = (numbers[stream], boot, synced, time_ms if synced else uptime_ms)
            last, values = ident, []
        values.append(value)
    if head is not None:
        yield Taken(*head, tuple(values))


@dataclass
class Replay:
    """Readings of a recording: how many came out of the database equal, how many not, and why."""

    equal: int = 0
    different: int = 0
    node_off: int = 0
    superseded: int = 0


def replayed(recording: Recording, db: sqlite3.Connection, node: str) -> Replay:
    """Return how the recording's readings came out of the database, to the sensor's resolution."""
    result = Replay()
    for driver, rows in recording.rows.items():
        for position, channel in enumerate(recording.channels[driver]):
            series = _series(db, node, channel)
            times = sorted(rows)
            for i, time in enumerate(times):
                wanted = rows[time][position]
                if wanted is None:
                    continue
                until = times[i + 1] if i + 1 < len(times) else time + FOUND_WITHIN_MS
                _look(series, time, min(until, time + FOUND_WITHIN_MS), wanted, result)
    return result


def _look(
    series: dict[int, int | None], time: int, until: int, wanted: int, result: Replay
) -> None:
    """Find the first sample of [time, until), and say whether it equals the recorded reading."""
    first = -(-time // 10_000) * 10_000
    if time in series:
        first = time
    if first not in series:
        result.superseded += until - time < 10_000
        result.node_off += until - time >= 10_000
    elif first >= until and first != time:
        result.superseded += 1
    elif series[first] == wanted:
        result.equal += 1
    else:
        result.different += 1


def _series(db: sqlite3.Connection, node: str, channel: str) -> dict[int, int | None]:
    cursor = db.execute(
        """SELECT rows.time_ms, samples.value FROM samples JOIN rows ON rows.id = samples.row_id
           JOIN frames ON frames.id = rows.id / 1024 JOIN nodes ON nodes.id = frames.node_id
           JOIN channels ON channels.schema_id = frames.schema_id
                        AND channels.number = samples.channel
           WHERE nodes.name = ? AND channels.name = ? AND rows.time_ms IS NOT NULL""",
        (node, channel),
    )
    return dict(cursor.fetchall())
