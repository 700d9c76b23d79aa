"""The BME680's registers: raw words from which the data sheet's formulas give the wanted values.

For each wanted value the raw word is looked for in which the driver's own compensation ends. The
pressure comes within 1 Pa, the resistance (1024 words in each of 16 ranges) within 0.1 %.
"""

import struct

from drivers import bme680

FACTS = {
    "sensor": "Bosch BME680, BME688",
    "measures": "temperature, humidity, pressure, gas resistance (heated metal oxide)",
    "supply": "3.3 V (1.71 to 3.6 V), 12 mA while it heats",
    "wiring": (
        ("VIN", "3.3 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
        ("SDO", "ground: 0x76; 3.3 V: 0x77"),
        ("CSB", "3.3 V"),
    ),
    "options": {
        "address": "118 (0x76) or 119 (0x77); 118 unless said",
        "heater_degc": "temperature of the gas sensor's heater in °C; 320 unless said",
        "heater_ms": "how long it heats before each reading; 150 unless said",
    },
    "life": "no limit stated",
    "price": "€€",
    "resolution": "0.01 °C, 0.01 %RH, 1 Pa; gas resistance 0.1 %",
    "distrust": (
        "The gas resistance falls with reducing gases (alcohols, solvents, carbon monoxide), and "
        "with humidity and heat as well. It tells no gas from another and is no concentration; "
        "compare a sensor with itself only, at one setting of the heater.",
        "For 30 minutes after power-on the resistance is flagged warm_up; a new sensor drifts for "
        "two days. A heater that did not reach its temperature flags it sensor_error.",
        "The heater warms the sensor: at a period of 10 s and more by some 0.1 °C, in a "
        "narrow housing by more.",
        "Accuracy is ±1 °C, ±3 %RH, ±0.6 hPa. The second decimal is resolution only.",
        "Silicones poison it for good: no silicone sealant in the housing.",
        "Its registers carry no checksum: a bit that flips on the wires passes. The calibration is "
        "read twice and must be the same.",
        "After any failure on the bus the calibration is read anew: another sensor may hang "
        "there now.",
    ),
    "source": "BST-BME680-DS001, BST-BME688-DS000",
}
# In the driver's integers: what words and ranges can say.
SAYS = {
    "temperature": (-4000, 8500),
    "humidity": (0, 10000),
    "pressure": (30000, 110000),
    "gas_resistance": (200, 11000000),
}
USUAL = {"gas_resistance": (20000, 180000)}
# Of a real sensor (README of the public repository wrclark/bme680).
_FIRST = struct.pack(
    "<hbxHhbxhhbbxxhhB", 26519, 3, 35008, -10284, 88, 9692, -202, 24, 30, -4, -3469, 30
)
_SECOND = struct.pack(
    "<BBBbbbBbHhbb", 1007 >> 4, (1007 & 15) << 4 | 794 & 15, 794 >> 4, 0, 45, 20, 120, -100, 26203,
    -5755, -48, 18,
)  # fmt: skip
_THIRD = bytes((46, 0, 0x10, 0, 0x13))
_TAKES_MS = 20
_NO_WORD = 0x80000
_NO_HUMIDITY = 0x8000
_20_BITS = (1 << 20) - 1
_16_BITS = (1 << 16) - 1
_10_BITS = (1 << 10) - 1
_VALID = 0x20
_HEATED = 0x10


class Model:
    """`variant`: 1 makes it a BME688. `heats`: whether the heater reaches its temperature."""

    def __init__(self, source, options):
        self._source = source
        self.address = options.get("address", 0x76)
        self.variant = 0
        self.heats = True
        self._registers = {}
        self._ready_ms = None
        self._data = bytes(17)

    def read_mem(self, register, n, now_ms):
        self._check(now_ms)
        if register == 0x1D:
            done = self._ready_ms is not None and now_ms >= self._ready_ms
            return (bytes((0x80 if done else 0x20,)) + self._data[1:])[:n]
        fixed = {0x8A: _FIRST, 0xE1: _SECOND, 0x00: _THIRD, 0xD0: b"\x61"}
        fixed[0xF0] = bytes((self.variant,))
        return (fixed.get(register) or bytes((self._registers.get(register, 0),)))[:n]

    def write_mem(self, register, data, now_ms):
        self._check(now_ms)
        self._registers[register] = data[0]
        if register == 0x74 and data[0] & 3 == 1:
            self._ready_ms = now_ms + _TAKES_MS + self._heating_ms()
            self._measure(now_ms)

    def read(self, n, now_ms):
        self._check(now_ms)
        return bytes(n)

    def write(self, data, now_ms):
        self._check(now_ms)

    def _check(self, now_ms):
        if self._source.value("temperature", now_ms) is None:
            self._ready_ms = None
            raise OSError(19)

    def _gas_runs(self):
        return self._registers.get(0x71, 0) & (0x20 if self.variant else 0x10)

    def _heating_ms(self):
        code = self._registers.get(0x64, 0)
        return (code & 63) << 2 * (code >> 6) if self._gas_runs() else 0

    def _measure(self, now_ms):
        words = bme680.calibration(_FIRST, _SECOND, _THIRD, self.variant)
        temperature, humidity, pressure, gas = [
            self._source.value(name, now_ms) for name, _, _ in bme680.CHANNELS
        ]
        raw_t = _search(lambda raw: _temperature(raw, words), temperature, _20_BITS, _NO_WORD)
        fine = bme680.fine_temperature(raw_t, words)
        raw_h, raw_p = _NO_HUMIDITY, _NO_WORD
        if humidity is not None:
            raw_h = _search(
                lambda raw: bme680.humidity_of(raw, temperature, words),
                humidity,
                _16_BITS,
                _NO_HUMIDITY,
            )
        if pressure is not None:
            # A higher word is a lower pressure.
            raw_p = _20_BITS - _search(
                lambda raw: bme680.pressure_of(_20_BITS - raw, fine, words),
                pressure,
                _20_BITS,
                _20_BITS - _NO_WORD,
            )
        data = bytearray(17)
        data[2:5] = struct.pack(">I", raw_p << 12)[:3]
        data[5:8] = struct.pack(">I", raw_t << 12)[:3]
        data[8:10] = struct.pack(">H", raw_h)
        if gas is not None and self._gas_runs():
            raw_g, step = _gas_word(gas, words)
            at = 15 if self.variant else 13
            data[at] = raw_g >> 2
            data[at + 1] = (raw_g & 3) << 6 | _VALID | (_HEATED if self.heats else 0) | step
        self._data = bytes(data)


def _temperature(raw, words):
    return (bme680.fine_temperature(raw, words) * 5 + 128) >> 8


def _gas_word(wanted, words):
    """Return (word, range) of the nearest resistance: the highest range in which it lies."""
    step = 15
    while step and bme680.gas_of(0, step, words) < wanted:
        step -= 1
    # A higher word is a lower resistance.
    above = _10_BITS - _search(
        lambda raw: bme680.gas_of(_10_BITS - raw, step, words), wanted, _10_BITS, -1
    )
    below = min(above + 1, _10_BITS)
    off = bme680.gas_of(above, step, words) - wanted
    return (below if wanted - bme680.gas_of(below, step, words) < off else above), step


def _search(formula, wanted, most, skipped):
    """Return the least raw word from which a rising `formula` gives at least `wanted`."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if formula(middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return low + (low == skipped)
