"""How well traffic is counted: an hour of a generated street through the real driver."""

from __future__ import annotations

from dataclasses import dataclass

import host_tools  # noqa: F401 - makes the device's files importable
from drivers import ld2415h, ld2451, ops243a
from gateway import tracker
from host_tools.twin.radar import HEIGHT_M, LINE_M, Radar
from host_tools.twin.scene import Demand, Passing, Scene
from host_tools.twin.sensors.ld2451 import encode
from host_tools.twin.speed_radar import SpeedRadar

HOUR_S = 3600
PERIOD_S = 300
WARM_UP_S = 180
# What a speed radar's driver is told: beam at 45 degrees, compared with cars of known speed.
COMPARED_DEG = 48
NAMES = [channel[0] for channel in ld2451.CHANNELS]


@dataclass(frozen=True)
class Case:
    """An hour: what comes, how many lanes a way, the weather, and who looks."""

    seed: int
    flow: float
    lanes: int = 1
    green: float = 1.0
    rain: float = 0.0
    yaw_deg: float = 8.0
    # The installer's mistake: what the driver is told is so much more.
    yaw_error_deg: float = 0.0
    seconds: int = HOUR_S
    sensor: str = "ld2451"


@dataclass(frozen=True)
class Count:
    """Of a way and period: vehicles and their mean speed in km/h, true and told."""

    way: int
    true: int
    told: int
    true_speed: float | None
    told_speed: float | None


class _Clock:
    now_ms = 0

    def uptime_ms(self):
        return self.now_ms


class _Line:
    """A UART that holds what has arrived."""

    data = b""

    def any(self):
        return len(self.data)

    def read(self, n):
        data, self.data = self.data[:n], self.data[n:]
        return data

    def write(self, data):
        pass


class _Tracked:
    """The LD2451, which looks along the road."""

    def __init__(self, case: Case) -> None:
        self._radar = Radar(case.seed + 1, case.lanes, case.rain, case.yaw_deg)
        self.line, self.clock = _Line(), _Clock()
        options = {
            "line_m": round((LINE_M**2 + HEIGHT_M**2) ** 0.5),
            "yaw_deg": round(case.yaw_deg + case.yaw_error_deg),
            "height_m": round(HEIGHT_M - 1),
        }
        self.driver = ld2451.Sensor(self.line, self.clock, options)
        self.steps = 20

    def see(self, street: Scene) -> bytes:
        return encode(self._radar.frame(street), 1)


class _Strongest:
    """A speed radar, which looks across the lanes; `lines`: how many a tenth of a second."""

    def __init__(self, case: Case) -> None:
        wide = case.sensor == "ld2415h"
        self._radar = SpeedRadar(case.seed + 1, 20.0 if wide else 10.0, case.lanes)
        self._lines = 2 if wide else 1
        self._say = _v_line if wide else _json_line
        self.line, self.clock = _Line(), _Clock()
        options = {"angle_deg": COMPARED_DEG + round(case.yaw_error_deg)}
        driver = ld2415h if wide else ops243a
        self.driver = driver.Sensor(self.line, self.clock, options)
        self.steps = 1

    def see(self, street: Scene) -> bytes:
        late = [0.1 * i / self._lines for i in reversed(range(self._lines))]
        return b"".join(self._say(self._radar.report(street, late_s)) for late_s in late)


def _v_line(kmh: float) -> bytes:
    """Return the LD2415H's line; it says nothing of nothing."""
    return f"V{kmh:+06.1f}\r\n".encode() if kmh else b""


def _json_line(kmh: float) -> bytes:
    return f'{{"unit":"kmph", "magnitude":100, "speed":{kmh:.2f}}}\r\n'.encode()


def run(case: Case) -> list[Count]:
    """Return the counts of each period and way of an hour."""
    street = Scene(case.seed, Demand(case.flow, green=case.green), case.lanes)
    watch = (_Tracked if case.sensor == "ld2451" else _Strongest)(case)
    counts: list[Count] = []
    for step in range(1, 10 * (WARM_UP_S + case.seconds) + 1):
        street.step()
        watch.clock.now_ms = step * 100
        watch.line.data += watch.see(street)
        if step % watch.steps == 0:
            watch.driver.step()
        if step % (10 * PERIOD_S) == 10 * WARM_UP_S % (10 * PERIOD_S):
            counts += _compare(street.passed, _read(watch.driver)) if step > 10 * WARM_UP_S else []
            if step == 10 * WARM_UP_S:
                _read(watch.driver)
            street.passed = []
    return counts


def _read(sensor) -> dict:
    try:
        sensor.read().send(None)
    except StopIteration as stop:
        return dict(zip(NAMES, stop.value, strict=True))
    raise AssertionError("the driver waits for nothing")


def _compare(passed: list[Passing], row: dict) -> list[Count]:
    found = []
    for way, name in enumerate(tracker.DIRECTIONS):
        speeds = [one.speed_kmh for one in passed if one.way == way]
        told = row[f"speed_mean_{name}"]
        found.append(
            Count(
                way,
                len(speeds),
                row[f"vehicles_{name}"],
                sum(speeds) / len(speeds) if speeds else None,
                None if told is None else told / 10,
            )
        )
    return found
