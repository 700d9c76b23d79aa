"""Two TF-Luna or TFmini-S across a lane, one behind the other: vehicles, speeds, lengths.

Each has a UART of its own: `bus` is the one that traffic comes to first, `bus2` the other one.
"""

from micropython import const

from gateway import flags, traffic
from gateway.beam import RATE_HZ, Beam, parse  # noqa: F401 - what a frame says
from gateway.pair import Pair
from gateway.presence import Presence

BUS = "uart"
BUSES = 2
# 2.2 s at 900 bytes a second.
UART = (115200, 2048)
OPTIONS = (("distance_cm", 50, 2000), ("truck_cm", 300, 2000), ("margin_cm", 10, 500))
CHANNELS = traffic.Channels(("",), classes=True)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 200

_USUAL_DISTANCE_CM = const(300)
_USUAL_TRUCK_CM = const(700)
_USUAL_MARGIN_CM = const(60)
_STUCK_MS = const(300 * 1000)
_TICKS_A_MS = const(1000)
_TICKS_MASK = const(0x3FFFFFFF)


class Sensor:
    """`bus`: two UARTs at 115200 8N1. `options`: distance_cm, truck_cm, margin_cm."""

    def __init__(self, bus, clock, options):
        self._clock = clock
        self._period = traffic.Period(CHANNELS)
        self._presences = [Presence(self._period, _STUCK_MS), Presence(None, _STUCK_MS)]
        distance = options.get("distance_cm", _USUAL_DISTANCE_CM)
        self._pair = Pair(self._period, distance, 0, options.get("truck_cm", _USUAL_TRUCK_CM))
        margin = options.get("margin_cm", _USUAL_MARGIN_CM)
        self._beams = [Beam(bus[i], i, margin, self._heard) for i in range(2)]
        # Changes of both, [(ms, number, taken), …], until their order is known.
        self._waiting = []
        self.marks = bytes(len(CHANNELS))

    def step(self):
        """Eat the bytes that wait, of both: what happened comes in its order."""
        now = self._clock.uptime_ms()
        for beam in self._beams:
            beam.step(now)
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            waiting.sort(key=_moment)
            for ms, number, taken in waiting:
                self._presences[number].change(taken, ms)
                self._pair.change(number, taken, ms * _TICKS_A_MS & _TICKS_MASK, ms)
        self._pair.expire(now * _TICKS_A_MS & _TICKS_MASK, now)

    def _heard(self, number, taken, ms):
        self._waiting.append((ms, number, taken))

    async def read(self):
        """Return the period's row, in the order of CHANNELS; OSError when one is silent."""
        self.step()
        now = self._clock.uptime_ms()
        mark = 0
        frames = []
        for beam, presence in zip(self._beams, self._presences):
            frames.append(beam.frames)
            beam.frames = 0
            if presence.finish(now):
                mark = flags.STUCK
        self.marks = bytes([mark] * len(CHANNELS))
        row = self._period.finish(min(frames) * 1000 // RATE_HZ)
        if not min(frames):
            self._period.interrupt()
            for beam in self._beams:
                beam.set_up()
            raise OSError("tfluna_pair: silent")
        return row


def _moment(change):
    return change[0]
