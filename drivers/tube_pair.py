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
# From the first axle to the second: vans have less; cars; bicycles and motorcycles.
_USUAL_TRUCK_CM = const(430)
_CAR_CM = const(330)
_TWO_WHEELS_CM = const(180)
# To the next axle of the same: behind the first one; side by side; from a tractor to its trailer,
# and of what base a tractor is; of a car's trailer.
_FIRST_CM = const(750)
_TANDEM_CM = const(200)
_SEMI_CM = const(900)
_TRACTOR_CM = const(430)
_TRAILER_CM = const(500)
_AXLES_MOST = const(12)
_FAR_CM = const(9999)
_DEAD_MS = const(25)
_TICKS_MASK = const(0x3FFFFFFF)
_TICKS_A_MS = const(1000)
# 0.1 km/h of a cm in a microsecond.
_KMH = const(360000)
_SPEED_MOST = const(2500)
# A way takes so long at 1, 4 and 20 km/h, in ticks a cm.
_SLOWEST = const(36000)
_STOPPED = const(9000)
_SLOW = const(1800)
# Who has stopped on the tubes is waited for so long.
_WAITS = const(120000000)


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
        # Of the vehicle that passes: (when, how long to the other tube), …, and which way it goes.
        self._axles = []
        self._from = 0
        # How far behind the one before.
        self._gap_cm = _FAR_CM
        self._since_ms = clock.uptime_ms()
        self.single = 0
        self.marks = bytes(len(CHANNELS))

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
        if self._axles and self._gone(now):
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

    def _behind(self, axle, at, way):
        """Return how far behind an axle something is that comes at `at`, in cm."""
        way = axle[1] + way >> 1
        return self._distance * ((at - axle[0] & _TICKS_MASK) >> 8) // max(way >> 8, 1)

    def _slowly(self):
        """Return whether it may have stopped, so that a time says nothing of a distance."""
        return self._axles[-1][1] > self._distance * _SLOW

    def _gone(self, now):
        """Return whether no further axle of the vehicle can come."""
        last = self._axles[-1]
        if len(self._axles) == 1 and self._slowly():
            return (now - last[0] & _TICKS_MASK) > _WAITS
        return self._behind(last, now, last[1]) > _SEMI_CM

    def _axle(self, first, at, way):
        axles = self._axles
        if axles:
            behind = self._behind(axles[-1], at, way)
            if first == self._from and self._same(behind):
                axles.append((at, way))
                return
            again = []
            if first == self._from and len(axles) > 1 and _TANDEM_CM < behind <= _CAR_CM:
                # As far as a car's: the one before belongs to this one, and not to what was before.
                again = [axles.pop()]
                behind = self._behind(axles[-1], again[0][0], again[0][1])
            self._leave()
            self._gap_cm = behind
            self._axles = axles = again
        self._from = first
        axles.append((at, way))

    def _base(self):
        axles = self._axles
        return self._behind(axles[0], axles[1][0], axles[1][1])

    def _same(self, behind):
        """Return whether an axle so far behind the last one belongs to the same vehicle."""
        count = len(self._axles)
        if count == 1:
            return behind <= _FIRST_CM or self._slowly()
        if count >= _AXLES_MOST or self._base() <= _CAR_CM:
            return False
        if behind <= _TANDEM_CM:
            return True
        return (
            count <= 3 and behind > _CAR_CM and self._base() <= _TRACTOR_CM and behind <= _SEMI_CM
        )

    def _leave(self):
        """Count the vehicle that has passed; a single axle close behind one is its trailer."""
        axles = self._axles
        if len(axles) > 1 or self._gap_cm > _TRAILER_CM or self._slowly():
            speed = None
            # An axle that has stood between the tubes has no speed.
            ways = [axle[1] for axle in axles if axle[1] <= self._distance * _STOPPED]
            if ways:
                way = sum(ways) // len(ways)
                speed = (self._distance * _KMH + (way >> 1)) // way
            ago = (self._bus.now() - axles[0][0] & _TICKS_MASK) // _TICKS_A_MS
            self._period.count(0, self._clock.uptime_ms() - ago, speed, self._kind())
            over = axles[-1][0] - axles[0][0] & _TICKS_MASK
            self._period.occupy(0, over // _TICKS_A_MS)
        self._gap_cm = _FAR_CM
        self._axles = []

    def _kind(self):
        if len(self._axles) == 1 or (len(self._axles) == 2 and self._base() < _TWO_WHEELS_CM):
            return traffic.UNCLASSIFIED
        if len(self._axles) > 2 or self._base() > self._truck:
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
