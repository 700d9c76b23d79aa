"""Sensirion SEN54 and SEN55: particles, humidity, temperature, VOC and (SEN55) NOx, on I2C.

Source: data sheet SEN5x version 2. The indices are the sensor's own: 100 (VOC) and 1 (NOx) are the
mean of the last day, wherever it stands.
"""

from micropython import const

from gateway import sen, sensirion

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x69,)
CHANNELS = sen.CHANNELS
RANGE = sen.RANGE
SPIKE = sen.SPIKE
STUCK_ROWS = sen.STUCK_ROWS
HUMIDITY_MOST = sen.HUMIDITY_MOST
PAIR = sen.PAIR
# It has new values every second.
MIN_PERIOD_MS = 2000
# Particles, in clean air.
WARM_UP_MS = 30000
LIFE_H = 87600
STREAMING = False

_START = const(0x0021)
_STOP = const(0x0104)
_READ = const(0x03C4)
_STARTS_MS = const(50)
_STOPS_MS = const(200)
_WORDS = const(8)
# Fan speed, laser and fan; humidity and temperature; gas.
_PARTICLES = const(1 << 21 | 1 << 5 | 1 << 4)
_WEATHER = const(1 << 6)
_GAS = const(1 << 7)
_FAULTS = (_PARTICLES,) * 4 + (_WEATHER,) * 2 + (_GAS,) * 2


def parse(data):
    """Return the values of CHANNELS from the 24 bytes of a reading; ValueError: checksum."""
    if len(data) != _WORDS * sensirion.WORD_BYTES:
        raise ValueError("length")
    return sen.values(sensirion.words(data))


class Sensor(sensirion.Continuous):
    """`bus`: an I2C bus."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, ADDRESSES[0], _READ, _WORDS, parse, len(CHANNELS))

    async def _start(self):
        # One that measures without particles must stop before it can begin.
        await self._port.tell(_STOP, _STOPS_MS)
        await self._port.tell(_START, _STARTS_MS + sen.FIRST_MS)

    async def _faults(self):
        return await sen.faults(self._port, _FAULTS)
