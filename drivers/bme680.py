"""Bosch BME680, BME688: temperature, humidity, pressure and the resistance of a heated gas sensor,
on I2C. Source: data sheets BST-BME680-DS001 and BST-BME688-DS000.

The compensation is that of the data sheets in whole numbers. Where that needs 64 bits (gas) or
throws bits away (the pressure's third power, which makes it jump by 7 Pa), the order of operations
is another; everything stays below 2^30. Public implementations disagree on the range switching
error, four bits and signed: some lose its sign, one takes all eight bits, which moves the
resistance by up to 6 %. And the ambient temperature hardly reaches the heater where it is taken in
degC by a formula that wants 0.01 degC; here it has the weight of the floating-point formula.
"""

import struct

from micropython import const

from gateway import flags

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x76, 0x77)
OPTIONS = (("address", 0x76, 0x77), ("heater_degc", 200, 400), ("heater_ms", 10, 2000))
CHANNELS = (
    ("temperature", "degC", 100),
    ("humidity", "%RH", 100),
    ("pressure", "hPa", 100),
    ("gas_resistance", "Ohm", 1),
)
RANGE = ((-4000, 8500), (0, 10000), (30000, 110000), (100, 110000000))
# Limits for gateway/quality.py. Of the gas no two sensors agree.
SPIKE = (300, 1500, 300, 0)
STUCK_ROWS = (180, 180, 180, 180)
PAIR = ((200, 0), (600, 0), (200, 0), 0)
# The heater warms the air that is measured; Bosch's own software heats every 3 s or less often.
MIN_PERIOD_MS = 3000
WARM_UP_MS = 0
STREAMING = False

_CHIP_ID_REGISTER = const(0xD0)
_CHIP_ID = const(0x61)
_VARIANT_REGISTER = const(0xF0)
_CALIBRATION_1 = const(0x8A)
_CALIBRATION_2 = const(0xE1)
_CALIBRATION_3 = const(0x00)
_DATA = const(0x1D)
_DATA_BYTES = const(17)
_HEATER_RESISTANCE = const(0x5A)
_HEATER_TIME = const(0x64)
_CONTROL_GAS = const(0x71)
_CONTROL_HUMIDITY = const(0x72)
_CONTROL = const(0x74)
# The humidity once, the temperature twice, the pressure four times, then sleep again.
_ONCE = const(0x01)
_FORCED = const(0x4D)
_NEW = const(0x80)
_GAS_VALID = const(0x20)
_HEATED = const(0x10)
_LOOK_EVERY_MS = const(10)
# Without the heater: 7 samples, the switching and the wake-up take 20 ms.
_ANSWERS_WITHIN_MS = const(100)
# From a cold start until the heated layer has settled; a new sensor drifts for two days.
_GAS_SETTLES_MS = const(30 * 60 * 1000)
# What the registers hold when nothing was measured.
_NO_WORD = const(0x80000)
_NO_HUMIDITY = const(0x8000)
# Places in the calibration.
_P = const(3)
_H = const(13)
_HEATER = const(20)
_RANGE_ERROR = const(25)
_VARIANT = const(26)
# Errors of the ranges, in 1/1000: of the reference, of the range itself (BME680, 5.3.4).
_REFERENCE_OFF = {5: -10, 7: -8, 10: -2, 11: -5, 13: -10}
_RANGE_OFF = {4: 1, 5: 7, 7: -8, 8: -1}


def calibration(first, second, third, variant):
    """Return the 26 calibration words and the variant (0: BME680, 1: BME688).

    From the 23 bytes at 0x8A, the 14 at 0xE1 and the 5 at 0x00.
    """
    if len(first) != 23 or len(second) != 14 or len(third) != 5:
        raise ValueError("calibration")
    t2, t3, p1, p2, p3, p4, p5, p7, p6, p8, p9, p10 = struct.unpack("<hbxHhbxhhbbxxhhB", first)
    h2, low, h1, h3, h4, h5, h6, h7, t1, g2, g1, g3 = struct.unpack("<BBBbbbBbHhbb", second)
    if not t1 or not p1 or variant > 1:
        raise ValueError("calibration")
    humid = (h1 << 4 | low & 15, h2 << 4 | low >> 4, h3, h4, h5, h6, h7)
    heater_off, heater_range, range_error = struct.unpack("<bxBxb", third)
    words = (t1, t2, t3, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10) + humid
    return words + (g1, g2, g3, heater_range >> 4 & 3, heater_off, range_error >> 4, variant)


def parse(data, words):
    """Return (0.01 degC, 0.01 %RH, Pa, Ohm) from the 17 bytes at 0x1D.

    A quantity that was not measured is None; ValueError when even the temperature was not.
    """
    if len(data) != _DATA_BYTES:
        raise ValueError("length")
    raw_p = data[2] << 12 | data[3] << 4 | data[4] >> 4
    raw_t = data[5] << 12 | data[6] << 4 | data[7] >> 4
    raw_h = data[8] << 8 | data[9]
    if raw_t == _NO_WORD:
        raise ValueError("not measured")
    fine = fine_temperature(raw_t, words)
    temperature = (fine * 5 + 128) >> 8
    at = _gas_at(words)
    gas = None
    if data[at + 1] & _GAS_VALID:
        gas = gas_of(data[at] << 2 | data[at + 1] >> 6, data[at + 1] & 15, words)
    return (
        temperature,
        None if raw_h == _NO_HUMIDITY else humidity_of(raw_h, temperature, words),
        None if raw_p == _NO_WORD else pressure_of(raw_p, fine, words),
        gas,
    )


def _gas_at(words):
    """Return where the gas registers stand in the data; the BME688 has two more bytes."""
    return 15 if words[_VARIANT] else 13


def fine_temperature(raw, words):
    """Return the temperature in 1/5120 degC, which the other formulas need."""
    t1, t2, t3 = words[:_P]
    off = (raw >> 3) - (t1 << 1)
    return (off * t2 >> 11) + (((off >> 1) * (off >> 1) >> 12) * (t3 << 4) >> 14)


def pressure_of(raw, fine, words):
    """Return the pressure in Pa; None when the calibration makes no sense of it."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 = words[_P:_H]
    half = (fine >> 1) - 64000
    square = (half >> 2) * (half >> 2)
    second = ((square >> 11) * p6 >> 2) + (half * p5 << 1)
    second = (second >> 2) + (p4 << 16)
    first = (((square >> 13) * (p3 << 5) >> 3) + (p2 * half >> 1)) >> 18
    first = (32768 + first) * p1 >> 15
    if first <= 0:
        return None
    # (…) * 6250 // first
    whole, rest = divmod((1048576 - raw) - (second >> 12), first)
    pressure = whole * 6250 + rest * 6250 // first
    third = p9 * ((pressure >> 3) * (pressure >> 3) >> 13) >> 12
    fourth = (pressure >> 2) * p8 >> 13
    cube = ((pressure >> 3) * (pressure >> 3) >> 12) * (pressure >> 4) >> 8
    fifth = cube * p10 >> 11
    return pressure + (third + fourth + fifth + (p7 << 7) >> 4)


def humidity_of(raw, temperature, words):
    """Return the relative humidity in 0.01 %; `temperature`: 0.01 degC."""
    h1, h2, h3, h4, h5, h6, h7 = words[_H:_HEATER]
    value = raw - (h1 << 4) - (temperature * h3 // 100 >> 1)
    bent = (temperature * (temperature * h5 // 100) >> 6) // 100
    value *= h2 * (temperature * h4 // 100 + bent + 16384) >> 10
    square = (value >> 14) * (value >> 14) >> 10
    value += ((h6 << 7) + temperature * h7 // 100 >> 4) * square >> 1
    # The formula's unit is 1/4096 %, times 1024.
    return min(max(((value >> 10) * 100 + 2048) >> 12, 0), 10000)


def gas_of(raw, step, words):
    """Return the resistance in Ohm from the 10-bit word and its range."""
    if words[_VARIANT]:
        divisor = 4096 + 3 * (raw - 512)
        whole, rest = divmod((262144 >> step) * 2500, divisor)
        return whole * 400 + rest * 400 // divisor
    reference = (1340 + 5 * words[_RANGE_ERROR]) * (1000 + _REFERENCE_OFF.get(step, 0))
    divisor = (raw - 512) * 1000 + reference >> 6
    off = _RANGE_OFF.get(step, 0)
    # 8 MOhm in 1/64 Ohm, halved from range to range.
    most = 512000000 >> step
    most -= most // (1000 + off) * off
    whole, rest = divmod(most, divisor)
    reference >>= 6
    return whole * reference + rest * reference // divisor + 32 >> 6


def heater_resistance(target, ambient, words):
    """Return the register's value for a heater at `target` degC in air of `ambient` degC."""
    g1, g2, g3, heater_range, off = words[_HEATER:_RANGE_ERROR]
    first = ambient * g3 * 2560
    second = (g1 + 784) * (((g2 + 154009) * target * 5 // 100 + 3276800) // 10)
    scaled = (first + second // 2) // (heater_range + 4) // (131 * off + 65536)
    return min(max(((scaled - 250) * 34 + 50) // 100, 0), 255)


def heater_time(ms):
    """Return the register's value for the time that the heater is on: 6 bits times a power of 4."""
    power = 0
    while ms > 63:
        ms >>= 2
        power += 64
    return power | ms


class Sensor:
    """`bus`: an I2C bus; `options`: address, heater_degc (320 unless said), heater_ms (150)."""

    def __init__(self, bus, clock, options):
        self._i2c = bus
        self._clock = clock
        self._address = options.get("address", ADDRESSES[0])
        self._target = options.get("heater_degc", 320)
        self._heats_ms = options.get("heater_ms", 150)
        self._words = None
        self._began_ms = 0
        self._ambient = 25
        self._data = bytearray(_DATA_BYTES)
        self._one = bytearray(1)
        self.marks = (0, 0, 0, 0)

    async def read(self):
        """Return (temperature, humidity, pressure, gas resistance).

        OSError: no answer within 100 ms and the heater's time. ValueError: another chip.
        """
        try:
            if self._words is None:
                self._begin()
            values = parse(await self._measure(), self._words)
        except OSError:
            # Whatever is plugged in next has its own calibration.
            self._words = None
            raise
        self._ambient = values[0] // 100
        mark = 0
        if self._clock.uptime_ms() - self._began_ms < _GAS_SETTLES_MS:
            mark = flags.WARM_UP
        if not self._data[_gas_at(self._words) + 1] & _HEATED:
            # The heater did not reach its temperature.
            mark |= flags.SENSOR_ERROR
        self.marks = (0, 0, 0, mark)
        return values

    def _begin(self):
        chip = self._get(_CHIP_ID_REGISTER, 1)[0]
        if chip != _CHIP_ID:
            raise ValueError("chip id 0x%02x is no BME680" % chip)
        words = self._calibration()
        # There is no checksum, and one wrong bit would spoil every reading from now on.
        if self._calibration() != words:
            raise ValueError("calibration")
        self._words = words
        self._began_ms = self._clock.uptime_ms()

    def _calibration(self):
        return calibration(
            self._get(_CALIBRATION_1, 23),
            self._get(_CALIBRATION_2, 14),
            self._get(_CALIBRATION_3, 5),
            self._get(_VARIANT_REGISTER, 1)[0],
        )

    async def _measure(self):
        resistance = heater_resistance(self._target, self._ambient, self._words)
        self._write(_HEATER_RESISTANCE, resistance)
        self._write(_HEATER_TIME, heater_time(self._heats_ms))
        # The BME688 has the switch one bit higher.
        self._write(_CONTROL_GAS, 0x20 if self._words[_VARIANT] else 0x10)
        self._write(_CONTROL_HUMIDITY, _ONCE)
        self._write(_CONTROL, _FORCED)
        waited = 0
        while waited < self._heats_ms + _ANSWERS_WITHIN_MS:
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
            if waited >= self._heats_ms:
                self._i2c.readfrom_mem_into(self._address, _DATA, self._data)
                if self._data[0] & _NEW:
                    return self._data
        raise OSError("bme680: measures for ever")

    def _get(self, register, n):
        data = bytearray(n)
        self._i2c.readfrom_mem_into(self._address, register, data)
        return data

    def _write(self, register, value):
        self._one[0] = value
        self._i2c.writeto_mem(self._address, register, self._one)
