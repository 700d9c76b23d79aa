"""The SPS30's end of the bus, in its format of floats; firmware 2.3."""

from drivers import sps30
from host_tools.twin.sensirion import Measuring

FACTS = {
    "sensor": "Sensirion SPS30",
    "measures": "PM1, PM2.5, PM4, PM10, particle numbers and typical size (laser scattering)",
    "supply": "5 V, 55 mA (80 mA while it starts)",
    "wiring": (
        ("VDD", "5 V"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
        ("SEL", "ground"),
        ("GND", "ground"),
    ),
    "options": {
        "clean_every_h": "hours between the fan's cleanings, 0: never; 168 unless said",
        "clean_at_start": "1: it cleans its fan whenever it is started; 0 unless said",
    },
    "life": "24 hours a day",
    "price": "€€€",
    "resolution": "0.1 µg/m³; 0.1 particles in 1 cm³; 0.01 µm",
    "distrust": (
        "PM4 and PM10 are computed from smaller particles: coarse dust is mostly missed.",
        "±10 µg/m³ to 100 µg/m³, ±10 % above; PM4 and PM10 ±25 µg/m³, above ±25 %.",
        "While it cleans its fan, for 10 s, the last values are repeated, flagged stale. Each loss "
        "of power begins the count of the hours anew.",
        "I2C serves cables of up to 20 cm.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    "source": "data sheet SPS30 V1.0 (2020)",
}
# A float could say more; that is as good as it needs to be.
SAYS = {name: (0, 1000000) for name, _, _ in sps30.CHANNELS}
USUAL = {
    "pm1_0": (30, 150),
    "pm2_5": (40, 220),
    "pm4_0": (50, 280),
    "pm10": (50, 330),
    "n_under_0_5": (150, 900),
    "n_under_1_0": (200, 1200),
    "n_under_2_5": (210, 1250),
    "n_under_4_0": (210, 1260),
    "n_under_10": (210, 1270),
    "typical_size": (40, 90),
}
_WEEK = (9, 14976)


class Model(Measuring):
    address = 0x69
    alive = "pm2_5"
    start = 0x0010
    starts_ms = stops_ms = 20

    def __init__(self, source, options):
        super().__init__(source)
        self.interval = _WEEK
        self.intervals_written = 0
        self.cleaned = 0
        self.version = 0x0203

    def lose_power(self):
        interval = self.interval
        super().lose_power()
        self.interval = interval

    def obey(self, number, values, now_ms):
        if number == self.start and values != (0x0300,):
            return None
        if number == 0xD206 and self.version < 0x0202:
            return None
        done = super().obey(number, values, now_ms)
        return (None, 5) if number == 0xD210 else done

    def reading(self, t_ms):
        return self.floats(sps30.CHANNELS, t_ms)

    def set(self, number, values):
        if number == 0xD100:
            return (self.version,), 5
        if number == 0x8004:
            if len(values) == 2:
                self.interval = values
                self.intervals_written += 1
            return (None if values else self.interval), 20
        if number == 0x5607 and self.since is not None:
            self.cleaned += 1
            return None, 5
        return None
