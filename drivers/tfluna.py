"""Benewake TF-Luna or TFmini-S: a lidar across a lane, on a UART; vehicles, occupancy, headway.

Not on I2C, which both can as well: there nobody keeps a distance for a node that is busy, and a
vehicle at 50 km/h is gone in a third of a second.
"""

from micropython import const

from gateway import flags, traffic
from gateway.beam import RATE_HZ, Beam, parse  # noqa: F401 - what a frame says
from gateway.presence import Presence

BUS = "uart"
# 2.2 s at 900 bytes a second.
UART = (115200, 2048)
OPTIONS = (("margin_cm", 10, 500),)
CHANNELS = traffic.Channels(("",), speeds=False)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 200

_USUAL_MARGIN_CM = const(60)
_STUCK_MS = const(300 * 1000)


class Sensor:
    """`bus`: a UART at 115200 8N1. `options`: margin_cm."""

    def __init__(self, bus, clock, options):
        self._clock = clock
        self._period = traffic.Period(CHANNELS)
        self._presence = Presence(self._period, _STUCK_MS)
        self._beam = Beam(bus, 0, options.get("margin_cm", _USUAL_MARGIN_CM), self._changed)
        self.marks = bytes(len(CHANNELS))

    def step(self):
        """Eat the bytes that wait."""
        self._beam.step(self._clock.uptime_ms())

    def _changed(self, number, taken, ms):
        if taken:
            self._period.count(0, ms)
        self._presence.change(taken, ms)

    async def read(self):
        """Return the period's row, in the order of CHANNELS; OSError when no frame came."""
        self.step()
        now = self._clock.uptime_ms()
        frames, self._beam.frames = self._beam.frames, 0
        mark = flags.STUCK if self._presence.finish(now) else 0
        self.marks = bytes([mark] * len(CHANNELS))
        row = self._period.finish(frames * 1000 // RATE_HZ)
        if not frames:
            self._period.interrupt()
            self._beam.set_up()
            raise OSError("tfluna: silent")
        return row
