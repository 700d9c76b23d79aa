"""Sensirion SCD30: CO2 (infrared), temperature and humidity, on I2C (pin SEL to ground or open).

Source: SCD30 Interface Description V1.0. It wants 3 ms and a stop between command and answer, and
at most 50 kHz; many public implementations run it at 100 kHz and read what its clock stretching
breaks. All settings are kept in its flash.
"""

from micropython import const

from gateway import sensirion

BUS = "i2c"
I2C_FREQ = 50000
ADDRESSES = (0x61,)
CHANNELS = (("co2", "ppm", 1), ("temperature", "degC", 100), ("humidity", "%RH", 100))
RANGE = ((400, 10000), (-4000, 7000), (0, 10000))
# For gateway/quality.py. One is good to 30 ppm and 3 %, 0.5 degC, 3 %RH; two differ by twice.
SPIKE = (1000, 300, 1500)
STUCK_ROWS = (180, 180, 180)
PAIR = ((85, 12), (100, 0), (600, 0))
MIN_PERIOD_MS = 4000
# The time in which it takes up two thirds of a change.
WARM_UP_MS = 20000
LIFE_H = 131400
STREAMING = False
OPTIONS = (
    ("altitude_m", 0, 3000),
    ("pressure_hpa", 700, 1400),
    ("self_calibration", 0, 1),
)
# The command `calibrate`: from and to so many ppm, which it must have seen for so many seconds.
CALIBRATES = (400, 2000, 120)

_START = const(0x0010)
_READ = const(0x0300)
_INTERVAL = const(0x4600)
_ALTITUDE = const(0x5102)
_SELF_CALIBRATION = const(0x5306)
_CALIBRATE = const(0x5204)
_INTERVAL_S = const(2)
_WORDS = const(6)


def parse(data):
    """Return (CO2 ppm, 0.01 degC, 0.01 %RH) of the 18 bytes of a reading; ValueError: checksum."""
    return sensirion.floats(data, CHANNELS)


class Sensor(sensirion.Continuous):
    """`bus`: an I2C bus. `options`: altitude_m or pressure_hpa, self_calibration."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, ADDRESSES[0], _READ, _WORDS, parse, len(CHANNELS))
        # 0: as the altitude says.
        self._pressure = options.get("pressure_hpa", 0)
        # Self-calibration takes the lowest of a week for 400 ppm: wrong wherever that is not so.
        self._settings = (
            (_INTERVAL, _INTERVAL_S),
            (_SELF_CALIBRATION, options.get("self_calibration", 0)),
            (_ALTITUDE, options.get("altitude_m", 0)),
        )
        # What it was set to, in words.
        self.settings = ""

    async def _start(self):
        port = self._port
        for number, wanted in self._settings:
            # They are kept in the sensor's flash, which wears.
            if sensirion.words(await port.ask(number, sensirion.SOON_MS, 1))[0] != wanted:
                await port.tell(number, sensirion.SOON_MS, wanted)
        calibrates, altitude = self._settings[1][1], self._settings[2][1]
        self.settings = sensirion.told(calibrates, altitude, self._pressure)
        await port.tell(_START, sensirion.SOON_MS, self._pressure)

    async def calibrate(self, ppm):
        """Let it take what it sees for `ppm`; it does not say by how many that moves it."""
        await self._port.tell(_CALIBRATE, sensirion.SOON_MS, ppm)

    async def _faults(self):
        """It reports none."""
        return (0,) * len(CHANNELS)
