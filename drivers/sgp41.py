"""Sensirion SGP41: raw signals of volatile organic compounds and nitrogen oxides, on I2C.

Source: data sheet SGP41, version 1.0. The raw signals are what is measured, the logarithm of a
resistance; gateway/gas_index.py makes Sensirion's indices of their history.
"""

from micropython import const

from gateway import gas_index, sensirion, sgp

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (sgp.ADDRESS,)
CHANNELS = (
    ("voc_raw", "1", 1),
    ("nox_raw", "1", 1),
    ("voc_index", "1", 10),
    ("nox_index", "1", 10),
    ("index_age", "min", 1),
)
RANGE = (sgp.RAW, sgp.RAW, sgp.INDEX, sgp.INDEX, (0, sgp.AGE_MOST))
# The raw signals are never at rest.
STUCK_ROWS = (180, 180, 0, 0, 0)
MIN_PERIOD_MS = 1000
# Until it reliably sees an event of NOx; of VOC it does after a minute.
WARM_UP_MS = 300 * 1000
STREAMING = False

_MEASURE = const(0x2619)
_MEASURE_MS = const(50)
_CONDITION = const(0x2612)
# More than ten seconds would harm it.
_CONDITION_MS = const(9900)
# Bit 0: the VOC sensor is broken, bit 1: that of NOx.
_BROKEN = const(0x0F)
# Within its limits after an hour (VOC) and after six (NOx).
_KINDS = ((gas_index.VOC, 60), (gas_index.NOX, 360))


def parse(data):
    """Return (voc_raw, nox_raw) from the six bytes; ValueError names what is wrong."""
    if len(data) != 2 * sensirion.WORD_BYTES:
        raise ValueError("length")
    return tuple(sensirion.words(data))


class Sensor(sgp.Sensor):
    """`bus`: an I2C bus. The first reading takes 10 s."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, _MEASURE, _MEASURE_MS, parse, _KINDS, WARM_UP_MS)

    def passed(self, word):
        """Return whether that is the self-test of a sensor that is well."""
        return not word & _BROKEN

    async def condition(self):
        """Heat the NOx sensor as it wants it after power-on, for 10 s."""
        await self.tell(_CONDITION, _CONDITION_MS)
