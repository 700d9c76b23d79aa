"""The bytes of a PMS5003, PMS7003 or PMSA003: commands of 7, answers of 8, readings of 32."""

import struct

from drivers import pms5003

FACTS = {
    "sensor": "Plantower PMS5003, PMS7003, PMSA003",
    "measures": "PM1, PM2.5, PM10 and particle counts (laser scattering)",
    "supply": "5 V, up to 100 mA awake, 0.2 mA asleep",
    "wiring": (
        ("VCC", "5 V"),
        ("GND", "ground"),
        ("TX (3.3 V)", "RX of a UART"),
        ("RX (3.3 V)", "TX of a UART"),
        ("SET, RESET", "open"),
    ),
    "options": {"mode": "passive: it is asked; active: it reports by itself; passive unless said"},
    "life": "mean time to failure, awake; it sleeps when the period is 60 s or more",
    "price": "€€",
    "resolution": "1 µg/m³; 1 particle in 0.1 l",
    "distrust": (
        "It counts water as dust: above 70 %RH it reads high.",
        "PM10 and the counts above 2.5 µm are computed from smaller particles, hardly measured.",
        "Accuracy is ±10 µg/m³ to 100 µg/m³, ±10 % above.",
        "Below some 30 µg/m³ the values and those called standard are equal.",
        "In calm air a reading is repeated for 2.3 s.",
        "The 16-bit sum finds every single flipped bit; two that cancel each other pass.",
        "An error code that the sensor reports marks all its values; no data sheet explains it.",
    ),
    "source": "data sheets PMS5003 V2.3 (2016), PMS7003 V2.5 (2016)",
}
# In the driver's integers: a word of 16 bits.
SAYS = {name: (0, 65535) for name, _, _ in pms5003.CHANNELS}
USUAL = {
    "pm1_0": (1, 15),
    "pm2_5": (3, 30),
    "pm10": (5, 45),
    "pm1_0_standard": (1, 15),
    "pm2_5_standard": (3, 30),
    "pm10_standard": (5, 48),
    "n_over_0_3": (300, 3000),
    "n_over_0_5": (90, 900),
    "n_over_1_0": (15, 150),
    "n_over_2_5": (2, 20),
    "n_over_5_0": (0, 6),
    "n_over_10": (0, 3),
}
_VERSION = 0x97
_ANSWERS_AFTER_MS = 40
_REPORTS_EVERY_MS = 2300
_ATMOSPHERE = ("pm1_0", "pm2_5", "pm10")
_COUNTS = [name for name, _, _ in pms5003.CHANNELS[6:]]


def reading(source, now_ms, error=0):
    """Return the frame of 32 bytes, None when the sensor is silent.

    What a recording leaves out follows from its PM2.5.
    """
    fine = source.value("pm2_5", now_ms)
    if fine is None:
        return None
    masses = [_or(source.value(name, now_ms), fine) for name in _ATMOSPHERE]
    standard = [
        _or(source.value(name + "_standard", now_ms), mass)
        for name, mass in zip(_ATMOSPHERE, masses)
    ]
    counts = [_or(source.value(name, now_ms), 0) for name in _COUNTS]
    words = standard + masses + counts + [_VERSION << 8 | error]
    return framed(struct.pack(">13H", *words))


def framed(body):
    """Return a frame with head, length and sum around its body."""
    frame = b"\x42\x4d" + struct.pack(">H", len(body) + 2) + body
    return frame + struct.pack(">H", sum(frame))


def _or(value, other):
    return other if value is None else value


class Model:
    def __init__(self, source, options):
        self._source = source
        self._out = []
        self._active = True
        self._awake = True
        self._next_report = None
        self.error = 0

    def write(self, data, now_ms):
        if len(data) != 7 or data[:2] != b"\x42\x4d" or self._source.value("pm2_5", now_ms) is None:
            return
        if sum(data[:5]) != struct.unpack(">H", data[5:])[0]:
            return
        number, value = data[2], data[4]
        if number == 0xE4 and value:
            # One that wakes is as after power-on.
            self._awake = self._active = True
            self._next_report = None
        elif not self._awake:
            return
        elif number == 0xE2 and not self._active:
            self._send(reading(self._source, now_ms, self.error), now_ms)
        elif number in (0xE1, 0xE4):
            self._active = number == 0xE1 and value == 1
            self._awake = number == 0xE1
            self._send(framed(bytes((number, value))), now_ms)

    def _send(self, frame, now_ms):
        self._out.append((now_ms + _ANSWERS_AFTER_MS, frame))

    def pending(self, now_ms):
        """Return the bytes that have arrived by now."""
        if self._active and self._awake:
            if self._next_report is None:
                self._next_report = now_ms + _REPORTS_EVERY_MS
            frame = reading(self._source, now_ms, self.error)
            if now_ms >= self._next_report and frame:
                self._next_report = now_ms + _REPORTS_EVERY_MS
                self._out.append((now_ms, frame))
        data = b""
        while self._out and self._out[0][0] <= now_ms:
            data += self._out.pop(0)[1]
        return data
