"""A radar that says, line by line, how fast the strongest thing in its beam is, and not where.

A vehicle is what moves one way without a gap: so two that follow each other closer than the gap
are one, and what stands is not there. Such a radar looks across the lanes at an angle, so that a
vehicle is in its beam for no longer than it must.
"""

from micropython import const

from gateway import tracker, traffic
from gateway.cosine import secant

DIRECTIONS = tracker.DIRECTIONS
OPTIONS = (
    ("angle_deg", 0, 70),
    ("gap_ms", 100, 5000),
    ("approaching_sign", ("plus", "minus")),
    ("speed_least_kmh", 1, 50),
)
# How often who waits for lines should look: of a batch only its end has a time.
STEP_MS = 100

_USUAL_ANGLE_DEG = const(45)
_USUAL_GAP_MS = const(350)
# In 0.1 km/h. Slower than this when last seen it stands, and goes on as the same vehicle within
# that time; who is faster than twice this then is another one.
_SLOW = const(90)
_STANDS_MS = const(60000)
_SPEED_MOST = const(2500)
# So many lines are no single vehicle any more, and a sum that stays a small integer.
_HITS_MOST = const(2000)
# What a radar cannot see: the length of a vehicle, with which it is over a line, in m.
_LENGTH_M = const(5)
_STANDING_MS = const(60000)
_READ_MOST = const(1024)
# What has no end by now is noise.
_LINE_MOST = const(160)
# When nothing moves it may have nothing to say: then it is asked for a word.
_ASK_MS = const(4000)
# It may have been without power, and forgotten what it was told.
_SET_UP_MS = const(300000)
_ALIVE_MS = const(12000)


def tenths(text):
    """Return the number in bytes like -12.34 times ten, rounded; ValueError when there is none."""
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    point = digits.find(b".")
    whole, part = (digits, b"") if point < 0 else (digits[:point], digits[point + 1 :])
    if not whole.isdigit() or len(whole) > 6 or (part and not part.isdigit()):
        raise ValueError("number")
    value = int(whole) * 10 + (int(part[:1]) if part else 0)
    if part[1:2] >= b"5":
        value += 1
    return -value if text[:1] == b"-" else value


class Passages:
    """Feed it `observe()`; `period` (traffic.Period of DIRECTIONS) counts the vehicles.

    `angle_deg`: between the road and the sight of a vehicle, on the mean.
    """

    def __init__(self, period, angle_deg, gap_ms, hits_least):
        self._period = period
        self._factor = secant(angle_deg)
        self._gap_ms = gap_ms
        self._hits_least = hits_least
        # Of each direction: when last seen, how often, the sum of its speeds, the last of them.
        self._tracks = [None, None]

    def observe(self, at, lane, speed):
        """Something goes that way at `speed` (0.1 km/h, along the line of sight)."""
        self.expire(at)
        track = self._tracks[lane]
        another = track and at - track[0] > self._gap_ms and speed > 2 * _SLOW
        if another or (track and track[1] >= _HITS_MOST):
            self._finish(lane)
            track = None
        if not track:
            self._tracks[lane] = [at, 1, speed, speed]
            return
        track[0] = at
        track[1] += 1
        track[2] += speed
        track[3] = speed

    def expire(self, now):
        """Count those that have left the beam by `now`."""
        for lane in range(2):
            track = self._tracks[lane]
            if track:
                stands = track[3] < _SLOW and track[1] >= self._hits_least
                if now - track[0] > (_STANDS_MS if stands else self._gap_ms):
                    self._finish(lane)

    def _finish(self, lane):
        at, hits, total, _ = self._tracks[lane]
        self._tracks[lane] = None
        if hits < self._hits_least:
            return
        # The mean in sixteenths.
        speed = min((total * 16 // hits * self._factor + 8192) >> 14, _SPEED_MOST)
        self._period.count(lane, at, speed)
        over = _LENGTH_M * 36000 // speed if speed else _STANDING_MS
        self._period.occupy(lane, min(over, _STANDING_MS))


class Sensor:
    """What such radars' drivers share. `bus`: a UART; `line_ms`: their lines are so far apart.

    `setup()` returns the commands that set one up, `ask` is one that it always answers. A driver
    adds `say(line)`: the signed speed in 0.1 km/h, None for another word; ValueError for noise.
    """

    def __init__(self, bus, clock, options, channels, line_ms, hits_least, ask):
        self._uart = bus
        self._clock = clock
        self._line_ms = line_ms
        self._ask = ask
        self._period = traffic.Period(channels)
        self._passages = Passages(
            self._period,
            options.get("angle_deg", _USUAL_ANGLE_DEG),
            options.get("gap_ms", _USUAL_GAP_MS),
            hits_least,
        )
        self._plus = 1 if options.get("approaching_sign") == "minus" else 0
        self._rest = b""
        self._commands = None
        self._set_up = 0
        self._asked = self._stepped = clock.uptime_ms()
        # When last heard, and up to when that is counted as covered.
        self._heard = None
        self._counted = 0
        self._covered = 0
        self.broken = 0

    def step(self):
        """Eat the bytes that wait; say one command, if there are any."""
        now = self._clock.uptime_ms()
        waiting = min(self._uart.any(), _READ_MOST)
        if waiting:
            self._take(self._uart.read(waiting), now)
        self._stepped = now
        self._passages.expire(now)
        if self._commands is None or now - self._set_up >= _SET_UP_MS:
            self._commands = self.setup()
            self._set_up = now
        if self._commands:
            # One after the other: it answers each, and may not listen meanwhile.
            self._uart.write(self._commands.pop(0))
        elif now - self._asked >= _ASK_MS and (self._heard is None or now - self._heard >= _ASK_MS):
            self._asked = now
            self._uart.write(self._ask)

    def tell(self, commands):
        """Say these commands, one a step."""
        self._commands = commands

    def _take(self, data, now):
        if self._rest:
            data = self._rest + data
        lines = data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LINE_MOST:
            self._rest = b""
            self.broken += 1
        # The last one has come just now.
        at = now - self._line_ms * len(lines)
        for line in lines:
            at += self._line_ms
            try:
                speed = self.say(line.strip(b"\r\0\xff "))
            except ValueError:
                self.broken += 1
                continue
            self._hear(now)
            if speed:
                lane = self._plus if speed > 0 else 1 - self._plus
                self._passages.observe(max(at, self._stepped), lane, abs(speed))

    def _hear(self, now):
        if self._heard is None or now - self._heard > _ALIVE_MS:
            # It was blind, or is new.
            self._period.interrupt()
            self._counted = now
        self._heard = now
        self._cover(now)

    def _cover(self, now):
        self._covered += now - self._counted
        self._counted = now

    async def read(self):
        """Return the period's row, in the order of the channels; OSError when nothing came."""
        self.step()
        now = self._clock.uptime_ms()
        alive = self._heard is not None and now - self._heard <= _ALIVE_MS
        if alive:
            self._cover(now)
        covered, self._covered = self._covered, 0
        row = self._period.finish(covered)
        if not alive:
            # It may be another one: set it up again.
            self._commands = None
            if not covered:
                raise OSError("radar: silent")
        return row
