"""Radars over more than fifty hours of a generated street, from night to jam.

    python -m tests.bench.traffic_hours [CHART.svg] [PROCESSES]

Prints the tables of docs/traffic.md, and draws its chart.
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
SPEED_GOOD_KMH = 2.0
SPEED_RADARS = ("ld2415h", "ops243a")


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


def speed_radar_cases(sensor: str) -> dict[str, list[Case]]:
    """Return the hours of a radar that knows only the strongest speed."""
    jams = [(600, 0.45), (600, 0.25), (900, 0.35)]
    return {
        "free flow, dry": [Case(700 + f // 100, f, sensor=sensor) for f in FLOWS],
        "stop and go at a signal": [
            Case(800 + n, f, green=green, sensor=sensor) for n, (f, green) in enumerate(jams)
        ],
        "two lanes a way, free flow": [
            Case(900 + f // 100, f, lanes=2, sensor=sensor) for f in (300, 600, 900)
        ],
    }


def kinds() -> dict[str, dict[str, list[Case]]]:
    """Return the hours of each kind of radar, by what they are."""
    return {"ld2451": cases(), **{name: speed_radar_cases(name) for name in SPEED_RADARS}}


@dataclass(frozen=True)
class Figures:
    """Of a group's hours: each hour and way counts once."""

    hours: int
    vehicles: int
    geh: list[float]
    error: float
    mape: float
    speeds: list[float]

    @property
    def geh_good(self) -> float:
        """Return the share of hours with a GEH below 5."""
        return sum(one < GEH_GOOD for one in self.geh) / len(self.geh)

    @property
    def speed_error(self) -> float:
        """Return the mean error of the hours' mean speeds."""
        return sum(self.speeds) / len(self.speeds)

    @property
    def speed_worst(self) -> float:
        """Return the error of the hour whose mean speed is the worst."""
        return max(self.speeds, key=abs)

    @property
    def speed_good(self) -> float:
        """Return the share of hours whose mean speed is good."""
        return sum(abs(one) <= SPEED_GOOD_KMH for one in self.speeds) / len(self.speeds)


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
        speeds,
    )


def table(found: dict[str, Figures]) -> list[str]:
    """Return the lines of a kind's table."""
    lines = [
        "| hours of | hours | vehicles | GEH below 5, worst | count | MAPE "
        "| speed: mean, worst (km/h) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        lines.append(
            f"| {name} | {one.hours} | {one.vehicles:,} | {one.geh_good:.0%}, {max(one.geh):.1f} "
            f"| {_signed(one.error)} | {one.mape:.1%} "
            f"| {one.speed_error:+.1f}, {one.speed_worst:+.1f} |"
        )
    return lines


def overview(name: str, free: Figures, jam: Figures) -> str:
    """Return a kind's line in the table of all."""
    cells = []
    for one in (free, jam):
        cells.append(f"{one.geh_good:.0%}, {one.mape:.1%}")
        cells.append(f"{one.speed_error:+.1f}; {one.speed_good:.0%} within 2")
    return f"| `{name}` | {' | '.join(cells)} |"


def _signed(share: float) -> str:
    return f"{share:+.1%}".replace("-", "−")


def main(chart: Path | None, processes: int) -> None:
    every = kinds()
    flat = [case for groups in every.values() for group in groups.values() for case in group]
    counted = {}
    with Pool(processes) as pool:
        order = sorted(flat, key=lambda case: (case.green, -case.lanes * case.flow))
        for case, counts in zip(order, pool.imap(run, order), strict=True):
            counted[case] = counts
            print(f"\r{len(counted)} of {len(flat)} hours", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    lines = []
    for kind, groups in every.items():
        found = {name: figures(counted[case] for case in group) for name, group in groups.items()}
        print(f"\n{kind}\n")
        print("\n".join(table(found)))
        free, jam = (
            figures(counted[c] for g in groups.values() for c in g if is_it(c))
            for is_it in (_is_free, _is_jam)
        )
        lines.append(overview(kind, free, jam))
    print("\none lane a way: free flow, stop and go\n")
    print("\n".join(lines))
    if chart:
        chart.write_text(traffic_chart.draw({kind: dots(g, counted) for kind, g in every.items()}))


def _is_free(case: Case) -> bool:
    return case.green >= 1 and case.lanes == 1


def _is_jam(case: Case) -> bool:
    return case.green < 1 and case.lanes == 1


def dots(groups: dict[str, list[Case]], counted: dict) -> dict[str, list[tuple[int, int]]]:
    """Return {what the hours were: [(passed, counted), …]}, an hour and way each."""
    points = {}
    for name, group in groups.items():
        points[name] = [
            (sum(one.true for one in mine), sum(one.told for one in mine))
            for case in group
            for way in (0, 1)
            for mine in [[one for one in counted[case] if one.way == way]]
        ]
    return points


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    main(out, int(sys.argv[2]) if len(sys.argv) > 2 else 2)
