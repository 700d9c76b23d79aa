"""Sensirion SPS30: particles by laser scattering, masses and numbers, on I2C (pin SEL to ground).

Source: data sheet SPS30 V1.0. It and Sensirion's own driver disagree on whether the status bits go
back by themselves: they are cleared once they were read. Firmware before 2.2 has none.
"""

from micropython import const

from gateway import flags, sensirion

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x69,)
CHANNELS = (
    ("pm1_0", "ug/m3", 10),
    ("pm2_5", "ug/m3", 10),
    ("pm4_0", "ug/m3", 10),
    ("pm10", "ug/m3", 10),
    # Particles from 0.3 um to so many.
    ("n_under_0_5", "1/cm3", 10),
    ("n_under_1_0", "1/cm3", 10),
    ("n_under_2_5", "1/cm3", 10),
    ("n_under_4_0", "1/cm3", 10),
    ("n_under_10", "1/cm3", 10),
    ("typical_size", "um", 100),
)
RANGE = ((0, 10000),) * 4 + ((0, 30000),) * 5 + ((0, 1000),)
# Limits for gateway/quality.py. It is meant for up to 80 %RH, and good to 10 ug/m3 or 10 % (PM4 and
# PM10: 25); two differ by twice as much.
SPIKE = (1000, 1000, 2000, 2000) + (0,) * 6
STUCK_ROWS = (180,) * 9 + (0,)
HUMIDITY_MOST = (80,) * 10
PAIR = ((200, 20),) * 2 + ((500, 50),) * 2 + (0,) * 6
# It has new values every second.
MIN_PERIOD_MS = 2000
# In clean air.
WARM_UP_MS = 30000
LIFE_H = 87600
STREAMING = False
# Off: 0. The sensor's own count of the hours begins anew with every loss of power.
OPTIONS = (("clean_every_h", 0, 720), ("clean_at_start", 0, 1))

_START = const(0x0010)
_FLOATS = const(0x0300)
_STOP = const(0x0104)
_READ = const(0x0300)
_CLEAN = const(0x5607)
_CLEANING_INTERVAL = const(0x8004)
_VERSION = const(0xD100)
_STATUS = const(0xD206)
_CLEAR_STATUS = const(0xD210)
# The first that has a status.
_VERSION_2_2 = const(0x0202)
_FIRST_MS = const(1100)
_WORDS = const(20)
_WEEK_H = const(168)
# Fan speed, in the upper word; laser and fan.
_FAULTS_HIGH = const(1 << 5)
_FAULTS_LOW = const(1 << 5 | 1 << 4)


def parse(data):
    """Return the values of CHANNELS from the 60 bytes of a reading; ValueError: checksum."""
    return sensirion.floats(data, CHANNELS)


class Sensor(sensirion.Continuous):
    """`bus`: an I2C bus. `options`: clean_every_h, clean_at_start."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, ADDRESSES[0], _READ, _WORDS, parse, len(CHANNELS))
        self._clean_every_s = 3600 * options.get("clean_every_h", _WEEK_H)
        self._cleans = options.get("clean_at_start", 0)
        self._has_status = False

    async def _start(self):
        tell = self._port.tell
        try:
            # It may measure in another format.
            await tell(_STOP, sensirion.SOON_MS)
        except OSError:
            # An idle one may refuse; one that is not there will refuse the next as well.
            pass
        version = sensirion.words(await self._port.ask(_VERSION, sensirion.SOON_MS, 1))[0]
        self._has_status = version >= _VERSION_2_2
        wanted = (self._clean_every_s >> 16, self._clean_every_s & 0xFFFF)
        # It is kept in the sensor's flash, which wears.
        interval = await self._port.ask(_CLEANING_INTERVAL, sensirion.SOON_MS, 2)
        if sensirion.words(interval) != wanted:
            await tell(_CLEANING_INTERVAL, sensirion.SOON_MS, *wanted)
        await tell(_START, _FIRST_MS, _FLOATS)
        if self._cleans:
            await tell(_CLEAN, sensirion.SOON_MS)

    async def _faults(self):
        mark = 0
        if self._has_status:
            high, low = sensirion.words(await self._port.ask(_STATUS, sensirion.SOON_MS, 2))
            if high & _FAULTS_HIGH or low & _FAULTS_LOW:
                mark = flags.SENSOR_ERROR
                await self._port.tell(_CLEAR_STATUS, sensirion.SOON_MS)
        return (mark,) * len(CHANNELS)
