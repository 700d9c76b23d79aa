"""What one lane's sensors make of the street in scene.py: contacts and beams, by their drivers.

Each of the two ways is a lane. The vehicles' paths become edges and frames with the faults that
such sensors have, and with a node that is busy now and then.
"""

from __future__ import annotations

import importlib
import multiprocessing
import random
import sys
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import host_tools  # noqa: F401 - makes the device's files importable

# isort: split
from fakes import Hal
from gateway.clock import Clock
from host_tools.twin import scene
from host_tools.twin.buses import I2c, Pulse, Uart
from host_tools.twin.passing import SLOT_MS
from support import finish
from tests.bench import lanes_chart

CHART = Path(__file__).resolve().parents[2] / "docs" / "traffic_lanes.svg"
KINDS = ("loop", "loop_pair", "contact_counter", "tube_pair", "tfluna", "tfluna_i2c", "tfluna_pair")
WORKERS = None
WARM_UP_S = 180
PERIOD_S = 300
# Behind the line: the second detector, and the longest vehicle behind its front.
AHEAD_M = 32.0
# A collection of the heap and an erase of the flash: (every so many us, for so many).
BUSY = ((3_100_000, 12_000), (61_000_000, 45_000))
# What loops and tubes feel of whom, and how often not.
LOOP_MISSES = {"motorcycle": 0.1, "bicycle": 1.0}
TUBE_MISSES = {"bicycle": 0.7}
# Of a high lorry a loop feels the axles and not what is between.
LOOP_SPLITS = 0.02
# Of cars whose windscreen throws nothing back.
DARK = 0.1


# Vehicles an hour and lane, and the share of a signal's cycle that is green, 90 m behind the line.
FREE = [(flow, 1.0) for flow in range(100, 1000, 100)] * 2
DENSE = [(1000, 1.0), (1200, 1.0)]
QUEUES = [(500, 0.4), (700, 0.4), (900, 0.5), (900, 0.6), (1200, 0.6)]
HOURS = {"free": FREE, "dense": DENSE, "queues": QUEUES}


@dataclass(frozen=True)
class Count:
    """A lane's period: vehicles, those like trucks, and their mean speed in km/h, true and told."""

    true: int
    told: int
    true_speed: float | None
    told_speed: float | None
    true_trucks: int
    told_trucks: int


@dataclass(frozen=True)
class Score:
    """Of many hours, in percent, and km/h of a period's mean speed."""

    hours: int
    bias: float
    geh_good: float
    geh_worst: float
    mape: float
    speed_error: float | None
    speed_good: float | None
    trucks: float | None


@dataclass
class Track:
    """A vehicle's way over the detectors; cm and us as a `passing.Passage` has them."""

    kind: str
    speed_kmh: float
    length: int
    axles: tuple[int, ...]
    chance: float
    times: list[int] = field(default_factory=list)
    ways: list[float] = field(default_factory=list)

    def us(self, cm: int) -> int:
        """Return when its front was so far behind the line."""
        i = bisect_left(self.ways, cm)
        if i == 0:
            return self.times[0]
        if i == len(self.ways):
            return self.times[-1]
        part = (cm - self.ways[i - 1]) / (self.ways[i] - self.ways[i - 1])
        return round(self.times[i - 1] + part * (self.times[i] - self.times[i - 1]))


class Source:
    """The passages of one lane, as the models ask for them."""

    def __init__(self, tracks: list[Track]) -> None:
        self._slots: dict[int, list[Track]] = {}
        for track in tracks:
            self._slots.setdefault(track.us(0) // (SLOT_MS * 1000), []).append(track)

    def passages(self, slot: int) -> list[Track]:
        return self._slots.get(slot, [])


def axles_of(kind: str, cm: int) -> tuple[int, ...]:
    """Return where a vehicle of such a length has its axles, in cm behind its front."""
    if kind in ("motorcycle", "bicycle"):
        return 35, cm - 35
    if kind != "truck":
        return round(0.2 * cm), round(0.78 * cm)
    if cm < 1050:
        return 130, cm - 250
    if cm < 1300:
        return 130, cm - 380, cm - 250
    return 130, 490, cm - 400, cm - 270


def drive(seed: int, demand: scene.Demand, hours: float) -> list[list[Track]]:
    """Return the tracks over the line, of each way, in the time behind the warm-up."""
    street = scene.Scene(seed, demand)
    chance = random.Random(seed)
    lanes: list[list[Track]] = [[], []]
    under_way: dict[int, Track] = {}
    for _ in range(round((WARM_UP_S + hours * 3600 + 60) / scene.STEP_S)):
        street.step()
        us = round((street.now_s - WARM_UP_S) * 1e6)
        for way in street.ways:
            for one in way.vehicles():
                cm = (one.x - scene.LINE_M) * 100
                if cm < -400 or cm > AHEAD_M * 100:
                    continue
                track = under_way.get(one.ident)
                if track is None:
                    length = round(one.length * 100)
                    axles = axles_of(one.kind.name, length)
                    track = Track(one.kind.name, 0.0, length, axles, chance.random())
                    under_way[one.ident] = track
                    lanes[way.number].append(track)
                if not track.ways or cm > track.ways[-1]:
                    if track.ways and track.ways[-1] < 0 <= cm:
                        track.speed_kmh = one.v / scene.KMH
                    track.times.append(us)
                    track.ways.append(cm)
                elif cm == track.ways[-1]:
                    # It stands: it goes on from here.
                    track.times[-1] = us
    end = hours * 3600e6
    return [
        [track for track in lane if track.ways[-1] > 0 and 0 <= track.us(0) < end] for lane in lanes
    ]


def felt(track: Track, misses: dict[str, float]) -> bool:
    return track.chance >= misses.get(track.kind, 0.0)


def spoil_loop(edges_of):
    """Return a loop's edges with its faults."""

    def edges(track: Track) -> list:
        if not felt(track, LOOP_MISSES):
            return []
        found = edges_of(track)
        if track.kind == "truck" and track.chance < LOOP_SPLITS:
            for on, number, level in list(found):
                if level:
                    off = next(us for us, other, up in found if other == number and not up)
                    middle = (on + off) // 2
                    found += [(middle - 60_000, number, 0), (middle + 60_000, number, 1)]
        return found

    return edges


def spoil_tube(edges_of):
    """Return a tube's edges without those of who is too light."""
    return lambda track: edges_of(track) if felt(track, TUBE_MISSES) else []


def spoil_beam(edges_of):
    """Return what a beam from above sees: no bicycle at the edge, gaps, dark windscreens."""

    def edges(track: Track) -> list:
        if track.kind == "bicycle":
            return []
        found = edges_of(track)
        for us, number, level in list(found):
            if not level:
                continue
            if track.kind == "truck" and track.length > 1300:
                found += [(_later(track, us, 270), number, 0), (_later(track, us, 350), number, 1)]
            elif track.kind == "car" and track.chance < DARK:
                found += [(_later(track, us, 110), number, 2), (_later(track, us, 200), number, 1)]
        return found

    return edges


def _later(track: Track, us: int, cm: int) -> int:
    """Return when what is so far behind the front is where the front was at `us`."""
    i = bisect_left(track.times, us)
    if not 0 < i < len(track.times):
        return us
    span = track.times[i] - track.times[i - 1]
    part = (us - track.times[i - 1]) / span if span else 0
    return track.us(round(track.ways[i - 1] + part * (track.ways[i] - track.ways[i - 1])) + cm)


def is_busy(ms: int) -> bool:
    return any(ms * 1000 % every < lasts for every, lasts in BUSY)


class Busy:
    """A pulse bus of a node that is busy now and then: edges are noted when it is not."""

    def __init__(self, bus: Pulse) -> None:
        self._bus = bus
        self.lost = 0
        self.now = bus.now

    def readinto(self, buf) -> int:
        count = self._bus.readinto(buf)
        for i in range(count):
            us = buf[i] & -4
            for every, lasts in BUSY:
                if us % every < lasts:
                    us += lasts - us % every
            buf[i] = (us & -4) | buf[i] & 3
        return count


SPOILS: dict[str, Callable] = {
    **dict.fromkeys(("loop", "loop_pair"), spoil_loop),
    **dict.fromkeys(("contact_counter", "tube_pair"), spoil_tube),
    **dict.fromkeys(("tfluna", "tfluna_i2c", "tfluna_pair"), spoil_beam),
}


def watch(kind: str, tracks: list[Track], hours: float) -> list[dict]:
    """Return the rows, {channel: value}, of a sensor's driver in that lane, one a period."""
    driver = importlib.import_module(f"drivers.{kind}")
    hal = Hal()
    ends = _ends(kind, Source(tracks))
    if driver.BUS == "pulse":
        bus = Busy(Pulse(ends, lambda: hal.ticks))
    elif driver.BUS == "i2c":
        bus = I2c(ends, lambda: hal.ticks)
    else:
        uarts = [Uart(end, lambda: hal.ticks, driver.UART[1]) for end in ends]
        bus = uarts if len(uarts) > 1 else uarts[0]
    sensor = driver.Sensor(bus, Clock(hal), {})
    rows = []
    for _ in range(round(hours * 3600 / PERIOD_S)):
        for _ in range(PERIOD_S * 1000 // driver.STEP_MS):
            hal.advance(driver.STEP_MS)
            # Pulses and a UART's bytes wait; a distance that nobody fetches is gone.
            if driver.BUS != "i2c" or not is_busy(hal.ticks):
                sensor.step()
        values = finish(sensor.read())
        rows.append({channel[0]: value for channel, value in zip(driver.CHANNELS, values)})
    return rows


def _ends(kind: str, source: Source) -> list:
    model = importlib.import_module(f"host_tools.twin.sensors.{kind}")
    first = model.Model(source, {})
    lane = first._lane
    lane._edges_of = SPOILS[kind](lane._edges_of)
    return [first, first.second] if hasattr(first, "second") else [first]


def compare(kind: str, tracks: list[Track], rows: list[dict]) -> list[Count]:
    """Return each period's count. True are motor vehicles, and bicycles where a tube felt them."""
    counted = [
        track
        for track in tracks
        if track.kind != "bicycle" or (SPOILS[kind] is spoil_tube and felt(track, TUBE_MISSES))
    ]
    counts = []
    for number, row in enumerate(rows):
        begin = number * PERIOD_S * 1_000_000
        end = begin + PERIOD_S * 1_000_000
        passed = [track for track in counted if begin <= track.us(0) < end]
        told = row.get("speed_mean")
        counts.append(
            Count(
                len(passed),
                row["vehicles"],
                sum(track.speed_kmh for track in passed) / len(passed) if passed else None,
                None if told is None else told / 10,
                sum(track.kind == "truck" for track in passed),
                row.get("vehicles_truck_like", 0),
            )
        )
    return counts


def geh(told: int, true: int) -> float:
    return (2 * (told - true) ** 2 / (told + true)) ** 0.5 if told + true else 0.0


def score(hours: list[list[Count]]) -> Score:
    """Return how good the counts of so many lanes' hours are."""
    periods = [count for hour in hours for count in hour]
    gehs = [geh(sum(c.told for c in hour), sum(c.true for c in hour)) for hour in hours]
    true, told = sum(c.true for c in periods), sum(c.told for c in periods)
    errors = [abs(c.told - c.true) / c.true for c in periods if c.true]
    speeds = [abs(c.told_speed - c.true_speed) for c in periods if c.told_speed and c.true_speed]
    trucks, told_trucks = sum(c.true_trucks for c in periods), sum(c.told_trucks for c in periods)
    return Score(
        len(hours),
        100 * (told / true - 1),
        100 * sum(one < 5 for one in gehs) / len(gehs),
        max(gehs),
        100 * sum(errors) / len(errors),
        sum(speeds) / len(speeds) if speeds else None,
        100 * sum(one <= 2 for one in speeds) / len(speeds) if speeds else None,
        100 * (told_trucks / trucks - 1) if told_trucks and trucks else None,
    )


def hour(case: tuple[int, float, float, float]) -> dict[str, list[list[Count]]]:
    """Return {kind: [counts of a lane, …]} of (seed, vehicles an hour, green, hours)."""
    seed, flow, green, hours = case
    lanes = drive(seed, scene.Demand(flow, green=green), hours)
    return {
        kind: [compare(kind, lane, watch(kind, lane, hours)) for lane in lanes] for kind in KINDS
    }


def measure(cases: list[tuple[float, float]], first_seed: int) -> dict[str, Score]:
    """Return {kind: its score} over an hour of each case."""
    work = [(first_seed + i, flow, green, 1.0) for i, (flow, green) in enumerate(cases)]
    gathered: dict[str, list] = {kind: [] for kind in KINDS}
    with multiprocessing.Pool(WORKERS) as pool:
        for found in pool.imap_unordered(hour, work):
            for kind, lanes in found.items():
                gathered[kind] += lanes
    return {kind: score(hours) for kind, hours in gathered.items()}


def table(scores: dict[str, Score]) -> list[str]:
    """Return the lines of the page's table."""
    lines = [
        "| driver | vehicles | GEH below 5, worst | MAPE of 5 min | mean speed of 5 min | trucks |",
        "|---|---|---|---|---|---|",
    ]
    for kind, one in scores.items():
        speed = trucks = ""
        if one.speed_error is not None:
            speed = f"±{one.speed_error:.1f} km/h; {one.speed_good:.0f} % within 2"
        if one.trucks is not None:
            trucks = f"{round(one.trucks) or 0:+} %"
        bias = f"{round(one.bias, 1) or 0:+} %"
        lines.append(
            f"| `{kind}` | {bias} | {one.geh_good:.0f} %, {one.geh_worst:.1f} "
            f"| {one.mape:.1f} % | {speed} | {trucks} |"
        )
    return lines


def main() -> None:
    seed = 1
    errors: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for title, cases in HOURS.items():
        scores = measure(cases, seed)
        seed += len(cases)
        for kind, one in scores.items():
            errors[kind][title] = one.mape
        print(f"\n{title}: {next(iter(scores.values())).hours} hours of a lane\n", flush=True)
        print("\n".join(table(scores)), flush=True)
    CHART.write_text(lanes_chart.draw(errors))


if __name__ == "__main__":
    main()
