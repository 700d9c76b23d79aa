"""Whose speed a radar reports that knows only the strongest: for less than a second a vehicle."""

from gateway.cosine import secant
from host_tools.twin import vehicles

SAYS = {"vehicles": (0, vehicles.VEHICLES_MOST), "speed_mean": (30, 2000)}
# So long a vehicle is in the beam.
SEEN_MS = 680
# What is older than this never reached the node.
_MEMORY_MS = 5000


class _Vehicle:
    def __init__(self, start, speed, away, noisy):
        self.start = start
        self.end = start + SEEN_MS
        self.speed = speed
        self.away = away
        self.noisy = noisy


class Beam:
    """Speeds at the times at which such a radar reports, `line_ms` apart."""

    def __init__(self, source, angle_deg, line_ms):
        self._source = source
        self._factor = secant(angle_deg)
        self._line_ms = line_ms
        self._vehicles = vehicles.Plan(source, self._recorded, self._invent)
        self._at = None

    def reports(self, now_ms):
        """Return the speeds, in 0.1 km/h along the sight, of the reports since the last time.

        Below 0: it goes away; 0: nothing moves. None: nothing is known, the sensor is silent.
        """
        now = now_ms // self._line_ms
        if self._at is None:
            self._at = now
        at = max(self._at, now - _MEMORY_MS // self._line_ms)
        if now <= at:
            return []
        self._at = now
        around = self._vehicles.around(now * self._line_ms)
        if around is None:
            return None
        return [self._speed(i, around) for i in range(at + 1, now + 1)]

    def _speed(self, i, around):
        at = i * self._line_ms
        for one in around:
            if one.start <= at < one.end:
                k = (at - one.start) // self._line_ms
                # Whole tenths that are right on the mean.
                speed = self._sight(one.speed * (k + 1)) - self._sight(one.speed * k)
                if one.noisy:
                    speed += self._source.random(10, i) % 7 - 3
                return -speed if one.away else speed
        return 0

    def _sight(self, speed):
        return (2048 * speed + self._factor) // (2 * self._factor)

    def _recorded(self, start, end, values):
        speed = values.get("speed_mean", vehicles.USUAL_SPEED)
        return [
            _Vehicle(at - at % self._line_ms, speed, 0, False)
            for at in vehicles.starts(start, end, values, SEEN_MS)
        ]

    def _invent(self, slot, x):
        start = slot * vehicles.SLOT_MS + (x >> 8) % vehicles.SLOT_MS
        return _Vehicle(start, 320 + (x & 127), x >> 7 & 1, True)
