"""Sensirion SEN66: particles, humidity, temperature, VOC, NOx and CO2, on I2C.

Source: data sheet SEN6x, and Sensirion's own driver for what its status bits mean. The indices are
the sensor's own: 100 (VOC) and 1 (NOx) are the mean of the last day, wherever it stands.
"""

from micropython import const

from gateway import sen, sensirion

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x6B,)
CHANNELS = sen.CHANNELS + (("co2", "ppm", 1),)
RANGE = sen.RANGE + ((400, 5000),)
SPIKE = sen.SPIKE + (1000,)
STUCK_ROWS = sen.STUCK_ROWS + (180,)
HUMIDITY_MOST = sen.HUMIDITY_MOST + (0,)
# CO2 is good to 50 ppm and 2.5 %.
PAIR = sen.PAIR + ((120, 15),)
# It has new values every second.
MIN_PERIOD_MS = 2000
# The time in which CO2 takes up two thirds of a change; particles need 30 s.
WARM_UP_MS = 60000
LIFE_H = 87600
STREAMING = False
OPTIONS = (
    ("altitude_m", 0, 3000),
    ("pressure_hpa", 700, 1200),
    ("self_calibration", 0, 1),
)
# The command `calibrate`: from and to so many ppm, which it must have seen for so many seconds.
CALIBRATES = (400, 2000, 180)

_START = const(0x0021)
_STOP = const(0x0104)
_READ = const(0x0300)
_SELF_CALIBRATION = const(0x6711)
_CALIBRATE = const(0x6707)
_CALIBRATES_MS = const(500)
_PRESSURE = const(0x6720)
_ALTITUDE = const(0x6736)
_STARTS_MS = const(50)
# Data sheets say 1000 and 1400.
_STOPS_MS = const(1400)
_WORDS = const(9)
# Fan speed, particle sensor and fan; humidity and temperature; gas; CO2.
_PARTICLES = const(1 << 21 | 1 << 11 | 1 << 4)
_WEATHER = const(1 << 6)
_GAS = const(1 << 7)
_CO2 = const(1 << 9)
_FAULTS = (_PARTICLES,) * 4 + (_WEATHER,) * 2 + (_GAS,) * 2 + (_CO2,)


def parse(data):
    """Return the values of CHANNELS from the 27 bytes of a reading; ValueError: checksum."""
    if len(data) != _WORDS * sensirion.WORD_BYTES:
        raise ValueError("length")
    words = sensirion.words(data)
    return sen.values(words) + (sen.unsigned(words[8]),)


class Sensor(sensirion.Continuous):
    """`bus`: an I2C bus. `options`: altitude_m or pressure_hpa, self_calibration."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, ADDRESSES[0], _READ, _WORDS, parse, len(CHANNELS))
        self._altitude = options.get("altitude_m", 0)
        self._pressure = options.get("pressure_hpa")
        # It takes the lowest of a week for 400 ppm: wrong wherever that is not so.
        self._calibrates = options.get("self_calibration", 0)
        # What it was set to, in words.
        self.settings = ""

    async def _start(self):
        tell = self._port.tell
        # Settings are for one that does not measure; it may since before our own start.
        await tell(_STOP, _STOPS_MS)
        await tell(_SELF_CALIBRATION, sensirion.SOON_MS, self._calibrates)
        # Overridden by a pressure.
        await tell(_ALTITUDE, sensirion.SOON_MS, self._altitude)
        if self._pressure is not None:
            await tell(_PRESSURE, sensirion.SOON_MS, self._pressure)
        self.settings = sensirion.told(self._calibrates, self._altitude, self._pressure)
        await tell(_START, _STARTS_MS + sen.FIRST_MS)

    async def calibrate(self, ppm):
        """Let it take what it sees for `ppm`; return by how many that moves it, OSError."""
        # The next reading starts it again.
        self._since = None
        await self._port.tell(_STOP, _STOPS_MS)
        return await self._port.calibrate(_CALIBRATE, _CALIBRATES_MS, ppm)

    async def _faults(self):
        return await sen.faults(self._port, _FAULTS)
