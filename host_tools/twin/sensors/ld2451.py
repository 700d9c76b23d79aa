"""The LD2451's bytes: ten frames a second with the vehicles in the beam.

A recorded period (so many vehicles at such a mean speed) becomes exactly that many vehicles at
exactly
that speed, evenly spaced and none near the period's ends. Otherwise the vehicles of a generated
street
pass at random, both ways, with noise in distance and speed.
"""

_FRAME_MS = 100
_EMPTY = b"\xf4\xf3\xf2\xf1\0\0\xf8\xf7\xf6\xf5"
_ANSWER = b"\xfd\xfc\xfb\xfa\x04\x00%s\x00\x00\x04\x03\x02\x01"
# How much a receive buffer could ever hold: what is older than this never reached the node.
_MEMORY_MS = 2000
# Keep clear of a period's ends, so that each vehicle is counted in its own.
_MARGIN_MS = 3000
_VISIBLE_MS = 1200
# Recorded vehicles follow each other at distances that the tracker cannot take for one another.
_PLACES_M = (30, 55, 80, 105)
VEHICLES_MOST = 240
_BEAM_M = (8, 60)
_SLOT_MS = 10000


class Vehicle:
    """One that is in the beam from `start` to `end`, first at `metres`."""

    def __init__(self, start, end, metres, speed, away, noisy):
        self.start = start
        self.end = end
        self.metres = metres
        self.speed = speed
        self.away = away
        self.noisy = noisy


class Model:
    def __init__(self, source, options):
        self._source = source
        self._approaching = options.get("approaching", 1)
        self._at = None
        self._vehicles = []
        self._planned = None
        self._answers = b""

    def write(self, data, now_ms):
        """Acknowledge each command, as the sensor does."""
        if data[:4] == b"\xfd\xfc\xfb\xfa":
            self._answers += _ANSWER % bytes((data[6], 1))

    def pending(self, now_ms):
        """Return the bytes that have arrived by now."""
        now = now_ms // _FRAME_MS
        if self._at is None:
            self._at = now
        self._at = max(self._at, now - _MEMORY_MS // _FRAME_MS)
        data, self._answers = self._answers, b""
        if now <= self._at:
            return data
        self._plan(now * _FRAME_MS)
        first = (self._at + 1) * _FRAME_MS
        if not any(v.start <= now_ms and v.end >= first for v in self._vehicles):
            data += _EMPTY * (now - self._at)
        else:
            data += b"".join(self._frame(i * _FRAME_MS) for i in range(self._at + 1, now + 1))
        self._at = now
        return data

    def _plan(self, now):
        """See to it that every vehicle that may be in the beam at `now` is known."""
        recorded = self._source.interval(now)
        if recorded is not None:
            start, end, values = recorded
            if self._planned != end:
                self._planned = end
                self._vehicles = _recorded(start, end, values)
            return
        slot = now // _SLOT_MS
        if hasattr(self._source, "vehicles_per_hour") and self._planned != slot:
            self._planned = slot
            self._vehicles = [v for v in self._vehicles if v.end >= now - _SLOT_MS]
            self._invent(slot)

    def _invent(self, slot):
        """Let the vehicles of one slot of the generated street begin."""
        random = self._source.random
        expected = self._source.vehicles_per_hour(slot * _SLOT_MS) * _SLOT_MS / 3600000
        count = int(expected) + ((random(11, slot) & 0xFFFF) < (expected % 1) * 0x10000)
        for i in range(count):
            x = random(12 + i, slot)
            speed = 32 + (x & 15) + (x >> 4 & 7)
            away = x >> 7 & 1
            near, far = _BEAM_M
            lasts = (far - near) * 3600 // speed
            start = slot * _SLOT_MS + (x >> 8) % _SLOT_MS
            metres = near if away else far
            self._vehicles.append(Vehicle(start, start + lasts, metres, speed, away, True))

    def _frame(self, at):
        targets = b""
        count = 0
        for vehicle in self._vehicles:
            if not vehicle.start <= at <= vehicle.end or count == 8:
                continue
            moved = (at - vehicle.start) * vehicle.speed // 3600
            metres = vehicle.metres + (moved if vehicle.away else -moved)
            speed = vehicle.speed
            if vehicle.noisy:
                noise = self._source.random(10, at // _FRAME_MS + vehicle.speed)
                metres += noise % 3 - 1
                speed += (noise >> 8) % 3 - 1
            direction = self._approaching ^ vehicle.away
            targets += bytes((0x80, max(0, min(metres, 120)), direction, speed, 40))
            count += 1
        if not count:
            return _EMPTY
        head = b"\xf4\xf3\xf2\xf1" + bytes((2 + len(targets), 0, count, 1))
        return head + targets + b"\xf8\xf7\xf6\xf5"


def _recorded(start, end, values):
    """Return the vehicles of a recorded period: evenly spaced, all at the recorded mean speed."""
    count = min(values.get("vehicles", 0), VEHICLES_MOST)
    # The recording's 0.1 km/h; the sensor speaks whole ones.
    speed = min((values.get("speed_mean", 500) + 5) // 10, 250)
    if not count:
        return []
    first = start + _MARGIN_MS
    spacing = (end - start - 2 * _MARGIN_MS - _VISIBLE_MS) // count
    vehicles = []
    for i in range(count):
        at = first + i * spacing
        metres = _PLACES_M[i % len(_PLACES_M)]
        vehicles.append(Vehicle(at, at + _VISIBLE_MS, metres, speed, 0, False))
    return vehicles
