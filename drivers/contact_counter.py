"""Whatever closes a contact as it passes: a pneumatic tube (two axles make a vehicle), or a bicycle
counter with a reed, a hall switch or a loop (one closing each).
"""

from micropython import const

from gateway import flags
from gateway.contact import Contact
from gateway.edges import parse  # noqa: F401 - what an edge says

BUS = "pulse"
PULSE = (False, 64)
OPTIONS = (("closings", 1, 4), ("debounce_ms", 1, 2000))
CHANNELS = (
    ("vehicles", "1", 1),
    ("closings", "1", 1),
    ("headway_mean", "s", 10),
    ("vehicles_total", "1", 1),
)
RANGE = ((0, 10000), (0, 40000), (0, 36000), (0, 0x3FFFFFFF))
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 1000

# Of a tube: the next axle of a lorry is 1.2 m behind, 33 ms at 130 km/h.
_USUAL_DEAD_MS = const(25)
_USUAL_CLOSINGS = const(2)
_TICKS_MASK = const(0x3FFFFFFF)
_TICKS_A_MS = const(1000)
_TOTAL_MOST = const(0x3FFFFFFF)
_HEADWAY_MOST_MS = const(3600 * 1000)


class Sensor:
    """`bus`: a pulse bus. `options`: closings (to a vehicle), debounce_ms."""

    def __init__(self, bus, clock, options):
        self._bus = bus
        self._clock = clock
        self._each = options.get("closings", _USUAL_CLOSINGS)
        self._contact = Contact(bus, options.get("debounce_ms", _USUAL_DEAD_MS))
        self._closings = 0
        # Of a vehicle that has not passed as a whole.
        self._open = 0
        self._vehicles = 0
        self._total = 0
        self._last_ms = None
        self._headways = 0
        self._headway_ms = 0
        self.marks = bytes(len(CHANNELS))

    def step(self):
        """Take the closings that wait."""
        while True:
            at = self._contact.next()
            if at < 0:
                return
            self._closings += 1
            self._open += 1
            if self._open >= self._each:
                self._open = 0
                ago = (self._bus.now() - at & _TICKS_MASK) // _TICKS_A_MS
                self._count(self._clock.uptime_ms() - ago)

    def _count(self, ms):
        self._vehicles += 1
        self._total = self._total + 1 & _TOTAL_MOST
        if self._last_ms is not None and ms - self._last_ms <= _HEADWAY_MOST_MS:
            self._headways += 1
            self._headway_ms += ms - self._last_ms
        self._last_ms = ms

    async def read(self):
        """Return the period's row, in the order of CHANNELS; an absent contact counts nothing."""
        self.step()
        mark = flags.SENSOR_ERROR if self._contact.overran() else 0
        self.marks = bytes([mark] * len(CHANNELS))
        headway = None
        if self._headways:
            headway = (self._headway_ms + 50 * self._headways) // (100 * self._headways)
        row = self._vehicles, self._closings, headway, self._total
        self._vehicles = self._closings = self._headways = self._headway_ms = 0
        return row
