"""The gas index of an SGP40's or SGP41's raw signal: 100 (VOC), 1 (NOx) is what is usual there.

Source: Sensirion's gas index algorithm 3.2, without its scalings for fixed-point arithmetic, which
change nothing in floats; 32 bits of them are what it is made for. It learns a mean and a deviation
of 12 h, quickly at first, and hardly while the index is high (for 3 or 12 h at most, so that the
usual may change). How far the signal is from the mean goes through a logistic, and a low pass that
is fast when much changes. Tried by Sensirion for readings every 1 and every 10 s.
"""

import math

from micropython import const

_BLACKOUT_S = const(45)
_RAW_BEYOND = const(65000)
_SPAN = const(32767)
_UPTIME_MOST_S = const(32767)
_GAIN = const(230)
_DEVIATION_FIRST = const(50)
_DEVIATION_VOC = const(220)
_DEVIATION_NOX = const(2000)
_LEARNS_S = const(12 * 3600)
_LEARNS_DEVIATION_FIRST_S = const(2500)
_THRESHOLD_FIRST = const(510)
_REBASE = const(100)
_MOST = const(500)
_LEAST = 0.5
_FAST_S = const(20)
_SLOW_S = const(500)

# (least raw signal, s of the mean at first, for how many s that is so, the same of the deviation,
# index from which on hardly anything is learnt, for how many min at most, logistic: slope, middle)
VOC = (20000, 20, 2700, 5220, 340, 180, -0.0065, 213)
NOX = (10000, 1200, 17100, 20520, 30, 720, -0.0101, 614)


def _falling(value, middle, slope):
    """Return the logistic that goes from 1 to 0 at `middle`, from 0 to 1 for a negative slope."""
    x = slope * (value - middle)
    if x > 50:
        return 0.0
    return 1.0 if x < -50 else 1 / (1 + math.exp(x))


def _weight(seconds, time_constant):
    return seconds / (time_constant + seconds)


class Index:
    """`kind`: VOC or NOX."""

    def __init__(self, kind):
        self._kind = kind
        self._waited_s = 0
        self._raw = 0
        self._knows = False
        # The mean is their sum: the small one keeps what 32 bits would lose.
        self._base = self._mean = 0.0
        self._deviation = 1.0 * _DEVIATION_FIRST
        self._learns_s = self._gates_s = 0.0
        self._gated_min = 0.0
        self._index = 0.0
        self._low = None

    def step(self, raw, seconds):
        """Take a raw signal, so many s after the one before; return 0.1, None in the first 45 s."""
        if self._waited_s <= _BLACKOUT_S:
            self._waited_s += seconds
            return None
        if 0 < raw < _RAW_BEYOND:
            least = self._kind[0]
            self._raw = min(max(raw, least + 1), least + _SPAN) - least
        self._index = max(self._passed(self._logistic(), seconds), _LEAST)
        if self._raw:
            self._learn(seconds)
        return int(10 * self._index + 0.5)

    def _logistic(self):
        away = _GAIN * (self._raw - self._base - self._mean)
        if self._kind is NOX:
            if not self._knows:
                return 1.0
            away /= _DEVIATION_NOX
        else:
            away /= -(self._deviation + _DEVIATION_VOC)
        slope, middle = self._kind[6:]
        return _MOST * _falling(away, middle, slope)

    def _passed(self, index, seconds):
        """Return the index behind the low pass."""
        if self._low is None:
            self._low = [index] * 3
        low = self._low
        low[0] += (index - low[0]) * _weight(seconds, _FAST_S)
        low[1] += (index - low[1]) * _weight(seconds, _SLOW_S)
        calm = math.exp(-0.2 * abs(low[0] - low[1]))
        low[2] += (index - low[2]) * _weight(seconds, (_SLOW_S - _FAST_S) * calm + _FAST_S)
        return low[2]

    def _learn(self, seconds):
        if not self._knows:
            self._knows = True
            self._base = 1.0 * self._raw
            return
        if abs(self._mean) >= _REBASE:
            self._base += self._mean
            self._mean = 0.0
        for_mean, for_deviation = self._weights(seconds)
        away = self._raw - self._base - self._mean
        square = self._deviation * self._deviation + for_deviation * away * away
        self._deviation = math.sqrt((1 - for_deviation) * square)
        self._mean += for_mean * away

    def _weights(self, seconds):
        """Return how much of a reading goes into the mean, and into the deviation."""
        _, first_s, mean_s, deviation_s, threshold, gated_most_min, _, _ = self._kind
        if self._learns_s < _UPTIME_MOST_S - seconds:
            self._learns_s += seconds
        if self._gates_s < _UPTIME_MOST_S - seconds:
            self._gates_s += seconds
        usual = _weight(seconds, _LEARNS_S)
        new = _falling(self._learns_s, mean_s, 0.01)
        opens = self._opens(threshold, mean_s)
        for_mean = opens * (usual + (_weight(seconds, first_s) - usual) * new)
        new = _falling(self._learns_s, deviation_s, 0.01) - new
        first = _weight(seconds, _LEARNS_DEVIATION_FIRST_S)
        for_deviation = self._opens(threshold, deviation_s) * (usual + (first - usual) * new)
        gated_min = self._gated_min + seconds / 60 * ((1 - opens) * 1.3 - 0.3)
        self._gated_min = max(gated_min, 0.0)
        if self._gated_min > gated_most_min:
            self._gates_s = 0.0
        return for_mean, for_deviation

    def _opens(self, threshold, first_s):
        """Return how far the index lets learning go on, 0 to 1."""
        new = _falling(self._gates_s, first_s, 0.01)
        return _falling(self._index, threshold + (_THRESHOLD_FIRST - threshold) * new, 0.09)
