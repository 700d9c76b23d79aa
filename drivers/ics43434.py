"""TDK InvenSense ICS-43434: a microphone on I2S, as a meter of A-weighted sound levels.

Source: data sheet DS-000069. 94 dB of sound are a sine 26 dB below full scale; at 24,000 samples a
second it works in its mode of high performance (23,000 and more). L/R to ground: the left half of a
frame.
"""

from array import array

from micropython import const

from gateway import noise

BUS = "i2s"
# Samples a second, bytes that wait in the bus's memory, eight a sample: 85 ms.
I2S = (noise.RATE, 16384)
OPTIONS = (("correction", -100, 100),)
CHANNELS = (
    ("laeq", "dB", 10),
    ("lafmax", "dB", 10),
    ("la10", "dB", 10),
    ("la50", "dB", 10),
    ("la90", "dB", 10),
    ("heard", "s", 10),
)
# From its own noise to where it distorts by 10 %.
_LEVEL = (290, 1200)
RANGE = (_LEVEL,) * 5 + ((0, 36000),)
# Half an hour at 10 s. The quietest tenth of a calm night is its own noise, which stays.
STUCK_ROWS = (180, 0, 0, 0, 0, 0)
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = 40

# 94 dB and 26, in 0.1 dB.
_FULL_SCALE = const(1200)
_SAMPLES = const(512)
# 170 ms of sound, 10 ms of work.
_READS_MOST = const(8)


def parse(samples, correction=0):
    """Return the values of CHANNELS from an array of type H; ValueError for less than a second."""
    meter = noise.Meter(_FULL_SCALE + correction)
    meter.feed(samples, len(samples))
    values = meter.result()
    if values is None:
        raise ValueError("too short, or silent")
    return values


class Sensor:
    """`bus`: I2S, 16 bits, one channel. `options`: correction, in 0.1 dB, of a calibration."""

    def __init__(self, bus, clock, options):
        self._bus = bus
        self._meter = noise.Meter(_FULL_SCALE + options.get("correction", 0))
        self._samples = array("H", bytes(2 * _SAMPLES))

    def step(self):
        """Take the samples that wait; what came between two of these too far apart is lost."""
        for _ in range(_READS_MOST):
            try:
                size = self._bus.readinto(self._samples) or 0
            except OSError:
                # A bus that is broken brings nothing, and `read` says so.
                return
            self._meter.feed(self._samples, size >> 1)
            if size < 2 * _SAMPLES:
                return

    async def read(self):
        """Return the period's values; OSError when nothing was heard, not even its own noise."""
        self.step()
        values = self._meter.result()
        if values is None:
            raise OSError("ics43434: silent")
        return values
