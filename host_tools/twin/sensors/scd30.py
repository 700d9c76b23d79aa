"""The SCD30's end of the bus; its settings survive a loss of power."""

import struct

from drivers import scd30
from host_tools.twin.sensirion import Measuring

FACTS = {
    "sensor": "Sensirion SCD30",
    "measures": "CO2 (infrared absorption), temperature, humidity",
    "supply": "3.3 to 5.5 V, 19 mA mean, 75 mA peak; signals 3.0 V",
    "wiring": (
        ("VDD", "3.3 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
        ("SEL", "ground"),
    ),
    "options": {
        "altitude_m": "of the place; 0 unless said",
        "pressure_hpa": "the usual air pressure there; overrides the altitude",
        "self_calibration": "1: it takes the lowest CO2 of a week for 400 ppm; 0 unless said",
    },
    "life": "24 hours a day",
    "price": "€€€",
    "resolution": "1 ppm; 0.01 °C; 0.01 %RH",
    "distrust": (
        "±(30 ppm + 3 %) from 400 to 10000 ppm.",
        "Without a pressure or an altitude the error is about 0.1 % for each hPa.",
        "Automatic self-calibration is off unless the option self_calibration is 1: it takes the "
        "lowest CO2 of a week for 400 ppm. Without it only the command calibrate corrects the "
        "drift. Console and health say how it is set.",
        "It warms itself: temperature reads high, humidity low.",
        "It holds the bus's clock for up to 30 ms, once a day for 150: a row may miss it then.",
        "All that hangs on its bus must do with 50 kHz.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    "source": "SCD30 Interface Description V1.0 (2020), data sheet V1.0",
}
SAYS = {"co2": (0, 40000), "temperature": (-4000, 12500), "humidity": (0, 10000)}
USUAL = {"co2": (405, 620)}


class Model(Measuring):
    address = 0x61
    alive = "co2"
    start = 0x0010
    starts_ms = 3
    stops_ms = 3

    def __init__(self, source, options):
        super().__init__(source)
        # As it comes from the factory.
        self.settings = {0x4600: 2, 0x5306: 0, 0x5102: 0}
        self.settings_written = 0
        self.pressure = None
        self.interval_ms = 2000
        # By how many ppm it was calibrated away from the truth.
        self.moved = 0

    def lose_power(self):
        """Forget nothing but what was measured: it goes on by itself."""
        self._answer = None

    def _begin(self, values, now_ms):
        if len(values) != 1 or not (values[0] == 0 or 700 <= values[0] <= 1400):
            return None
        self.pressure = values[0]
        return super()._begin(values, now_ms)

    def obey(self, number, values, now_ms):
        if number == 0x5204 and len(values) == 1:
            self.moved = values[0] - self.value("co2", now_ms, 0)
            return None, 3
        return super().obey(number, values, now_ms)

    def reading(self, t_ms):
        words = self.floats(scd30.CHANNELS, t_ms)
        if not self.moved or t_ms is None:
            return words
        co2 = float(self.value("co2", t_ms, 0) + self.moved)
        return struct.unpack(">HH", struct.pack(">f", co2)) + words[2:]

    def set(self, number, values):
        if number not in self.settings or len(values) > 1:
            return None
        if not values:
            return (self.settings[number],), 3
        self.settings[number] = values[0]
        self.settings_written += 1
        self.interval_ms = 1000 * self.settings[0x4600]
        return None, 3
