"""A cup anemometer that closes a contact as it turns: wind speed, and its gusts of 3 seconds.

How far the wind goes from one closing to the next is the whole calibration: 667 mm for the cups
that SparkFun (SEN-15901) and Misol (WH-SP-WS01) sell, 2.4 km/h at one closing a second; 1006 mm for
Davis 6410, 1600 closings an hour at 1 mph. A gust is as WMO-No. 8 has it: the greatest mean of 3
seconds, looked for four times a second.
"""

from array import array

from micropython import const

from gateway import flags
from gateway.contact import Contact

BUS = "pulse"
# Closing only; how many wait at most: a storm of 80 m/s for a second.
PULSE = (False, 128)
OPTIONS = (("mm_per_pulse", 100, 5000), ("debounce_ms", 1, 50))
CHANNELS = (("wind_speed", "m/s", 100), ("wind_gust", "m/s", 100))
RANGE = ((0, 7000), (0, 9000))
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 500

_USUAL_MM = const(667)
_USUAL_DEAD_MS = const(4)
_TICKS_MASK = const(0x3FFFFFFF)
_TICKS_HALF = const(0x20000000)
_SLOT = const(250000)
_SLOTS = const(12)
_GUST_MS = const(3000)


def parse(closings, ms, mm_per_pulse):
    """Return 0.01 m/s, the mean of so many closings in so many ms; ValueError for no time."""
    if ms <= 0:
        raise ValueError("no time")
    return (closings * mm_per_pulse * 100 + ms // 2) // ms


class Sensor:
    """`bus`: a pulse bus. `options`: mm_per_pulse, debounce_ms."""

    def __init__(self, bus, clock, options):
        self._bus = bus
        self._clock = clock
        self._mm = options.get("mm_per_pulse", _USUAL_MM)
        self._contact = Contact(bus, options.get("debounce_ms", _USUAL_DEAD_MS))
        self._slots = array("H", [0] * _SLOTS)
        self._slot = 0
        self._slot_end = bus.now() + _SLOT & _TICKS_MASK
        self._in_slots = 0
        self._most = 0
        self._closings = 0
        self._since = clock.uptime_ms()
        self.marks = (0, 0)

    def step(self):
        """Take the closings that wait."""
        while True:
            at = self._contact.next()
            if at < 0:
                break
            self._advance(at)
            self._closings += 1
            self._slots[self._slot] += 1
            self._in_slots += 1
        self._advance(self._bus.now())

    def _advance(self, at):
        """Close the slots that have ended by `at`; each ends 3 seconds that may be the gust."""
        while (at - self._slot_end & _TICKS_MASK) < _TICKS_HALF:
            self._most = max(self._most, self._in_slots)
            self._slot = (self._slot + 1) % _SLOTS
            self._in_slots -= self._slots[self._slot]
            self._slots[self._slot] = 0
            self._slot_end = self._slot_end + _SLOT & _TICKS_MASK

    async def read(self):
        """Return the period's mean and gust; a cup that stands and one that is gone look alike."""
        self.step()
        now = self._clock.uptime_ms()
        ms = now - self._since
        self._since = now
        closings, self._closings = self._closings, 0
        most, self._most = self._most, 0
        mark = flags.SENSOR_ERROR if self._contact.overran() else 0
        self.marks = (mark, mark)
        mean = parse(closings, ms, self._mm)
        # A period has no gust below its mean, but three seconds hold fewer whole turns.
        return mean, max(mean, parse(most, _GUST_MS, self._mm))
