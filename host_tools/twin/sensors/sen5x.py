"""The SEN55's end of the bus; a SEN54 is one whose world has no NOx."""

from host_tools.twin.sensirion import Measuring, word

FACTS = {
    "sensor": "Sensirion SEN54, SEN55",
    "measures": "PM1, PM2.5, PM4, PM10 (laser scattering), humidity, temperature, VOC and NOx "
    "index (SEN54: no NOx)",
    "supply": "5 V, 70 mA (110 mA while it cleans)",
    "wiring": (
        ("VDD", "5 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
        ("SEL", "ground"),
    ),
    "life": "24 hours a day",
    "price": "€€€",
    "resolution": "0.1 µg/m³; 0.01 %RH; 0.01 °C; index 0.1",
    "distrust": (
        "PM4 and PM10 are computed from smaller particles: coarse dust is mostly missed.",
        "±(5 µg/m³ + 5 %) to 100 µg/m³, ±10 % above; PM4 and PM10 ±25 µg/m³, above ±25 %.",
        "The indices are no concentrations: they compare with the place's own last day, begin anew "
        "with every loss of power, and mean nothing in the first hours.",
        "It warms itself: temperature is right only in the housing it was characterised for.",
        "Once a week it cleans its fan for 10 s: the last values are repeated, flagged stale.",
        "NOx is unknown for 10 s after the start, and always in a SEN54.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    "source": "data sheet SEN5x version 2 (2022)",
}
_MASSES = ("pm1_0", "pm2_5", "pm4_0", "pm10")
SAYS = {name: (0, 65534) for name in _MASSES}
SAYS.update(humidity=(0, 10000), temperature=(-4500, 13000))
SAYS.update(voc_index=(0, 32766), nox_index=(0, 32766))
USUAL = {
    "pm1_0": (30, 150),
    "pm2_5": (40, 220),
    "pm4_0": (50, 280),
    "pm10": (50, 330),
    "voc_index": (500, 2200),
    "nox_index": (10, 60),
}
_UNKNOWN = 0xFFFF
_UNKNOWN_SIGNED = 0x7FFF
_NOX_AFTER_MS = 10500


def measured(value, t_ms, since):
    """Return eight words; `value(channel, t_ms)`: what is true; `t_ms` None: nothing yet."""
    if t_ms is None:
        return (_UNKNOWN,) * 4 + (_UNKNOWN_SIGNED,) * 4
    temperature = value("temperature", t_ms)
    nox = value("nox_index", t_ms) if t_ms - since > _NOX_AFTER_MS else None
    signed = (
        value("humidity", t_ms),
        None if temperature is None else 2 * temperature,
        value("voc_index", t_ms),
        nox,
    )
    masses = [word(value(name, t_ms), _UNKNOWN) for name in _MASSES]
    return tuple(masses) + tuple([word(value, _UNKNOWN_SIGNED) for value in signed])


class Model(Measuring):
    address = 0x69
    alive = "pm2_5"
    read_command = 0x03C4

    def __init__(self, source, options):
        super().__init__(source)

    def reading(self, t_ms):
        return measured(self._source.value, t_ms, self.since)

    def set(self, number, values):
        return None
