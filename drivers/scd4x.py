"""Sensirion SCD40 and SCD41: CO2 (photoacoustic), temperature and humidity, on I2C.

Source: data sheet SCD4x V1.4 to V1.6. Earlier ones, and half of the public implementations, divide
by 65536 where these divide by 65535: 0.003 degC at most.
"""

from micropython import const

from gateway import flags, sensirion

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x62,)
CHANNELS = (("co2", "ppm", 1), ("temperature", "degC", 100), ("humidity", "%RH", 100))
RANGE = ((400, 5000), (-1000, 6000), (0, 10000))
# For gateway/quality.py. One is good to 50 ppm and 5 %, 0.8 degC, 6 %RH; two differ by twice.
SPIKE = (1000, 300, 1500)
STUCK_ROWS = (180, 180, 180)
PAIR = ((140, 20), (160, 0), (1200, 0))
# A single shot takes 5 s, and a row must not wait for it longer than its period.
MIN_PERIOD_MS = 10000
# The time in which it takes up two thirds of a change.
WARM_UP_MS = 60000
STREAMING = False
OPTIONS = (
    ("mode", ("periodic", "low_power", "single")),
    ("altitude_m", 0, 3000),
    ("pressure_hpa", 700, 1200),
    ("self_calibration", 0, 1),
)
# The command `calibrate`: from and to so many ppm, which it must have seen for so many seconds.
CALIBRATES = (400, 2000, 180)

_START = const(0x21B1)
_START_LOW_POWER = const(0x21AC)
_STOP = const(0x3F86)
_SINGLE_SHOT = const(0x219D)
_IS_READY = const(0xE4B8)
_READ = const(0xEC05)
_ALTITUDE = const(0x2427)
_PRESSURE = const(0xE000)
_SELF_CALIBRATION = const(0x2416)
_CALIBRATE = const(0x362F)
_CALIBRATES_MS = const(400)
_STOPS_MS = const(500)
_SHOOTS_MS = const(5000)
_SOON_MS = const(2)
_READY = const(0x7FF)
_WORDS = const(3)
_INTERVAL_MS = const(5000)
_LOW_POWER_INTERVAL_MS = const(30000)


def parse(data):
    """Return (CO2 ppm, 0.01 degC, 0.01 %RH) of the 9 bytes of a reading; ValueError: checksum."""
    if len(data) != _WORDS * sensirion.WORD_BYTES:
        raise ValueError("length")
    co2, raw_t, raw_h = sensirion.words(data)
    # -45 + 175 * raw / 65535 and 100 * raw / 65535, with 65535 = 5 * 13107.
    return co2, (3500 * raw_t + 6553) // 13107 - 4500, (2000 * raw_h + 6553) // 13107


class Sensor:
    """`bus`: an I2C bus. `options`: mode, altitude_m or pressure_hpa, self_calibration."""

    def __init__(self, bus, clock, options):
        self._clock = clock
        self._port = sensirion.Port(bus, clock, ADDRESSES[0], _WORDS)
        self._mode = options.get("mode", "periodic")
        self._altitude = options.get("altitude_m", 0)
        self._pressure = options.get("pressure_hpa")
        # It takes the lowest of a week for 400 ppm: wrong wherever that is not so.
        self._calibrates = options.get("self_calibration", 0)
        low_power = self._mode == "low_power"
        self._interval_ms = _LOW_POWER_INTERVAL_MS if low_power else _INTERVAL_MS
        self._begun = False
        self._last = None
        self._last_ms = 0
        # What it was set to, in words.
        self.settings = ""
        self.marks = (0,) * len(CHANNELS)

    async def read(self):
        """Return (CO2, temperature, humidity): None before the first, the last marked stale.

        OSError: nobody there, or nothing measured for three intervals.
        """
        try:
            if not self._begun:
                await self._begin()
            if self._mode == "single":
                return await self._shoot()
            return await self._latest()
        except OSError:
            # What is plugged in next must be set up and started.
            self._begun = False
            raise

    async def _begin(self):
        tell = self._port.tell
        # It may measure since before our own start, and obeys nothing else then.
        await tell(_STOP, _STOPS_MS)
        await tell(_SELF_CALIBRATION, _SOON_MS, self._calibrates)
        # Overrides a pressure, and is overridden by one.
        await tell(_ALTITUDE, _SOON_MS, self._altitude)
        if self._pressure is not None:
            await tell(_PRESSURE, _SOON_MS, self._pressure)
        if self._mode != "single":
            await tell(_START_LOW_POWER if self._mode == "low_power" else _START, _SOON_MS)
        self.settings = sensirion.told(self._calibrates, self._altitude, self._pressure)
        self._begun = True
        self._last = None
        self._last_ms = self._clock.uptime_ms()

    async def calibrate(self, ppm):
        """Let it take what it sees for `ppm`; return by how many that moves it, OSError."""
        # The next reading starts it again.
        self._begun = False
        await self._port.tell(_STOP, _STOPS_MS)
        return await self._port.calibrate(_CALIBRATE, _CALIBRATES_MS, ppm)

    async def _shoot(self):
        # The data sheet wants the first after power-on thrown away.
        self._mark(0 if self._last else flags.WARM_UP)
        await self._port.tell(_SINGLE_SHOT, _SHOOTS_MS)
        self._last = parse(await self._port.ask(_READ, _SOON_MS, _WORDS))
        return self._last

    async def _latest(self):
        now = self._clock.uptime_ms()
        ready = sensirion.words(await self._port.ask(_IS_READY, _SOON_MS, 1))
        if ready[0] & _READY:
            self._last = parse(await self._port.ask(_READ, _SOON_MS, _WORDS))
            self._last_ms = now
            self._mark(0)
        elif now - self._last_ms > 3 * self._interval_ms:
            raise OSError("scd4x: measures nothing")
        else:
            self._mark(flags.STALE if self._last else flags.WARM_UP)
        return self._last or (None,) * len(CHANNELS)

    def _mark(self, mark):
        self.marks = (mark,) * len(CHANNELS)
