"""The SEN66's end of the bus: a SEN55's, with CO2 and its settings."""

from host_tools.twin.sensirion import Measuring, word
from host_tools.twin.sensors import sen5x

FACTS = dict(
    sen5x.FACTS,
    sensor="Sensirion SEN66",
    measures="PM1, PM2.5, PM4, PM10 (laser scattering), humidity, temperature, VOC and NOx index, "
    "CO2 (photoacoustic)",
    supply="3.3 V, 90 mA mean, 350 mA peak",
    wiring=(
        ("VDD", "3.3 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
    ),
    options={
        "altitude_m": "of the place; 0 unless said",
        "pressure_hpa": "the usual air pressure there; overrides the altitude",
        "self_calibration": "1: it takes the lowest CO2 of a week for 400 ppm; 0 unless said",
    },
    resolution="0.1 µg/m³; 0.01 %RH; 0.01 °C; index 0.1; 1 ppm",
    distrust=(
        "PM4 and PM10 are computed from smaller particles: coarse dust is mostly missed.",
        "±(5 µg/m³ + 5 %) to 100 µg/m³, ±10 % above; PM4 and PM10 ±25 µg/m³, above ±25 %.",
        "CO2: ±(50 ppm + 2.5 %) to 1000 ppm; without a pressure or an altitude about 0.1 % more "
        "for each hPa. Automatic self-calibration is off unless the option is 1; the command "
        "calibrate takes what it sees for so many ppm. Console and health say how it is set.",
        "The indices are no concentrations: they compare with the place's own last day, begin anew "
        "with every loss of power, and mean nothing in the first hours.",
        "It warms itself: temperature is right only in the housing it was characterised for.",
        "Unlike a SEN5x it does not clean its fan by itself, and nobody tells it to.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    source="data sheet SEN6x (2024)",
)
SAYS = dict(sen5x.SAYS, co2=(0, 65534))
USUAL = dict(sen5x.USUAL, co2=(405, 620))


class Model(Measuring):
    address = 0x6B
    alive = "pm2_5"
    stops_ms = 1000

    def __init__(self, source, options):
        super().__init__(source)
        # As it is after every loss of power.
        self.settings = {0x6711: 1, 0x6720: 1013, 0x6736: 0}
        # By how many ppm it was calibrated away from the truth; kept without power.
        self.moved = 0

    def lose_power(self):
        moved = self.moved
        super().lose_power()
        self.moved = moved

    def reading(self, t_ms):
        eight = sen5x.measured(self._source.value, t_ms, self.since)
        co2 = None
        if t_ms is not None and t_ms - self.since > 5500:
            co2 = self._sees(t_ms)
        return eight + (word(co2, 0xFFFF),)

    def obey(self, number, values, now_ms):
        if number == 0x6707 and len(values) == 1:
            sees = self._sees(now_ms)
            if self.since is not None or sees is None:
                return None
            self.moved += values[0] - sees
            return (0x8000 + values[0] - sees,), 500
        return super().obey(number, values, now_ms)

    def _sees(self, t_ms):
        co2 = self._source.value("co2", t_ms)
        return None if co2 is None else co2 + self.moved

    def set(self, number, values):
        if number not in self.settings or len(values) != 1:
            return None
        # Only the pressure can be told to one that measures.
        if self.since is not None and number != 0x6720:
            return None
        self.settings[number] = values[0]
        return None, 20
