"""Turn CSV recordings into tapes that the simulated sensors play.

Read are files of the sensor.community archive (`;`-separated, P1 and P2 of an SDS011) and CSV with
a time column and columns named like the sensors' channels. A broken line is skipped and counted.
"""

from __future__ import annotations

import csv
import importlib
import json
import struct
from collections import Counter
from collections.abc import Collection, Iterator
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
# Where several sensors have a channel, these play it before others do.
PLAYERS = ("sds011", "bme280", "ld2451")
# A traffic count describes the minutes before its time.
PERIOD_MS = 300_000
COUNTS = {"vehicles", "speed_mean"}
# A mean over nothing is no reading, whatever a file says: {mean: what it is a mean of}.
MEANS = {"speed_mean": "vehicles"}
# Times outside of 1970 to 2100 are mistakes.
_TIME_MOST_MS = 4_102_444_800_000


@dataclass(frozen=True)
class Column:
    """How a column is played: as which channel of which driver, in which integers."""

    driver: str
    name: str
    scale: int
    least: int
    most: int


@dataclass
class Recording:
    """Rows by driver, {driver: {time ms: [int or None, one a channel]}}, and what was lost."""

    rows: dict[str, dict[int, list]] = field(default_factory=dict)
    channels: dict[str, list[str]] = field(default_factory=dict)
    skipped: Counter = field(default_factory=Counter)
    rounded: int = 0

    def spans(self, gap_ms: int) -> list[tuple[int, int]]:
        """Return [(first, last), …] in unix ms: the stretches without a longer hole."""
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
            period_ms = PERIOD_MS if COUNTS & set(channels) else 0
            head = {"channels": channels, "period_ms": period_ms, "rows": len(rows)}
            path = folder / f"{driver}.tape"
            with path.open("wb") as file:
                file.write(json.dumps(head).encode() + b"\n")
                for time in sorted(rows):
                    values = [NONE if value is None else value for value in rows[time]]
                    file.write(struct.pack(f"<q{len(channels)}i", time, *values))
            paths[driver] = path
        return paths


def read(paths: list[Path], players: Collection[str] = PLAYERS) -> Recording:
    """Read recordings; `UserError` for a file that holds nothing any sensor could have said.

    `players`: drivers that play what others could play as well.
    """
    recording = Recording()
    known = _known_channels(players)
    for path in paths:
        try:
            taken = _read_file(path, known, recording)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        if not taken:
            raise UserError(f"{path}: no line of it could be used ({_reasons(recording)})")
    return recording


def _reasons(recording: Recording) -> str:
    return (
        ", ".join(f"{count} × {why}" for why, count in recording.skipped.items()) or "it is empty"
    )


def _known_channels(players: Collection[str]) -> dict[str, Column]:
    """Return {channel: how it is played} of every channel that a model can play.

    A model with less or more to say than its driver's channels in their ranges has a `SAYS`.
    """
    known = {}
    paths = build.DRIVERS.glob("[!_]*.py")
    for path in sorted(paths, key=lambda path: (path.stem not in players, path.stem)):
        driver = config.load_driver(path.stem)
        model = importlib.import_module(f"host_tools.twin.sensors.{path.stem}")
        ranges = {channel[0]: limits for channel, limits in zip(driver.CHANNELS, driver.RANGE)}
        says = getattr(model, "SAYS", ranges)
        for name, _, scale in driver.CHANNELS:
            if name in says:
                known.setdefault(name, Column(path.stem, name, scale, *says[name]))
    return known


def _read_file(path: Path, known: dict[str, Column], recording: Recording) -> int:
    """Read one file; return how many lines of it were taken."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
        delimiter = ";" if ";" in first else ","
        header = [name.strip().lower() for name in _cells(first, delimiter)]
        time_column = next((header.index(name) for name in TIME_COLUMNS if name in header), None)
        if time_column is None:
            raise UserError(f"{path}: has no column `time`; the first line must name the columns")
        columns = _columns(header, known)
        if not columns:
            raise UserError(
                f"{path}: no column is named like a sensor's channel; known are "
                f"{', '.join(sorted(known))}"
            )
        played = [column.name for column in columns.values()]
        for name in played:
            if played.count(name) > 1:
                raise UserError(f"{path}: two columns are {name!r}; leave one of them out")
        for driver in sorted({column.driver for column in columns.values()}):
            names = [column.name for column in columns.values() if column.driver == driver]
            _add_channels(recording, driver, names)
        return sum(
            _take(_cells(line, delimiter), len(header), time_column, columns, recording)
            for line in file
        )


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; a stray quotation mark spoils no line but its own."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _columns(header: list[str], known: dict[str, Column]) -> dict[int, Column]:
    """Return {number of the column: how it is played} for the columns that a sensor can play."""
    columns = {}
    for i, name in enumerate(header):
        name = ALIASES.get(name, name)
        if name in known:
            columns[i] = known[name]
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


def _take(cells, width, time_column, columns, recording) -> bool:
    """Take one line and return True, or count why not."""
    if not cells:
        return False
    if len(cells) != width:
        recording.skipped["wrong number of cells"] += 1
        return False
    try:
        time_ms = parse_time(cells[time_column])
    except ValueError:
        recording.skipped["time not readable"] += 1
        return False
    try:
        exact = {column: _exact(cells[i], column) for i, column in columns.items()}
    except (ValueError, InvalidOperation):
        recording.skipped["value not a number in range"] += 1
        return False
    _drop_means_of_nothing(exact, recording)
    repeated = False
    for column, value in exact.items():
        channels = recording.channels[column.driver]
        row = recording.rows[column.driver].setdefault(time_ms, [None] * len(channels))
        if value is None:
            continue
        place = channels.index(column.name)
        repeated = repeated or row[place] is not None
        row[place] = int(value.to_integral_value(rounding=ROUND_HALF_UP))
        recording.rounded += row[place] != value
    if repeated:
        recording.skipped["time given twice, the later line holds"] += 1
    return True


def _drop_means_of_nothing(exact: dict[Column, Decimal | None], recording: Recording) -> None:
    values = {column.name: value for column, value in exact.items()}
    for column, value in exact.items():
        if value is not None and values.get(MEANS.get(column.name)) == 0:
            exact[column] = None
            recording.skipped["mean of no vehicles"] += 1


def _exact(cell: str, column: Column) -> Decimal | None:
    """Return a cell times the channel's scale, None for an empty one."""
    cell = cell.strip()
    if not cell:
        return None
    exact = Decimal(cell) * column.scale
    if not exact.is_finite() or not column.least <= exact <= column.most:
        raise ValueError(cell)
    return exact


def parse_time(text: str) -> int:
    """Return unix ms of ISO 8601 (UTC where it says nothing) or of unix seconds; ValueError."""
    text = text.strip()
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if when.tzinfo is None:
            when = when.replace(tzinfo=timezone.utc)
        since = when - datetime(1970, 1, 1, tzinfo=timezone.utc)
        seconds = Decimal(since.days * 86400 + since.seconds) + Decimal(since.microseconds) / 10**6
    if not seconds.is_finite() or not 0 <= seconds * 1000 <= _TIME_MOST_MS:
        raise ValueError(text)
    return int((seconds * 1000).to_integral_value())


def rows_of(recording: Recording) -> Iterator[tuple[str, int, dict[str, int]]]:
    """Yield (driver, time ms, {channel: integer}) of everything recorded, in order of time."""
    for driver, rows in recording.rows.items():
        for time in sorted(rows):
            values = dict(zip(recording.channels[driver], rows[time], strict=True))
            yield driver, time, {name: v for name, v in values.items() if v is not None}
