"""The BME280's registers: raw words from which the data sheet's formulas give the wanted values.

For each wanted value the raw word is looked for in which the driver's own compensation ends. Real
parts step over some values; the calibration here is a finer one, with which, from -20 to 50 degC,
every 0.01 degC and 0.01 %RH and every Pa from 900 to 1080 hPa is met exactly.
"""

import struct

from drivers import bme280

FACTS = {
    "sensor": "Bosch BME280",
    "measures": "temperature, humidity, pressure",
    "supply": "3.3 V, below 1 mA",
    "wiring": (
        ("VIN", "3.3 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
        ("SDO", "ground: 0x76; 3.3 V: 0x77"),
        ("CSB", "3.3 V"),
    ),
    "options": {"address": "118 (0x76) or 119 (0x77); 118 unless said"},
    "life": "no limit stated",
    "price": "€",
    "resolution": "0.01 °C, 0.008 %RH, 0.2 Pa",
    "distrust": (
        "It takes one sample when asked, then it sleeps, so it does not warm itself. In a "
        "housing it measures the housing: keep it away from the ESP32 and the radar, in the "
        "shade.",
        "Accuracy is ±1 °C, ±3 %RH, ±1 hPa. The second decimal is resolution only.",
        "Pressure is that of the place, not reduced to sea level.",
        "The compensation is the data sheet's in 32-bit integers: in its example 100656 Pa, "
        "where the 64-bit one gives 100653.",
        "A BMP280 (chip id 0x58) in its place is refused by name: it has no humidity.",
        "Its registers carry no checksum: a bit that flips on the wires passes. The calibration is "
        "read twice and must be the same.",
        "After any failure on the bus the calibration is read anew: another sensor may hang "
        "there now.",
    ),
    "source": "BST-BME280-DS002",
}
_WORDS = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 1000)
_HUMID = (75, 190, 0, 313, 50, 30)
_CALIBRATION = _WORDS + _HUMID
# Words that mean "not measured". Each value has three words and more: the next one serves.
_NO_WORD = 0x80000
_NO_HUMIDITY = 0x8000
_MEASURES_MS = 9
_20_BITS = (1 << 20) - 1
_16_BITS = (1 << 16) - 1


class Model:
    def __init__(self, source, options):
        self._source = source
        self.address = options.get("address", 0x76)
        self._busy_until = 0
        self._last = None
        self._data = b"\x80\0\0\x80\0\0\x80\0"
        self._registers = {0xD0: 0x60, 0xF2: 0, 0xF4: 0}

    def read_mem(self, register, n, now_ms):
        self._check(now_ms)
        if register == 0x88:
            h1 = _HUMID[0]
            return (struct.pack("<HhhHhhhhhhhh", *_WORDS) + bytes((0, h1)))[:n]
        if register == 0xE1:
            _, h2, h3, h4, h5, h6 = _HUMID
            return struct.pack("<hBbBbb", h2, h3, h4 >> 4, h4 & 15 | (h5 & 15) << 4, h5 >> 4, h6)
        if register == 0xF3:
            return b"\x08" if now_ms < self._busy_until else b"\0"
        if register == 0xF7:
            return self._data
        return bytes((self._registers.get(register, 0),))

    def write_mem(self, register, data, now_ms):
        self._check(now_ms)
        self._registers[register] = data[0]
        if register == 0xF4 and data[0] & 3:
            self._busy_until = now_ms + _MEASURES_MS
            self._measure(now_ms)

    def read(self, n, now_ms):
        self._check(now_ms)
        return bytes(n)

    def write(self, data, now_ms):
        self._check(now_ms)

    def _check(self, now_ms):
        if self._source.value("temperature", now_ms) is None:
            raise OSError(19)

    def _measure(self, now_ms):
        wanted = [self._source.value(name, now_ms) for name, _, _ in bme280.CHANNELS]
        if wanted == self._last:
            return
        self._last = wanted
        words = _CALIBRATION
        temperature, humidity, pressure = wanted
        raw_t = _search(_temperature, temperature, _20_BITS, _NO_WORD)
        fine = bme280.fine_temperature(raw_t, words)
        raw_h, raw_p = _NO_HUMIDITY, _NO_WORD
        if humidity is not None:
            raw_h = _search(
                lambda raw: bme280.humidity_of(raw, fine, words), humidity, _16_BITS, _NO_HUMIDITY
            )
        if pressure is not None:
            # A higher word is a lower pressure.
            raw_p = _20_BITS - _search(
                lambda raw: bme280.pressure_of(_20_BITS - raw, fine, words),
                pressure,
                _20_BITS,
                _20_BITS - _NO_WORD,
            )
        self._data = bytes(
            (
                raw_p >> 12 & 0xFF,
                raw_p >> 4 & 0xFF,
                (raw_p & 15) << 4,
                raw_t >> 12 & 0xFF,
                raw_t >> 4 & 0xFF,
                (raw_t & 15) << 4,
                raw_h >> 8,
                raw_h & 0xFF,
            )
        )


def _temperature(raw):
    return (bme280.fine_temperature(raw, _CALIBRATION) * 5 + 128) >> 8


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
