"""What is true in the simulated world: a recording, or a generator that a seed determines.

Both are functions of time alone, so a node that was off sees the same world when it comes back.
"""

import json
import math
import struct

NONE = -(1 << 31)
DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3600 * 1000
# A reading of a recording holds this long at most; after that the sensor is silent.
HOLDS_MS = 30 * 60 * 1000
_MASK = 0x3FFFFFFF


class Generator:
    """Weather, dust and traffic of a made-up street.

    `usual`: {channel: (least, most)} in the driver's integers, for what a model says otherwise.
    """

    def __init__(self, seed, usual=None):
        self._seed = seed
        self._usual = usual or {}

    def random(self, what, n):
        """Return 30 bits that `seed`, `what` and `n` determine."""
        x = (self._seed * 7919 + what * 104729 + n * 31) & _MASK or 1
        for _ in range(3):
            x ^= x << 13 & _MASK
            x ^= x >> 17
            x ^= x << 5 & _MASK
        return x

    def _noise(self, what, t_ms, step_ms):
        """Return smooth noise between -1 and 1 that changes within `step_ms`."""
        n, part = divmod(t_ms, step_ms)
        a = self.random(what, n & _MASK) / _MASK
        b = self.random(what, n + 1 & _MASK) / _MASK
        return 2 * (a + (b - a) * part / step_ms) - 1

    def value(self, channel, t_ms):
        """Return the true value of a channel in its driver's integers, None for an unknown one."""
        day = math.sin((t_ms % DAY_MS) / DAY_MS * 2 * math.pi - 2.0)
        jitter = self.random(len(channel), t_ms // 1000 & _MASK) / _MASK - 0.5
        if channel in self._usual:
            least, most = self._usual[channel]
            slow = self._noise(16 + sum(channel.encode()), t_ms, 2 * HOUR_MS)
            return int(least + (most - least) * (0.5 + 0.25 * day + 0.2 * slow + 0.1 * jitter))
        if channel == "temperature":
            return int(1450 + 520 * day + 120 * self._noise(1, t_ms, 3 * HOUR_MS) + 3 * jitter)
        if channel == "humidity":
            return int(6200 - 1700 * day + 500 * self._noise(2, t_ms, 4 * HOUR_MS) + 10 * jitter)
        if channel == "pressure":
            return int(101300 + 900 * self._noise(3, t_ms, 24 * HOUR_MS) + 4 * jitter)
        if channel in ("pm2_5", "pm10"):
            rush = self.vehicles_per_hour(t_ms) / 220
            episode = max(0.0, self._noise(4, t_ms, 5 * HOUR_MS)) ** 2
            fine = 45 + 60 * rush + 160 * episode + 14 * self._noise(5, t_ms, 600000) + 6 * jitter
            return int(fine if channel == "pm2_5" else 1.7 * fine + 30 * rush + 15 * jitter)
        return None

    def vehicles_per_hour(self, t_ms):
        """Return the flow of a side street: two peaks by day, little by night."""
        hour = (t_ms % DAY_MS) / HOUR_MS
        morning = math.exp(-((hour - 8) ** 2) / 3)
        evening = math.exp(-((hour - 16.5) ** 2) / 5)
        return 6 + 50 * math.exp(-((hour - 13) ** 2) / 30) + 110 * morning + 120 * evening

    def interval(self, t_ms):
        """A generated world has no recorded periods."""
        return None


class Tape:
    """A recording made by tape.py: a line of JSON, then records of a time (ms) and a value a
    channel.

    It is read from the file as time goes by, and never held as a whole.
    """

    def __init__(self, path):
        self._file = open(path, "rb")
        head = json.loads(self._file.readline())
        self._channels = head["channels"]
        self._period_ms = head["period_ms"]
        self._rows = head["rows"]
        self._start = self._file.tell()
        self._format = "<q%di" % len(self._channels)
        self._size = struct.calcsize(self._format)
        self._row = bytearray(self._size)
        self._at = -1
        self._now = None
        self._next = self._read(0)

    def _read(self, i):
        """Return the i-th row (time, value, …), or None behind the last."""
        if i >= self._rows:
            return None
        self._file.seek(self._start + i * self._size)
        self._file.readinto(self._row)
        return struct.unpack(self._format, self._row)

    def _seek(self, t_ms):
        """Make `_now` the last row at or before `t_ms`, `_next` the one after it."""
        due = self._next is not None and t_ms >= self._next[0]
        if not due and (self._now is None or t_ms >= self._now[0]):
            return
        low, high = 0, self._rows
        if due:
            low = self._at + 1
            following = self._read(low + 1)
            if following is None or t_ms < following[0]:
                high = low + 1
        while low < high:
            middle = (low + high) // 2
            if self._read(middle)[0] <= t_ms:
                low = middle + 1
            else:
                high = middle
        self._at = low - 1
        self._now = self._read(self._at) if self._at >= 0 else None
        self._next = self._read(low)

    def value(self, channel, t_ms):
        """Return the recorded value that holds at `t_ms`, or None: the sensor is silent."""
        self._seek(t_ms)
        if self._now is None or channel not in self._channels or t_ms - self._now[0] > HOLDS_MS:
            return None
        value = self._now[1 + self._channels.index(channel)]
        return None if value == NONE else value

    def interval(self, t_ms):
        """Return (start, end, {channel: value}) of the recorded period that `t_ms` lies in, or
        None.
        """
        self._seek(t_ms - 1)
        row = self._next
        if not self._period_ms or row is None or t_ms <= row[0] - self._period_ms:
            return None
        values = {}
        for i in range(len(self._channels)):
            if row[1 + i] != NONE:
                values[self._channels[i]] = row[1 + i]
        return row[0] - self._period_ms, row[0], values
