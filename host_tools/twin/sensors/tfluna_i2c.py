"""A TF-Luna's registers, or a TFmini-S's answers, on I2C: what the lidar sees just now."""

from host_tools.twin import passing
from host_tools.twin.sensors import tfluna

FACTS = {
    "sensor": "Benewake TF-Luna, TFmini-S",
    "measures": "vehicles, occupancy, headway (lidar beam across a lane)",
    "supply": "5 V (TF-Luna 3.7 to 5.2 V), 70 mA",
    "wiring": (
        ("5V", "5 V"),
        ("GND", "ground"),
        ("RXD/SDA (3.3 V)", "SDA, 4.7 kΩ to 3.3 V"),
        ("TXD/SCL (3.3 V)", "SCL, 4.7 kΩ to 3.3 V"),
        ("pin 5 of a TF-Luna", "ground, before it gets power"),
    ),
    "options": {
        "model": "tf_luna, which has registers, or tfmini_s, which is asked; tf_luna unless said",
        "address": "16 (0x10) unless said; both can be told another",
        "margin_cm": "so much nearer than the background is a vehicle; 60 unless said",
    },
    "life": "no limit stated; laser class 1",
    "price": "€€",
    "resolution": "1 vehicle, 0.1 %, 0.1 s; distances 1 cm to ±6 cm, 50 a second",
    "distrust": (
        "A distance that nobody fetches is gone: while the node is busy for long (TLS, some "
        "seconds) vehicles are missed, and `coverage` is shorter by that. On a UART (tfluna) "
        "they wait; take I²C where no UART is left.",
        "All that is said of tfluna: range, background, gaps below 0.12 s, who counts.",
        "A TFmini-S comes set to UART: the frame 5A 05 0A 01 6A and 5A 04 11 6F, sent there once, "
        "change that.",
        "A TF-Luna's registers have no checksum: a flipped bit passes, but for one that makes "
        "more than 13 m or a temperature that cannot be. Two distances in a row must say the "
        "same before a vehicle is one. A TFmini-S's frame has a sum of 8 bits: every single "
        "flipped bit is refused.",
    ),
    "source": "Benewake SJ-PM-TF-Luna A05, SJ-PM-TFmini-S A05",
}
SAYS = passing.SAYS
_NOBODY = 19
_REFUSED = 5
_ASK = b"\x5a\x05\x00\x01\x60"
_DEGC_25 = b"\xc4\x09"


class Model(tfluna.Model):
    def __init__(self, source, options):
        tfluna.Model.__init__(self, source, options)
        self.address = options.get("address", 0x10)
        self._asked = options.get("model") == "tfmini_s"
        self._answer = None
        # Whether it is plugged in.
        self.there = True
        self.told = []

    def _look(self, now_ms):
        if not self.there:
            raise OSError(_NOBODY)
        return self.latest(now_ms)

    def write(self, data, now_ms):
        """Take a command frame."""
        frame = self._look(now_ms)
        if not self._asked:
            raise OSError(_REFUSED)
        self.told.append(data)
        self._answer = frame if data == _ASK else None

    def read(self, n, now_ms):
        """Return the answer to the last question."""
        self._look(now_ms)
        if self._answer is None:
            raise OSError(_REFUSED)
        answer, self._answer = self._answer, None
        return (answer + b"\xff" * n)[:n]

    def read_mem(self, register, n, now_ms):
        """Return what its registers hold, from DIST_LOW on."""
        frame = self._look(now_ms)
        if self._asked:
            raise OSError(_REFUSED)
        return (frame[2:6] + _DEGC_25 + bytes(16))[register : register + n]

    def write_mem(self, register, data, now_ms):
        """Set registers."""
        self._look(now_ms)
        self.told.append((register, data))
