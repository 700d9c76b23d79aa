"""What a small radar module beside the road sees of a scene: echoes as the LD2451 reports them.

It looks along the road, the approaching traffic (way 0) on its own side, the leaving (way 1)
beyond. Assumed, for the module's maker states only range and opening angle: a car at 50 m is 22 dB
above noise; echoes fluctuate by 4 dB; what is within 2.5 m and 2 km/h of each other is one echo;
what stands is not seen; trucks hide what drives behind them and have a second echo.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from host_tools.twin import scene
from host_tools.twin.scene import KMH, Scene, Vehicle

HEIGHT_M = 5.0
# From the pole to the middle of the nearest lane.
OFFSET_M = 3.5
# The line that is counted at lies so far before the pole, on the road.
LINE_M = 30.0
RANGE_M = 100
SLOWEST_KMH = 5
TARGETS_MOST = 8

_SNR_50_M = 22.0
_SNR_LEAST = 8.0
_STRONGER_DB = {"car": 0, "van": 3, "truck": 8, "motorcycle": -7, "bicycle": -11}
_FADES_DB = 4.0
# From one frame to the next a fade remains like this.
_FADE_REMAINS = 0.7
_MISSED = 0.03
_HIDDEN_DB = -14.0
# So many in front of one may hide it.
_HIDE_MOST = 4
_BEAM_DEG = (20.0, 14.0)
_TILT_DEG = 7.0
_ONE_ECHO_M = 2.5
_ONE_ECHO_KMH = 2.0
_SECOND_ECHO = 0.3
_ANGLE_DEG = 2.0
_SPEED_KMH = 0.4


@dataclass
class Echo:
    """Metres along the line of sight, km/h along it, degrees to the road, decibels."""

    distance: float
    speed: float
    angle: float
    snr: float
    leaving: bool


class Radar:
    """`yaw_deg`: turned from the road's direction to the lanes. `rain`: 0 to 1."""

    def __init__(self, seed: int, lanes: int = 1, rain: float = 0.0, yaw_deg: float = 0.0) -> None:
        self._random = random.Random(seed)
        self._lanes = lanes
        self._rain = rain
        self._yaw_deg = yaw_deg
        self._fades: dict[int, float] = {}
        self._clutter: list[Echo] = []

    def frame(self, street: Scene) -> list[tuple[int, int, bool, int, int]]:
        """Return [(angle deg, distance m, leaving, speed km/h, SNR), …] of the moment."""
        echoes = []
        for way in street.ways:
            seen = sorted(
                ((self._place(way.number, one), one) for one in way.vehicles()),
                key=lambda pair: pair[0],
            )
            for number, ((along, aside), one) in enumerate(seen):
                if 3 < along < RANGE_M + 5 and one.v / KMH >= SLOWEST_KMH:
                    nearer = seen[max(0, number - _HIDE_MOST) : number]
                    echoes += self._echoes(way.number, along, aside, one, nearer)
        echoes = _merged(echoes) + self._rain_drops()
        echoes = sorted(echoes, key=lambda echo: -echo.snr)[:TARGETS_MOST]
        return [self._said(echo) for echo in sorted(echoes, key=lambda echo: echo.distance)]

    def _place(self, way: int, one: Vehicle) -> tuple[float, float]:
        """Return metres along the road and aside of the pole, of the end that is nearer."""
        if way == 0:
            return scene.LINE_M + LINE_M - one.x, OFFSET_M - one.y
        far = OFFSET_M + scene.LANE_M * (2 * self._lanes - 1)
        return one.rear - (scene.LINE_M - LINE_M), far + one.y

    def _echoes(self, way, along, aside, one, nearer) -> list[Echo]:
        chance = self._random
        if chance.random() < _MISSED:
            return []
        fade = self._fades.get(one.ident, 0.0) * _FADE_REMAINS
        fade += chance.gauss(0, _FADES_DB * math.sqrt(1 - _FADE_REMAINS**2))
        self._fades[one.ident] = fade
        parts = [chance.uniform(0, min(1.5, one.length / 2))]
        if one.kind.name == "truck" and chance.random() < _SECOND_ECHO:
            parts.append(one.length * chance.uniform(0.6, 0.9))
        found = []
        for part in parts:
            echo = self._echo(way, along + part, aside, one, fade - (10 if part > 3 else 0))
            if any(_hides(other, place, along, aside) for place, other in nearer):
                echo.snr += _HIDDEN_DB
            if echo.snr >= _SNR_LEAST and abs(echo.speed) >= SLOWEST_KMH:
                found.append(echo)
        return found

    def _echo(self, way, along, aside, one, fade) -> Echo:
        flat = math.hypot(along, aside)
        distance = math.hypot(flat, HEIGHT_M - one.kind.height / 2)
        angle = math.degrees(math.atan2(aside, along))
        down = math.degrees(math.atan2(HEIGHT_M - one.kind.height / 2, flat)) - _TILT_DEG
        snr = _SNR_50_M + _STRONGER_DB[one.kind.name] - 40 * math.log10(distance / 50)
        beam = ((angle - self._yaw_deg) / _BEAM_DEG[0]) ** 2 + (down / _BEAM_DEG[1]) ** 2
        snr += fade - 6 * beam - 3 * self._rain
        speed = one.v / KMH * along / distance + self._random.gauss(0, _SPEED_KMH)
        return Echo(distance, speed, angle, snr, way == 1)

    def _rain_drops(self) -> list[Echo]:
        """Return false echoes: drops near the radar, some for a few frames."""
        chance = self._random
        self._clutter = [echo for echo in self._clutter if chance.random() < 0.5]
        if chance.random() < 0.1 * self._rain:
            self._clutter.append(
                Echo(
                    chance.uniform(3, 25),
                    chance.uniform(SLOWEST_KMH, 22),
                    chance.uniform(-20, 20),
                    chance.uniform(_SNR_LEAST, 20),
                    chance.random() < 0.5,
                )
            )
        return list(self._clutter)

    def _said(self, echo: Echo) -> tuple[int, int, bool, int, int]:
        angle = echo.angle - self._yaw_deg + self._random.gauss(0, _ANGLE_DEG)
        distance = min(round(echo.distance), RANGE_M)
        return round(angle), distance, echo.leaving, round(echo.speed), min(round(echo.snr), 255)


def _merged(echoes: list[Echo]) -> list[Echo]:
    """Return the echoes that the radar can tell apart; the stronger one stands for both."""
    found: list[Echo] = []
    for echo in sorted(echoes, key=lambda echo: -echo.snr):
        for other in found:
            if (
                echo.leaving == other.leaving
                and abs(echo.distance - other.distance) < _ONE_ECHO_M
                and abs(echo.speed - other.speed) < _ONE_ECHO_KMH
            ):
                break
        else:
            found.append(echo)
    return found


def _hides(other: Vehicle, place: tuple[float, float], along: float, aside: float) -> bool:
    """Return whether a vehicle stands in the line of sight to the bonnet at (along, aside)."""
    near, beside = place
    far = near + other.length
    # Both ends of it: the sight passes over it or beside it.
    over = HEIGHT_M - (HEIGHT_M - 1.0) * min(far / along, 1.0)
    if over > other.kind.height:
        return False
    crossing = aside * min((near + far) / 2 / along, 1.0)
    return abs(crossing - beside) < other.kind.width / 2
