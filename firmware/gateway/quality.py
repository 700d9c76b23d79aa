"""What a driver's limits and a stream's other values say of a value: it is judged, and kept.

A driver may state limits, tuples of one entry a channel in its integers; 0 stands for none.

    SPIKE         a value so far from both before it is alone: no air changes there and back
    STUCK_ROWS    so many equal values in a row come from no sensor that works
    HUMIDITY_MOST the relative humidity in % above which water is taken for what is measured
    PAIR          (difference, percent of the greater): two of a kind that differ by more of both
"""

from array import array

from micropython import const

from gateway import flags

# Readings further apart may differ by anything.
_SPIKE_PERIOD_MOST_MS = const(60000)
_NONE = const(-(1 << 30))
# What is remembered of a channel: its last value, the one before, how often the last has come.
_PAST = const(3)


class Judge:
    """Judges the values of one sensor, one after the other."""

    def __init__(self, driver, period_ms):
        # Least and most of each channel: a driver may make its RANGE anew whenever it is asked.
        self._range = array("i", bytes(8 * len(driver.RANGE)))
        for i in range(len(driver.RANGE)):
            self._range[2 * i], self._range[2 * i + 1] = driver.RANGE[i]
        self._stuck_rows = getattr(driver, "STUCK_ROWS", None)
        self._spike = None
        if period_ms <= _SPIKE_PERIOD_MOST_MS:
            self._spike = getattr(driver, "SPIKE", None)
        self._past = None
        if self._stuck_rows or self._spike:
            self._past = array("i", [_NONE, _NONE, 0] * len(driver.RANGE))

    def mask(self, channel, value):
        """Return the flags of a channel's next value."""
        if value is None:
            if self._past:
                # What comes after a hole may have changed meanwhile.
                self._past[channel * _PAST + 1] = _NONE
            return 0
        low, high = self._range[2 * channel], self._range[2 * channel + 1]
        mask = 0 if low <= value <= high else flags.OUT_OF_RANGE
        if self._past:
            # At an end of its range a value stays: an empty road, a night of fog.
            mask |= self._compare(channel, value, low < value < high)
        return mask

    def _compare(self, channel, value, may_stick):
        past = self._past
        place = channel * _PAST
        last, before = past[place], past[place + 1]
        mask = 0
        limit = self._spike[channel] if self._spike else 0
        if limit and before != _NONE and abs(value - last) > limit and abs(value - before) > limit:
            mask = flags.SPIKE
        past[place + 1] = last
        past[place] = value
        past[place + 2] = past[place + 2] + 1 if value == last else 1
        limit = self._stuck_rows[channel] if self._stuck_rows else 0
        if limit and may_stick and past[place + 2] >= limit:
            mask |= flags.STUCK
        return mask


class Company:
    """Judges a row by what the sensors of a stream say of each other."""

    def __init__(self):
        self._humidity = None
        self._sensors = []

    def add(self, driver, first):
        """A sensor's channels begin at `first` in the row."""
        for i in range(len(driver.CHANNELS)):
            name, _, scale = driver.CHANNELS[i]
            if name == "humidity" and self._humidity is None:
                self._humidity = (first + i, scale)
        if hasattr(driver, "HUMIDITY_MOST") or hasattr(driver, "PAIR"):
            self._sensors.append((driver, first))

    def mark(self, values, masks):
        """Add to the flags of a row."""
        humidity = values[self._humidity[0]] if self._humidity else None
        for i in range(len(self._sensors)):
            driver, first = self._sensors[i]
            if humidity is not None and hasattr(driver, "HUMIDITY_MOST"):
                _mark_humid(driver, first, humidity // self._humidity[1], values, masks)
            for other, second in self._sensors[i + 1 :]:
                if other is driver and hasattr(driver, "PAIR"):
                    _mark_pair(driver.PAIR, first, second, values, masks)


def _mark_humid(driver, first, percent, values, masks):
    for i in range(len(driver.HUMIDITY_MOST)):
        if values[first + i] is not None and 0 < driver.HUMIDITY_MOST[i] <= percent:
            masks[first + i] |= flags.HUMID


def _mark_pair(limits, first, second, values, masks):
    for i in range(len(limits)):
        one, other = values[first + i], values[second + i]
        if not limits[i] or one is None or other is None:
            continue
        difference, percent = limits[i]
        apart = abs(one - other)
        if apart > difference and apart * 100 > percent * max(abs(one), abs(other)):
            masks[first + i] |= flags.DISAGREES
            masks[second + i] |= flags.DISAGREES
