"""The bytes of an SHT3x-DIS: like those of an SHT4x, after a command of two bytes."""

from host_tools.twin.sensors import sht4x

FACTS = {
    "sensor": "Sensirion SHT30, SHT31, SHT35",
    "measures": "temperature, humidity",
    "supply": "3.3 V (2.15 to 5.5 V), 1.5 mA while it measures",
    "wiring": (
        ("VDD", "3.3 V"),
        ("VSS", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
        ("ADDR", "ground: 0x44; 3.3 V: 0x45"),
        ("nRESET", "3.3 V"),
        ("ALERT", "open"),
    ),
    "options": {"address": "68 (0x44) or 69 (0x45); 68 unless said"},
    "life": "no limit stated",
    "price": "€",
    "resolution": "0.01 °C, 0.01 %RH",
    "distrust": (
        "Accuracy is ±0.2 °C and ±2 %RH (SHT30, SHT31) to ±0.1 °C and ±1.5 %RH (SHT35).",
        "After days above 80 %RH it reads up to 3 %RH high until it has dried; vapours of glue "
        "and solvents shift it too. Its heater is never switched on.",
        "Each word has a CRC-8: every single flipped bit is refused.",
        "An SHT4x in its place answers to another command and is silent here.",
    ),
    "source": "data sheet SHT3x-DIS, version 7 (2022)",
}
# In the driver's integers: what two words can say.
SAYS = {"temperature": (-4500, 13000), "humidity": (0, 10000)}
USUAL = sht4x.USUAL


class Model(sht4x.Model):
    _MEASURE = b"\x24\x00"
    _TAKES_MS = 15

    def _raw(self, temperature, humidity):
        return (
            sht4x.rounded((temperature + 4500) * 13107, 3500),
            sht4x.rounded(humidity * 13107, 2000),
        )
