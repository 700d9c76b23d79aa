"""The bytes of an SHT4x: one command, two words that are not there before it has measured."""

from gateway import sensirion

FACTS = {
    "sensor": "Sensirion SHT40, SHT41, SHT43, SHT45",
    "measures": "temperature, humidity",
    "supply": "3.3 V (1.08 to 3.6 V), 0.4 mA while it measures",
    "wiring": (
        ("VDD", "3.3 V"),
        ("VSS", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
    ),
    "options": {"address": "68 (0x44), 69, 70: types A, B, C; 68 unless said"},
    "life": "no limit stated",
    "price": "€",
    "resolution": "0.01 °C, 0.01 %RH",
    "distrust": (
        "Accuracy is ±0.2 °C and ±1.8 %RH (SHT40) to ±0.1 °C and ±1 %RH (SHT45).",
        "In fog and dew it may say up to 119 %RH: kept as said, and flagged out of range.",
        "After days above 80 %RH it reads some %RH high until it has dried; vapours of glue and "
        "solvents shift it too. Its heater is never switched on.",
        "Each word has a CRC-8: every single flipped bit is refused.",
        "An SHT3x in its place answers to another command and is silent here.",
    ),
    "source": "data sheet SHT4x, version 6 (2023)",
}
# In the driver's integers: what two words can say.
SAYS = {"temperature": (-4500, 13000), "humidity": (-600, 11900)}
USUAL = {"temperature": (200, 2600), "humidity": (3500, 9500)}


class Model:
    """`_MEASURE`, `_TAKES_MS`, `_words`: what is particular to the type."""

    _MEASURE = b"\xfd"
    _TAKES_MS = 8

    def __init__(self, source, options):
        self._source = source
        self.address = options.get("address", 0x44)
        self._ready_ms = None
        self._data = b""

    def write(self, data, now_ms):
        self._check(now_ms)
        if data != self._MEASURE:
            raise OSError(19)
        self._ready_ms = now_ms + self._TAKES_MS
        temperature = self._source.value("temperature", now_ms)
        humidity = self._source.value("humidity", now_ms)
        self._data = sensirion.packed(self._raw(temperature, humidity or 0))

    def read(self, n, now_ms):
        self._check(now_ms)
        if self._ready_ms is None or now_ms < self._ready_ms:
            raise OSError(19)
        self._ready_ms = None
        return (self._data + b"\xff" * n)[:n]

    def read_mem(self, register, n, now_ms):
        self.write(bytes((register,)), now_ms)
        return self.read(n, now_ms)

    def write_mem(self, register, data, now_ms):
        self.write(bytes((register,)) + data, now_ms)

    def _check(self, now_ms):
        if self._source.value("temperature", now_ms) is None:
            raise OSError(19)

    def _raw(self, temperature, humidity):
        """Return the words of which the driver makes these values."""
        return rounded((temperature + 4500) * 13107, 3500), rounded((humidity + 600) * 13107, 2500)


def rounded(a, b):
    """Return a / b as a whole number."""
    return (2 * a + b) // (2 * b)
