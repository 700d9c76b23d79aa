"""A tipping-bucket rain gauge: a contact closes for each bucket.

Of Davis 6464 (metric) and most others a bucket is 0.2 mm; of those that SparkFun (SEN-15901) and
Misol (WH-SP-RG) sell it is 0.2794 mm.
"""

from micropython import const

from gateway import flags
from gateway.contact import Contact

BUS = "pulse"
PULSE = (False, 32)
OPTIONS = (("tip", 100, 20000), ("debounce_ms", 10, 2000))
CHANNELS = (("rain", "mm", 10000), ("rain_total", "mm", 10000))
# An hour of the heaviest rain there ever was.
RANGE = ((0, 4000000), (0, 0x3FFFFFFF))
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 2000

_USUAL_TIP = const(2000)
# A bucket rests on its magnet for 0.1 s and bounces; the next is full after 0.8 s in 900 mm/h.
_USUAL_DEAD_MS = const(400)
_TOTAL_MOST = const(0x3FFFFFFF)


def parse(tips, tip):
    """Return 0.0001 mm of so many tips of so much; ValueError for a number that cannot be."""
    if tips < 0:
        raise ValueError("tips")
    return tips * tip


class Sensor:
    """`bus`: a pulse bus. `options`: tip (0.0001 mm a bucket), debounce_ms."""

    def __init__(self, bus, clock, options):
        self._tip = options.get("tip", _USUAL_TIP)
        self._contact = Contact(bus, options.get("debounce_ms", _USUAL_DEAD_MS))
        self._tips = 0
        self._total = 0
        self.marks = (0, 0)

    def step(self):
        """Take the tips that wait."""
        while self._contact.next() >= 0:
            self._tips += 1

    async def read(self):
        """Return the period's rain, and that since the node started; an absent gauge has none."""
        self.step()
        rain = parse(self._tips, self._tip)
        self._tips = 0
        self._total = self._total + rain & _TOTAL_MOST
        mark = flags.SENSOR_ERROR if self._contact.overran() else 0
        self.marks = (mark, mark)
        return rain, self._total
