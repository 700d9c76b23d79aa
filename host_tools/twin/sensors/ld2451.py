"""The LD2451's bytes: ten frames a second with the vehicles in the beam.

A recorded period (so many vehicles at such a mean speed) becomes exactly that many vehicles, each
at exactly that speed to 0.1 km/h: the sensor speaks whole km/h, so one at 50.5 is seen at 50 and
at 51 by turns. Where the recording has a hole the sensor is silent. The vehicles of a generated
street pass at random, both ways, with noise in distance and speed.
"""

from host_tools.twin import vehicles

FACTS = {
    "sensor": "Hi-Link HLK-LD2451",
    "measures": "vehicles and their speed (24 GHz radar)",
    "supply": "5 V",
    "wiring": (
        ("5V", "5 V"),
        ("GND", "ground"),
        ("TX (3.3 V)", "RX of a UART"),
        ("RX (3.3 V)", "TX of a UART"),
    ),
    "options": {
        "approaching": "direction byte of what comes nearer; 1 unless said",
        "range_m": "how far it looks, in m; 100 unless said",
        "line_m": "distance at which vehicles count, in m; 30 unless said",
        "yaw_deg": "how far it is turned from the road's direction; 0 unless said. Its reported "
        "angles and this make the angle by which speeds are corrected",
        "height_m": "how far it hangs above what it sees; 0 unless said, no correction for it",
        "speed_least_kmh": "slower ones are not reported, in km/h; 5 unless said",
    },
    "life": "no limit stated",
    "price": "€€",
    "resolution": "1 m, 1 km/h an echo; speed_mean 0.1 km/h, speed_p85 1 km/h; coverage 1 s",
    "distrust": (
        "The sensor reports echoes, up to eight, ten times a second, and numbers none. "
        "`gateway/tracker.py` makes vehicles of them: an echo belongs to a track when it lies "
        "within 4 m of where the track should be, goes its way and is within 8 km/h of its "
        "speed, both more after a miss. After three hits it counts when it crosses the line "
        "`line_m`; what was hidden before counts when it is found within 20 m behind it. "
        "How well that counts was measured on a simulated street: docs/traffic.md.",
        "A speed is the mean of 16 echoes before the line, each over the cosine of its angle; "
        "an error of 5° in `yaw_deg` costs up to 3 % of it.",
        "Two vehicles side by side in one direction are often one echo. Compare with a manual "
        "count before believing a total: hourly GEH below 5 on 85 % of the hours is the usual "
        "demand. Bicycles count as vehicles.",
        "`coverage` says for how many seconds of the period the radar was heard (ten frames "
        "are one). Without vehicles there is no speed. It cannot see how long a vehicle is: "
        "`occupancy` is what vehicles of 5 m take at their speeds (docs/traffic.md).",
        "Sources disagree on which direction byte means approaching: walk towards it once and "
        "set `approaching`.",
        "There is no checksum. A flipped bit in header, length, target count or tail is "
        "refused, and so are a distance beyond 120 m and a direction other than 0 or 1. A "
        "flipped bit in an angle, a speed or most of a distance passes; the tracker's gates "
        "and the three hits keep most of those from becoming a vehicle.",
    ),
    "source": "HLK-LD2451 serial protocol V1.00",
}
_FRAME_MS = 100
_HEAD = b"\xf4\xf3\xf2\xf1"
_TAIL = b"\xf8\xf7\xf6\xf5"
_EMPTY = _HEAD + b"\0\0" + _TAIL
_COMMAND_HEAD = b"\xfd\xfc\xfb\xfa"
_COMMAND_TAIL = b"\x04\x03\x02\x01"
# How much a receive buffer could ever hold: what is older than this never reached the node.
_MEMORY_MS = 5000
# Long enough before the line for the mean of its echoes to be exact to 0.1 km/h, and so far that it
# is no drop of rain; not longer; then over it.
_BEFORE_MS = 1500
_BEFORE_LEAST_M = 9
_BEFORE_MOST_M = 88
_AFTER_MS = 500
_AFTER_LEAST_M = 2
# Slower ones, in 0.1 km/h, never get over the line in time: they do not come out.
_SLOWEST = 40
# What a recording may hold, by channel, in the driver's integers; the rest follows from it.
SAYS = {"vehicles": (0, vehicles.VEHICLES_MOST), "speed_mean": (0, 2500)}
_BEAM_M = (8, 60)


def encode(targets, approaching):
    """Return the frame of [(angle deg, distance m, leaving, speed km/h, SNR), …]."""
    if not targets:
        return _EMPTY
    body = bytes((len(targets), 1))
    for angle, metres, leaving, speed, snr in targets:
        metres = max(0, min(metres, 120))
        body += bytes((0x80 + angle, metres, approaching ^ leaving, speed, snr))
    return _HEAD + bytes((len(body), 0)) + body + _TAIL


class Vehicle:
    """One that is in the beam from `start` to `end`, first at `cm`; `speed`: 0.1 km/h."""

    def __init__(self, start, end, cm, speed, away, noisy):
        self.start = start
        self.end = end
        self.cm = cm
        self.speed = speed
        self.away = away
        self.noisy = noisy

    def seen(self, at):
        """Return (distance in m, speed in whole km/h that are right on the mean)."""
        moved = (at - self.start) * self.speed // 360
        i = (at - self.start) // _FRAME_MS
        speed = (self.speed * (i + 1) + 5) // 10 - (self.speed * i + 5) // 10
        return (self.cm + (moved if self.away else -moved) + 50) // 100, speed


class Model:
    def __init__(self, source, options):
        self._source = source
        self._approaching = options.get("approaching", 1)
        self._line_m = options.get("line_m", 30)
        self._at = None
        self._vehicles = vehicles.Plan(source, self._recorded, self._invent)
        self._answers = b""

    def write(self, data, now_ms):
        """Acknowledge each command, as the sensor does."""
        if data[:4] == _COMMAND_HEAD and data[-4:] == _COMMAND_TAIL and len(data) >= 12:
            answer = b"\x04\0" + bytes((data[6], 1)) + b"\0\0"
            self._answers += _COMMAND_HEAD + answer + _COMMAND_TAIL

    def pending(self, now_ms):
        """Return the bytes that have arrived by now."""
        now = now_ms // _FRAME_MS
        if self._at is None:
            self._at = now
        self._at = max(self._at, now - _MEMORY_MS // _FRAME_MS)
        data, self._answers = self._answers, b""
        if now <= self._at:
            return data
        around = self._vehicles.around(now * _FRAME_MS)
        if around is None:
            self._at = now
            return b""
        first = (self._at + 1) * _FRAME_MS
        if not any(v.start <= now_ms and v.end >= first for v in around):
            data += _EMPTY * (now - self._at)
        else:
            at = range(self._at + 1, now + 1)
            data += b"".join(self._frame(i * _FRAME_MS, around) for i in at)
        self._at = now
        return data

    def _recorded(self, start, end, values):
        return _recorded(start, end, values, self._line_m)

    def _invent(self, slot, x):
        speed = 320 + 10 * ((x & 15) + (x >> 4 & 7))
        away = x >> 7 & 1
        near, far = _BEAM_M
        lasts = (far - near) * 36000 // speed
        start = slot * vehicles.SLOT_MS + (x >> 8) % vehicles.SLOT_MS
        metres = near if away else far
        return Vehicle(start, start + lasts, 100 * metres, speed, away, True)

    def _frame(self, at, around):
        targets = []
        for vehicle in around:
            if not vehicle.start <= at <= vehicle.end or len(targets) == 8:
                continue
            metres, speed = vehicle.seen(at)
            if vehicle.noisy:
                noise = self._source.random(10, at // _FRAME_MS + vehicle.speed)
                metres += noise % 3 - 1
                speed += (noise >> 8) % 3 - 1
            targets.append((0, metres, vehicle.away, speed, 40))
        return encode(targets, self._approaching)


def _recorded(start, end, values, line_m):
    """Return the vehicles of a recorded period: evenly spaced, all at the recorded mean speed."""
    speed = values.get("speed_mean", vehicles.USUAL_SPEED)
    before = max(_BEFORE_MS, _BEFORE_LEAST_M * 36000 // max(speed, _SLOWEST))
    before = min(before, _BEFORE_MOST_M * 36000 // max(speed, 1))
    after = max(_AFTER_MS, _AFTER_LEAST_M * 36000 // max(speed, _SLOWEST))
    cm = 100 * line_m + before * speed // 360
    found = []
    for at in vehicles.starts(start, end, values, before + after):
        at -= at % _FRAME_MS
        found.append(Vehicle(at, at + before + after, cm, speed, 0, False))
    return found
