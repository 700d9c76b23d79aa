"""Turn CSV recordings into tapes that the simulated sensors play.

Read are files of the sensor.community archive (`;`-separated, P1 and P2 of an SDS011) and CSV
with a time
column and columns named like the sensors' channels. A broken line is skipped and counted.
"""

from __future__ import annotations

import csv
import json
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

from gateway import config
from host_tools import build
from host_tools.errors import UserError
from host_tools.twin.source import NONE

TIME_COLUMNS = ("time", "timestamp")
# Other people's names for a channel.
ALIASES = {
    "p1": "pm10",
    "p2": "pm2_5",
    "pm25": "pm2_5",
    "pm2.5": "pm2_5",
    "avgspeed": "speed_mean",
    "speed": "speed_mean",
    "vehiclecount": "vehicles",
    "count": "vehicles",
}
# A traffic count describes the minutes before its time.
PERIOD_MS = {"ld2451": 300_000}
_32_BITS = 1 << 31


@dataclass
class Recording:
    """Rows by driver: {driver: {time ms: [int or None, one a channel]}}, and what was lost on the
    way.
    """

    rows: dict[str, dict[int, list]] = field(default_factory=dict)
    channels: dict[str, list[str]] = field(default_factory=dict)
    skipped: Counter = field(default_factory=Counter)
    rounded: int = 0

    def spans(self, gap_ms: int) -> list[tuple[int, int]]:
        """Return [(first, last), …] in unix ms: the stretches without a hole longer than
        `gap_ms`.
        """
        times = sorted({time for rows in self.rows.values() for time in rows})
        spans: list[tuple[int, int]] = []
        for time in times:
            if spans and time - spans[-1][1] <= gap_ms:
                spans[-1] = (spans[-1][0], time)
            else:
                spans.append((time, time))
        return spans

    def write(self, folder: Path) -> dict[str, Path]:
        """Write a tape a driver into `folder`; return {driver: path}."""
        paths = {}
        for driver, rows in self.rows.items():
            channels = self.channels[driver]
            head = {"channels": channels, "period_ms": PERIOD_MS.get(driver, 0), "rows": len(rows)}
            path = folder / f"{driver}.tape"
            with path.open("wb") as file:
                file.write(json.dumps(head).encode() + b"\n")
                for time in sorted(rows):
                    values = [NONE if value is None else value for value in rows[time]]
                    file.write(struct.pack(f"<q{len(channels)}i", time, *values))
            paths[driver] = path
        return paths


def read(paths: list[Path]) -> Recording:
    """Read recordings; `UserError` for a file that holds nothing any sensor could have said."""
    recording = Recording()
    known = _known_channels()
    for path in paths:
        before = sum(len(rows) for rows in recording.rows.values())
        _read_file(path, known, recording)
        if sum(len(rows) for rows in recording.rows.values()) == before:
            raise UserError(f"{path}: no line of it could be used ({_reasons(recording)})")
    return recording


def _reasons(recording: Recording) -> str:
    return (
        ", ".join(f"{count} × {why}" for why, count in recording.skipped.items()) or "it is empty"
    )


def _known_channels() -> dict[str, tuple[str, int]]:
    """Return {channel: (driver, scale)} of every driver there is."""
    known = {}
    for path in sorted(build.DRIVERS.glob("[!_]*.py")):
        for name, _, scale in config.load_driver(path.stem).CHANNELS:
            known.setdefault(name, (path.stem, scale))
    return known


def _read_file(path: Path, known: dict, recording: Recording) -> None:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        delimiter = ";" if ";" in file.readline() else ","
        file.seek(0)
        lines = csv.reader(file, delimiter=delimiter)
        header = [name.strip().lower() for name in next(lines, [])]
        time_column = next((header.index(name) for name in TIME_COLUMNS if name in header), None)
        if time_column is None:
            raise UserError(f"{path}: has no column `time`; the first line must name the columns")
        columns = _columns(header, known)
        if not columns:
            raise UserError(
                f"{path}: no column is named like a sensor's channel; known are "
                f"{', '.join(sorted(known))}"
            )
        drivers = sorted({driver for driver, _, _ in columns.values()})
        for driver in drivers:
            names = [name for d, name, _ in columns.values() if d == driver]
            _add_channels(recording, driver, names)
        for cells in lines:
            _take(cells, len(header), time_column, columns, recording)


def _columns(header: list[str], known: dict) -> dict[int, tuple[str, str, int]]:
    """Return {column: (driver, channel, scale)} for the columns that a sensor can play."""
    columns = {}
    for i, name in enumerate(header):
        name = ALIASES.get(name, name)
        if name in known:
            driver, scale = known[name]
            columns[i] = (driver, name, scale)
    return columns


def _add_channels(recording: Recording, driver: str, names: list[str]) -> None:
    """Make room for a file's channels of a driver, in the rows of the files before as well."""
    channels = recording.channels.setdefault(driver, [])
    recording.rows.setdefault(driver, {})
    for name in names:
        if name not in channels:
            channels.append(name)
            for row in recording.rows[driver].values():
                row.append(None)


def _take(cells, width, time_column, columns, recording) -> None:
    """Take one line, or count why not."""
    if not cells:
        return
    if len(cells) != width:
        recording.skipped["wrong number of cells"] += 1
        return
    try:
        time_ms = parse_time(cells[time_column])
    except ValueError:
        recording.skipped["time not readable"] += 1
        return
    values = {}
    try:
        for i, (driver, name, scale) in columns.items():
            values[driver, name] = _integer(cells[i], scale, recording)
    except (ValueError, InvalidOperation):
        recording.skipped["value not a number in range"] += 1
        return
    repeated = False
    for driver in {driver for driver, _ in values}:
        rows = recording.rows[driver]
        repeated = repeated or time_ms in rows
        row = rows.setdefault(time_ms, [None] * len(recording.channels[driver]))
        for j, name in enumerate(recording.channels[driver]):
            if (driver, name) in values:
                row[j] = values[driver, name]
    if repeated:
        recording.skipped["time given twice, the later line holds"] += 1


def _integer(cell: str, scale: int, recording: Recording) -> int | None:
    """Return a cell in the driver's integers, rounded half up; None for an empty one."""
    cell = cell.strip()
    if not cell:
        return None
    exact = Decimal(cell) * scale
    if not exact.is_finite() or abs(exact) >= _32_BITS:
        raise ValueError(cell)
    value = int(exact.to_integral_value(rounding=ROUND_HALF_UP))
    if value != exact:
        recording.rounded += 1
    return value


def parse_time(text: str) -> int:
    """Return unix ms of ISO 8601 (UTC where it says nothing) or of unix seconds; ValueError."""
    text = text.strip()
    try:
        return int((Decimal(text) * 1000).to_integral_value())
    except (InvalidOperation, ValueError):
        pass
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    since = when - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86400 + since.seconds) * 1000 + since.microseconds // 1000


def rows_of(recording: Recording) -> Iterator[tuple[str, int, dict[str, int]]]:
    """Yield (driver, time ms, {channel: integer}) of everything recorded, in order of time."""
    for driver, rows in recording.rows.items():
        for time in sorted(rows):
            values = dict(zip(recording.channels[driver], rows[time], strict=True))
            yield driver, time, {name: v for name, v in values.items() if v is not None}
