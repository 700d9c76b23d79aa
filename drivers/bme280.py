"""Bosch BME280: temperature, humidity and pressure, on I2C. Source: data sheet BST-BME280-DS002.

The compensation is the data sheet's in whole numbers. Its 64-bit formula for the pressure would
pass through the heap on the ESP32; the 32-bit one (8.2) is 3 Pa off in the data sheet's example
and serves here: the sensor itself is good to 100 Pa.
"""

import struct

from micropython import const

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x76, 0x77)
CHANNELS = (("temperature", "degC", 100), ("humidity", "%RH", 100), ("pressure", "hPa", 100))
RANGE = ((-4000, 8500), (0, 10000), (30000, 110000))
# Limits for gateway/quality.py. One is good to 1 degC, 3 %RH, 1 hPa; two differ by twice as much.
SPIKE = (300, 1500, 300)
STUCK_ROWS = (180, 180, 180)
PAIR = ((200, 0), (600, 0), (200, 0))
MIN_PERIOD_MS = 1000
WARM_UP_MS = 0
STREAMING = False
OPTIONS = (("address", 0x76, 0x77),)

_CHIP_ID_REGISTER = const(0xD0)
_CHIP_ID = const(0x60)
_CALIBRATION_1 = const(0x88)
_CALIBRATION_2 = const(0xE1)
_CONTROL_HUMIDITY = const(0xF2)
_STATUS = const(0xF3)
_CONTROL = const(0xF4)
_DATA = const(0xF7)
_DATA_BYTES = const(8)
# One sample of each, then sleep again: forced mode, "weather monitoring" (3.5.1).
_ONE_SAMPLE = const(0x01)
_FORCED = const(0x25)
_MEASURING = const(0x08)
_LOOK_EVERY_MS = const(10)
# Three single samples take at most 9.3 ms (9.1).
_ANSWER_WITHIN_MS = const(50)
# What the registers hold when nothing was measured.
_NO_TEMPERATURE = const(0x80000)
_NO_HUMIDITY = const(0x8000)


def calibration(first, second):
    """Return the 18 calibration words from the 26 bytes at 0x88 and the 7 bytes at 0xE1."""
    if len(first) != 26 or len(second) != 7:
        raise ValueError("calibration")
    words = struct.unpack("<HhhHhhhhhhhh", first[:24])
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", second)
    h4 = e4 * 16 | e5 & 0x0F
    h5 = e6 * 16 | e5 >> 4
    if not words[0] or not words[3]:
        raise ValueError("calibration")
    return words + (first[25], h2, h3, h4, h5, h6)


def parse(data, words):
    """Return (temperature 0.01 degC, humidity 0.01 %RH, pressure Pa) from the 8 bytes at 0xF7.

    A quantity whose register was never measured is None; ValueError when none was.
    """
    if len(data) != _DATA_BYTES:
        raise ValueError("length")
    raw_p = data[0] << 12 | data[1] << 4 | data[2] >> 4
    raw_t = data[3] << 12 | data[4] << 4 | data[5] >> 4
    raw_h = data[6] << 8 | data[7]
    if raw_t == _NO_TEMPERATURE:
        raise ValueError("not measured")
    fine = fine_temperature(raw_t, words)
    humidity = None if raw_h == _NO_HUMIDITY else humidity_of(raw_h, fine, words)
    pressure = None if raw_p == _NO_TEMPERATURE else pressure_of(raw_p, fine, words)
    return (fine * 5 + 128) >> 8, humidity, pressure


def fine_temperature(raw, words):
    """Return the temperature in 1/5120 degC, which the other formulas need."""
    t1, t2, t3 = words[0:3]
    first = ((raw >> 3) - (t1 << 1)) * t2 >> 11
    off = (raw >> 4) - t1
    return first + ((off * off >> 12) * t3 >> 14)


def pressure_of(raw, fine, words):
    """Return the pressure in Pa; None when the calibration makes no sense of it."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = words[3:12]
    half = (fine >> 1) - 64000
    square = (half >> 2) * (half >> 2)
    second = (square >> 11) * p6 + (half * p5 << 1)
    second = (second >> 2) + (p4 << 16)
    first = ((p3 * (square >> 13) >> 3) + (p2 * half >> 1)) >> 18
    first = (32768 + first) * p1 >> 15
    if not first:
        return None
    pressure = ((1048576 - raw) - (second >> 12)) * 3125
    pressure = (pressure << 1) // first
    third = p9 * ((pressure >> 3) * (pressure >> 3) >> 13) >> 12
    fourth = (pressure >> 2) * p8 >> 13
    return pressure + (third + fourth + p7 >> 4)


def humidity_of(raw, fine, words):
    """Return the relative humidity in 0.01 %."""
    h1, h2, h3, h4, h5, h6 = words[12:18]
    off = fine - 76800
    slope = (off * h6 >> 10) * ((off * h3 >> 11) + 32768) >> 10
    slope = ((slope + 2097152) * h2 + 8192) >> 14
    value = ((raw << 14) - (h4 << 20) - h5 * off + 16384) >> 15
    value = value * slope
    value -= ((value >> 15) * (value >> 15) >> 7) * h1 >> 4
    value = min(max(value, 0), 419430400) >> 12
    # The formula's unit is 1/1024 %.
    return (value * 100 + 512) >> 10


class Sensor:
    """`bus`: an I2C bus; `options`: address, 0x76 (118) or 0x77 (119)."""

    def __init__(self, bus, clock, options):
        self._i2c = bus
        self._clock = clock
        self._address = options.get("address", ADDRESSES[0])
        self._words = None
        self._data = bytearray(_DATA_BYTES)
        self._one = bytearray(1)

    async def read(self):
        """Return (temperature, humidity, pressure); OSError when it does not answer in 50 ms."""
        try:
            if self._words is None:
                self._begin()
            return parse(await self._measure(), self._words)
        except OSError:
            # Whatever is plugged in next has its own calibration.
            self._words = None
            raise

    def _begin(self):
        self._i2c.readfrom_mem_into(self._address, _CHIP_ID_REGISTER, self._one)
        if self._one[0] != _CHIP_ID:
            raise ValueError("chip id 0x%02x is no BME280" % self._one[0])
        words = self._calibration()
        # There is no checksum, and one wrong bit would spoil every reading from now on.
        if self._calibration() != words:
            raise ValueError("calibration")
        self._words = words

    def _calibration(self):
        first, second = bytearray(26), bytearray(7)
        self._i2c.readfrom_mem_into(self._address, _CALIBRATION_1, first)
        self._i2c.readfrom_mem_into(self._address, _CALIBRATION_2, second)
        return calibration(first, second)

    async def _measure(self):
        # The humidity setting takes effect with the write to the control register (5.4.3).
        self._write(_CONTROL_HUMIDITY, _ONE_SAMPLE)
        self._write(_CONTROL, _FORCED)
        waited = 0
        while waited < _ANSWER_WITHIN_MS:
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
            self._i2c.readfrom_mem_into(self._address, _STATUS, self._one)
            if not self._one[0] & _MEASURING:
                self._i2c.readfrom_mem_into(self._address, _DATA, self._data)
                return self._data
        raise OSError("bme280: measures for ever")

    def _write(self, register, value):
        self._one[0] = value
        self._i2c.writeto_mem(self._address, register, self._one)
