"""An inductive loop in a lane, by the relay of its detector: vehicles, occupancy, headway.

The relay (or open collector) closes while something stands over the loop. What the loop is like
when it is free is the detector's affair, and it must hold that while it is occupied.
"""

from micropython import const

from gateway import flags, traffic
from gateway.edges import parse  # noqa: F401 - what an edge says
from gateway.presence import Contacts, Presence

BUS = "pulse"
# Both ways.
PULSE = (True, 64)
OPTIONS = (("debounce_ms", 1, 200),)
CHANNELS = traffic.Channels(("",), speeds=False)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 1000

_USUAL_STABLE_MS = const(20)
# A queue may stand for two changes of a light; longer stands a detector that hangs.
_STUCK_MS = const(900 * 1000)


class Sensor:
    """`bus`: a pulse bus. `options`: debounce_ms."""

    def __init__(self, bus, clock, options):
        self._clock = clock
        stable_ms = options.get("debounce_ms", _USUAL_STABLE_MS)
        self._contacts = Contacts(bus, clock, 1, stable_ms, self._changed)
        self._period = traffic.Period(CHANNELS)
        self._presence = Presence(self._period, _STUCK_MS)
        self._since_ms = clock.uptime_ms()
        self.marks = bytes(len(CHANNELS))

    def step(self):
        """Take the edges that wait."""
        self._contacts.step()

    def _changed(self, number, closed, ticks, ms):
        if closed:
            self._period.count(0, ms)
        self._presence.change(closed, ms)

    async def read(self):
        """Return the period's row, in the order of CHANNELS; an absent loop is a free one."""
        self.step()
        now = self._clock.uptime_ms()
        mark = flags.STUCK if self._presence.finish(now) else 0
        if self._contacts.overran():
            mark |= flags.SENSOR_ERROR
        self.marks = bytes([mark] * len(CHANNELS))
        row = self._period.finish(now - self._since_ms)
        self._since_ms = now
        return row
