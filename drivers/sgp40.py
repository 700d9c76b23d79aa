"""Sensirion SGP40: raw signal of volatile organic compounds, on I2C.

Source: data sheet SGP40, version 1.2. The raw signal is what is measured, the logarithm of a
resistance; gateway/gas_index.py makes Sensirion's index of its history.
"""

from micropython import const

from gateway import gas_index, sensirion, sgp

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (sgp.ADDRESS,)
CHANNELS = (("voc_raw", "1", 1), ("voc_index", "1", 10), ("index_age", "min", 1))
RANGE = (sgp.RAW, sgp.INDEX, (0, sgp.AGE_MOST))
# The raw signal is never at rest.
STUCK_ROWS = (180, 0, 0)
MIN_PERIOD_MS = 1000
# Until it reliably sees an event.
WARM_UP_MS = 60 * 1000
STREAMING = False

_MEASURE = const(0x260F)
_MEASURE_MS = const(30)
_PASSED = const(0xD4)
# Within its limits after an hour.
_KINDS = ((gas_index.VOC, 60),)


def parse(data):
    """Return (voc_raw,) from the three bytes; ValueError names what is wrong."""
    if len(data) != sensirion.WORD_BYTES:
        raise ValueError("length")
    return tuple(sensirion.words(data))


class Sensor(sgp.Sensor):
    """`bus`: an I2C bus."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, _MEASURE, _MEASURE_MS, parse, _KINDS, WARM_UP_MS)

    def passed(self, word):
        """Return whether that is the self-test of a sensor that is well."""
        return word >> 8 == _PASSED
