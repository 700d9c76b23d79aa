"""Two pneumatic tubes across a lane: axles, and from their distances and speeds the vehicles.

Which axles are one vehicle is a guess by distances that cars and lorries have; it fails where
vehicles stand as close as axles do.
"""

from micropython import const

from gateway import flags, traffic
from gateway.contact import Contact
from gateway.edges import parse  # noqa: F401 - what an edge says

BUS = "pulse"
BUSES = 2
PULSE = (False, 128)
OPTIONS = (("distance_cm", 30, 300), ("truck_cm", 200, 600), ("debounce_ms", 1, 200))
CHANNELS = traffic.Channels(("",), classes=True)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 1000

# Less than a lorry's axles are apart, so that one axle at a time is between the tubes.
_USUAL_DISTANCE_CM = const(100)
# From the first axle to the second: a car has less, and a bicycle less than this.
_USUAL_TRUCK_CM = const(340)
_TWO_WHEELS_CM = const(180)
# To the next axle of the same: behind the first one; in a lorry; of a car's trailer.
_FIRST_CM = const(750)
_LORRY_CM = const(900)
_TRAILER_CM = const(500)
_DEAD_MS = const(25)
_TICKS_MASK = const(0x3FFFFFFF)
_TICKS_A_MS = const(1000)
# 0.1 km/h of a cm in a microsecond.
_KMH = const(360000)
_SPEED_MOST = const(2500)
# A way of a metre takes so long at 5 km/h, in ticks a cm.
_SLOWEST = const(7200)


class Sensor:
    """`bus`: a pulse bus of two. `options`: distance_cm, truck_cm, debounce_ms."""

    def __init__(self, bus, clock, options):
        self._bus = bus
        self._clock = clock
        self._distance = options.get("distance_cm", _USUAL_DISTANCE_CM)
        self._truck = options.get("truck_cm", _USUAL_TRUCK_CM)
        self._contact = Contact(bus, options.get("debounce_ms", _DEAD_MS))
        self._period = traffic.Period(CHANNELS)
        self._slowest = self._distance * _SLOWEST
        # The axle between the tubes: which one it has crossed, and when.
        self._between = None
        self._clear()
        self._gap_cm = 0
        self._since_ms = clock.uptime_ms()
        self.single = 0
        self.marks = bytes(len(CHANNELS))

    def _clear(self):
        """No vehicle is on its way over the tubes."""
        self._axles = 0
        self._first = self._last = self._ways = self._base_cm = self._from = 0

    def step(self):
        """Take the axles that wait."""
        while True:
            at = self._contact.next()
            if at < 0:
                break
            self._hit(self._contact.number, at)
        now = self._bus.now()
        if self._between and (now - self._between[1] & _TICKS_MASK) > self._slowest:
            self._between = None
            self.single += 1
        if self._axles and self._behind(now) > _LORRY_CM:
            self._leave()

    def _hit(self, number, at):
        """A tube was hit: by the axle that has crossed the other one, or by a new one."""
        if self._between and self._between[0] != number:
            first, since = self._between
            way = at - since & _TICKS_MASK
            if self._distance * _KMH // _SPEED_MOST <= way <= self._slowest:
                self._between = None
                self._axle(first, since, way)
                return
        if self._between:
            self.single += 1
        self._between = (number, at)

    def _behind(self, at):
        """Return how far behind the last axle something is that comes at `at`, in cm."""
        way = self._ways // self._axles
        return self._distance * ((at - self._last & _TICKS_MASK) >> 8) // max(way >> 8, 1)

    def _axle(self, first, at, way):
        if self._axles:
            behind = self._behind(at)
            if first != self._from or not self._same(behind):
                self._leave()
                self._gap_cm = behind
            elif self._axles == 1:
                self._base_cm = behind
        else:
            self._gap_cm = _LORRY_CM
        if not self._axles:
            self._first = at
            self._from = first
        self._axles += 1
        self._ways += way
        self._last = at

    def _same(self, behind):
        """Return whether an axle so far behind the last one belongs to the same vehicle."""
        if self._axles == 1:
            return behind <= _FIRST_CM
        return self._base_cm > self._truck and behind <= _LORRY_CM

    def _leave(self):
        """Count the vehicle that has passed; a single axle close behind one is its trailer."""
        if self._axles > 1 or self._gap_cm > _TRAILER_CM:
            way = self._ways // self._axles
            speed = (self._distance * _KMH + (way >> 1)) // way
            ago = (self._bus.now() - self._first & _TICKS_MASK) // _TICKS_A_MS
            self._period.count(0, self._clock.uptime_ms() - ago, speed, self._kind())
            self._period.occupy(0, (self._last - self._first & _TICKS_MASK) // _TICKS_A_MS)
        self._clear()

    def _kind(self):
        if self._axles == 1 or (self._axles == 2 and self._base_cm < _TWO_WHEELS_CM):
            return traffic.UNCLASSIFIED
        if self._axles > 2 or self._base_cm > self._truck:
            return traffic.TRUCK_LIKE
        return traffic.CAR_LIKE

    async def read(self):
        """Return the period's row, in the order of CHANNELS; absent tubes count nothing."""
        self.step()
        mark = flags.SENSOR_ERROR if self._contact.overran() else 0
        self.marks = bytes([mark] * len(CHANNELS))
        now = self._clock.uptime_ms()
        row = self._period.finish(now - self._since_ms)
        self._since_ms = now
        return row
