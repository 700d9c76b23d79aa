"""What a radar sees of a scene that reports the speed of its strongest echo, and nothing else.

It stands beside the road and looks across the lanes: approaching traffic (way 0) is nearer, leaving
traffic (way 1) beyond it. Assumed, as for `radar.py`: a car at 50 m is 22 dB above the noise in the
middle of the beam; it reflects along its whole side; the beam falls by 6 dB, there and back, to its
half angle and goes on falling; what stands is not seen. The installer has chosen the sensitivity so
that a car in the middle of the farthest lane is well seen.
"""

from __future__ import annotations

import math
import random

from host_tools.twin import scene
from host_tools.twin.scene import KMH, Scene, Vehicle

# From the pole to the middle of the nearest lane; above what reflects.
OFFSET_M = 3.5
ABOVE_M = 2.0
ANGLE_DEG = 45.0

_SNR_50_M = 22.0
_STRONGER_DB = {"car": 0, "van": 3, "truck": 8, "motorcycle": -7, "bicycle": -11}
# Above the least that is reported.
_MARGIN_DB = 16.0
_FADES_DB = 3.0
_SIDE_DB = -35.0
_POINT_M = 1.0
_SPEED_KMH = 0.3
_MISSED = 0.03
_SIGHT_M = 25.0


class SpeedRadar:
    """`half_beam_deg`: half of its opening angle. `slowest_kmh`: what it reports at least."""

    def __init__(
        self,
        seed: int,
        half_beam_deg: float,
        lanes: int = 1,
        angle_deg: float = ANGLE_DEG,
        slowest_kmh: float = 5.0,
    ) -> None:
        self._random = random.Random(seed)
        self._half = half_beam_deg
        self._angle = angle_deg
        self._lanes = lanes
        self._slowest = slowest_kmh
        self._asides = (OFFSET_M, OFFSET_M + scene.LANE_M * (2 * lanes - 1))
        farthest = self._asides[1] / math.sin(math.radians(angle_deg))
        self._least = _snr(farthest) - _MARGIN_DB

    def report(self, street: Scene, late_s: float = 0.0) -> float:
        """Return km/h along the line of sight, below 0 for leaving; 0: nothing. `late_s` ago."""
        best, speed = self._least, 0.0
        chance = self._random
        for way in street.ways:
            # The middle of the beam looks at the line.
            line = self._asides[way.number] / math.tan(math.radians(self._angle))
            for one in way.vehicles():
                x = one.x - one.v * late_s
                along = scene.LINE_M + line - x
                if way.number:
                    along = x - one.length - (scene.LINE_M - line)
                if not -20 < along < _SIGHT_M or one.v / KMH < self._slowest:
                    continue
                aside = OFFSET_M - one.y
                if way.number:
                    aside = self._asides[1] + one.y
                echo = self._strongest(one, along, aside)
                if echo is None:
                    continue
                snr, cosine = echo
                snr += chance.gauss(0, _FADES_DB)
                if snr > best and chance.random() >= _MISSED:
                    radial = one.v / KMH * cosine
                    if abs(radial) >= self._slowest:
                        best, speed = snr, -radial if way.number else radial
        return speed + chance.gauss(0, _SPEED_KMH) if speed else 0.0

    def _strongest(self, one: Vehicle, along: float, aside: float) -> tuple[float, float] | None:
        """Return (dB, cosine) of the strongest point of its side."""
        best = None
        for i in range(int(one.length / _POINT_M) + 1):
            place = along + i * _POINT_M
            flat = math.hypot(place, aside)
            distance = math.hypot(flat, ABOVE_M)
            off = (math.degrees(math.atan2(aside, place)) - self._angle) / self._half
            snr = _snr(distance) + _STRONGER_DB[one.kind.name] + max(-6 * off * off, _SIDE_DB)
            if snr > self._least - 10 and (best is None or snr > best[0]):
                best = snr, place / distance
        return best


def _snr(distance: float) -> float:
    return _SNR_50_M - 40 * math.log10(distance / 50)
