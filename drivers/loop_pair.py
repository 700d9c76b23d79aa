"""Two inductive loops in a lane, by the relays of their detectors: vehicles, speeds, lengths.

The first one (`bus`) is the one that traffic comes to first; `bus2` is the one behind it. Against
the direction it measures the same.
"""

from micropython import const

from gateway import flags, traffic
from gateway.edges import parse  # noqa: F401 - what an edge says
from gateway.pair import Pair
from gateway.presence import Contacts, Presence

BUS = "pulse"
BUSES = 2
# Both ways.
PULSE = (True, 128)
OPTIONS = (
    ("distance_cm", 50, 2000),
    ("loop_cm", 0, 1000),
    ("truck_cm", 300, 2000),
    ("debounce_ms", 1, 200),
)
CHANNELS = traffic.Channels(("",), classes=True)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 1000

# From front to front; 2 m square with 2 m between them.
_USUAL_DISTANCE_CM = const(400)
_USUAL_LOOP_CM = const(200)
_USUAL_TRUCK_CM = const(700)
_USUAL_STABLE_MS = const(20)
_STUCK_MS = const(900 * 1000)


class Sensor:
    """`bus`: a pulse bus of two. `options`: distance_cm, loop_cm, truck_cm, debounce_ms."""

    def __init__(self, bus, clock, options):
        self._bus = bus
        self._clock = clock
        stable_ms = options.get("debounce_ms", _USUAL_STABLE_MS)
        self._contacts = Contacts(bus, clock, 2, stable_ms, self._changed)
        self._period = traffic.Period(CHANNELS)
        self._presences = [Presence(self._period, _STUCK_MS), Presence(None, _STUCK_MS)]
        self._pair = Pair(
            self._period,
            options.get("distance_cm", _USUAL_DISTANCE_CM),
            options.get("loop_cm", _USUAL_LOOP_CM),
            options.get("truck_cm", _USUAL_TRUCK_CM),
        )
        self._since_ms = clock.uptime_ms()
        self.marks = bytes(len(CHANNELS))

    def step(self):
        """Take the edges that wait."""
        self._contacts.step()
        self._pair.expire(self._bus.now(), self._clock.uptime_ms())

    def _changed(self, number, closed, ticks, ms):
        self._presences[number].change(closed, ms)
        self._pair.change(number, closed, ticks, ms)

    async def read(self):
        """Return the period's row, in the order of CHANNELS; absent loops are free ones."""
        self.step()
        now = self._clock.uptime_ms()
        mark = 0
        for presence in self._presences:
            if presence.finish(now):
                mark = flags.STUCK
        if self._contacts.overran():
            mark |= flags.SENSOR_ERROR
        self.marks = bytes([mark] * len(CHANNELS))
        row = self._period.finish(now - self._since_ms)
        self._since_ms = now
        return row
