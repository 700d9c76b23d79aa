"""Radar and tracker over more than fifty hours of a generated street, from night to jam.

    python -m tests.bench.traffic_hours [CHART.svg] [PROCESSES]

Prints a table, and draws the chart of docs/traffic.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

from tests.bench import traffic_chart
from tests.bench.traffic import HOUR_S, Case, Count, run

FLOWS = tuple(range(100, 1000, 100))
GREENS = (0.45, 0.35, 0.25)
GEH_GOOD = 5.0


def cases() -> dict[str, list[Case]]:
    """Return the hours by what they are."""
    return {
        "free flow, dry": [Case(100 + 10 * n + f // 100, f) for n in (0, 1) for f in FLOWS],
        "free flow, rain": [Case(200 + f // 100, f, rain=1.0) for f in FLOWS],
        "free flow, yaw 5° wrong": [
            Case(300 + f // 100, f, yaw_error_deg=5.0 if f // 100 % 2 else -5.0) for f in FLOWS
        ],
        "stop and go at a signal": [
            Case(400 + n, f, green=green)
            for n, (f, green) in enumerate((f, green) for f in (600, 900) for green in GREENS)
        ],
        "two lanes a way, free flow": [Case(500 + f // 100, f, lanes=2) for f in FLOWS],
        "two lanes a way, stop and go": [Case(600, 700, lanes=2, green=0.4)],
    }


@dataclass(frozen=True)
class Figures:
    """Of a group's hours: each hour and way counts once."""

    hours: int
    vehicles: int
    geh: list[float]
    error: float
    mape: float
    speed_error: float
    speed_worst: float

    @property
    def geh_good(self) -> float:
        """Return the share of hours with a GEH below 5."""
        return sum(one < GEH_GOOD for one in self.geh) / len(self.geh)


def geh(told: float, true: float) -> float:
    """Return Geoffrey E. Havers' measure of two hourly volumes."""
    return (2 * (told - true) ** 2 / (told + true)) ** 0.5 if told + true else 0.0


def figures(hours: Iterable[list[Count]], hour_s: int = HOUR_S) -> Figures:
    """Return what hours of counts come to."""
    share = HOUR_S / hour_s
    gehs, errors, speeds = [], [], []
    true = told = number = 0
    for counts in hours:
        number += 1
        for way in (0, 1):
            mine = [one for one in counts if one.way == way]
            t, m = sum(one.true for one in mine), sum(one.told for one in mine)
            true, told = true + t, told + m
            gehs.append(geh(m * share, t * share))
            errors += [abs(one.told - one.true) / one.true for one in mine if one.true]
            pairs = [one for one in mine if one.true_speed and one.told_speed]
            if pairs:
                told_mean = sum(p.told * p.told_speed for p in pairs) / sum(p.told for p in pairs)
                true_mean = sum(p.true * p.true_speed for p in pairs) / sum(p.true for p in pairs)
                speeds.append(told_mean - true_mean)
    return Figures(
        number,
        true,
        gehs,
        (told - true) / true,
        sum(errors) / len(errors),
        sum(speeds) / len(speeds),
        max(speeds, key=abs),
    )


def main(chart: Path | None, processes: int) -> None:
    groups = cases()
    flat = [case for group in groups.values() for case in group]
    with Pool(processes) as pool:
        counted = {}
        order = sorted(flat, key=lambda case: (-case.green, case.lanes * case.flow))
        for case, counts in zip(order, pool.imap(run, order), strict=True):
            counted[case] = counts
            print(f"\r{len(counted)} of {len(flat)} hours", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = {name: figures(counted[case] for case in group) for name, group in groups.items()}
    print(f"{'hours of':32}{'hours':>6}{'vehicles':>9}{'GEH<5':>8}{'worst':>7}", end="")
    print(f"{'count':>8}{'MAPE':>7}{'speed':>7}{'worst':>7}")
    for name, one in found.items():
        print(
            f"{name:32}{one.hours:6}{one.vehicles:9,}{one.geh_good:8.0%}{max(one.geh):7.1f}"
            f"{one.error:+8.1%}{one.mape:7.1%}{one.speed_error:+7.1f}{one.speed_worst:+7.1f}"
        )
    if chart:
        dots = [
            (name, sum(one.true for one in counted[case] if one.way == way), way, counted[case])
            for name, group in groups.items()
            for case in group
            for way in (0, 1)
        ]
        points = {name: [] for name in groups}
        for name, true, way, counts in dots:
            told = sum(one.told for one in counts if one.way == way)
            points[name].append((true, told))
        chart.write_text(traffic_chart.draw(points))


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    main(out, int(sys.argv[2]) if len(sys.argv) > 2 else 2)
