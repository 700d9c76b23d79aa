"""Plantower PMSA003I: particles by laser scattering, on I2C. Source: data sheet V2.6.

The registers 0 to 31 are the frame that the others of the family send. The laser is always on: only
the pin SET puts it to sleep.
"""

from gateway import flags, plantower

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x12,)
CHANNELS = plantower.CHANNELS
RANGE = plantower.RANGE
SPIKE = plantower.SPIKE
STUCK_ROWS = plantower.STUCK_ROWS
HUMIDITY_MOST = plantower.HUMIDITY_MOST
PAIR = plantower.PAIR
# What a reading is in calm air: 2.3 s apart. The registers do not say whether they are new.
MIN_PERIOD_MS = 2300
WARM_UP_MS = 30000
# Mean time to failure of three years.
LIFE_H = 26280
STREAMING = False

parse = plantower.parse


class Sensor:
    """`bus`: an I2C bus."""

    def __init__(self, bus, clock, options):
        self._i2c = bus
        self._frame = bytearray(plantower.FRAME_BYTES)
        self.marks = (0,) * len(CHANNELS)

    async def read(self):
        """Return the values of CHANNELS; OSError: nobody there. ValueError names what is wrong."""
        self._i2c.readfrom_mem_into(ADDRESSES[0], 0, self._frame)
        values = parse(self._frame)
        mark = flags.SENSOR_ERROR if plantower.has_failed(self._frame) else 0
        self.marks = (mark,) * len(CHANNELS)
        return values
