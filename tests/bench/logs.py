"""What the frame is measured on: a generated 10 s log, and recordings where they lie at hand."""

from __future__ import annotations

import csv
import math
import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from host_tools import build, table

RECORDINGS = build.ROOT.parent / "shared" / "data"
SDS_ROWS = 6000
LOG_ROWS = 6000


@dataclass
class Log:
    """Rows of whole numbers. times: unix ms; columns: (name, decimals); cells: by column."""

    name: str
    times: list[int]
    columns: list[tuple[str, int]]
    cells: list[list[int]]


def generated(seed: int = 1, rows: int = LOG_ROWS) -> Log:
    """Return a day of a quiet multi-sensor node: drift, noise of the sensors, rounding."""
    chance = random.Random(seed)
    names = [("temperature", 2), ("humidity", 2), ("pressure", 0), ("co2", 0)]
    names += [("gas", 0), ("pm1", 0), ("pm2_5", 0), ("pm10", 0)]
    times, cells = [], [[] for _ in names]
    now, drift = 1_700_000_000, 0.0
    warm, damp, air, breath, gas, dust = 22.0, 45.0, 1013.3, 520.0, 52_000.0, 5.0
    for row in range(rows):
        now += 10
        times.append((now + (chance.random() < 0.2)) * 1000)
        if row % 300 == 0:
            drift = chance.gauss(0, 0.0008)
        warm += drift + chance.gauss(0, 0.0015)
        damp += -2 * drift + chance.gauss(0, 0.004)
        air += chance.gauss(0, 0.006)
        breath += chance.gauss(0, 0.35) - (breath - 520) * 0.0008
        gas += chance.gauss(0, 20) - (gas - 52_000) * 0.0003
        dust = max(0.5, dust + chance.gauss(0, 0.12) - (dust - 5) * 0.004)
        seen = dust + chance.gauss(0, 0.25)
        values = (
            (warm + chance.gauss(0, 0.004)) * 100,
            (damp + chance.gauss(0, 0.008)) * 100,
            air,
            breath + chance.gauss(0, 0.4),
            gas,
            max(0, seen * 0.65),
            max(0, seen),
            max(0, seen * 1.15 + chance.gauss(0, 0.2)),
        )
        for column, value in zip(cells, values):
            column.append(math.floor(value + 0.5))
    return Log("10 s log, 8 sensors (generated)", times, names, cells)


def still(seed: int = 1, rows: int = LOG_ROWS) -> Log:
    """Return a log whose gas sensor speaks every 5 min, its rows written on a tick of 1.044 s.

    Such are public logs of a PMS7003 and a BME680 behind Bosch's library: five columns stand still
    for thirty rows, the three of the dust follow one another.
    """
    chance = random.Random(seed)
    names = [("temperature", 2), ("humidity", 2), ("pressure", 0), ("co2", 0)]
    names += [("gas", 0), ("pm1", 0), ("pm2_5", 0), ("pm10", 0)]
    times, cells = [], [[] for _ in names]
    start, tick, due = 1_700_000_000, 0.0, 0.0
    warm, damp, air, breath, dust = 31.0, 62.0, 1009.0, 700.0, 35.0
    held: tuple[float, ...] = ()
    for row in range(rows):
        while tick < due:
            tick += 1.044
        due += 10
        times.append((start + math.floor(tick)) * 1000)
        if row % 30 == 0:
            warm += chance.gauss(0, 0.05)
            damp += chance.gauss(0, 0.35) - (damp - 62) * 0.02
            air += chance.gauss(0, 0.12)
            breath += chance.gauss(0, 25) - (breath - 700) * 0.05
            held = (warm * 100, damp * 100, air, breath, 5600)
        dust = max(3, dust + chance.gauss(0, 0.5) - (dust - 35) * 0.002)
        seen = dust + chance.gauss(0, 1)
        coarse = seen * 1.45 + chance.gauss(0, 1)
        dusts = (seen, coarse, coarse * 1.2 + chance.gauss(0, 1.2))
        for column, value in zip(cells, (*held, *dusts)):
            column.append(math.floor(max(0, value) + 0.5))
    return Log("10 s log, slow gas sensor (generated)", times, names, cells)


def _unix_ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * 1000


def sds011() -> Log | None:
    """Return the first rows of the SDS011's archive days, or None where there are none."""
    log = Log("SDS011, archive values", [], [("pm10", 2), ("pm2_5", 2)], [[], []])
    for path in sorted((RECORDINGS / "sensor.community").glob("*_sds011_*.csv")):
        with path.open() as file:
            for row in csv.DictReader(file, delimiter=";"):
                log.times.append(_unix_ms(row["timestamp"]))
                for column, name in zip(log.cells, ("P1", "P2")):
                    column.append(round(float(row[name]) * 100))
    del log.times[SDS_ROWS:], log.cells[0][SDS_ROWS:], log.cells[1][SDS_ROWS:]
    return log if log.times else None


def traffic() -> Log | None:
    """Return the road traffic, or None where there is none."""
    log = Log("road traffic, Aarhus", [], [("speed", 0), ("count", 0)], [[], []])
    for path in sorted((RECORDINGS / "aarhus").glob("*.csv")):
        with path.open() as file:
            for row in csv.DictReader(file):
                log.times.append(_unix_ms(row["TIMESTAMP"]))
                log.cells[0].append(int(row["avgSpeed"]))
                log.cells[1].append(int(row["vehicleCount"]))
    return log if log.times else None


def from_csv(path: Path) -> Log:
    """Return a CSV as `kista pack` takes it, its rows without empty cells."""
    whole = table.read_csv(path)
    full = [row for row in zip(whole.times, *whole.cells) if None not in row]
    times, *cells = (list(column) for column in zip(*full))
    return Log(path.name, times, [(c.name, c.decimals) for c in whole.columns], cells)
