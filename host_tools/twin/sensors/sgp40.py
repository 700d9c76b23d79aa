"""The SGP40's end of the bus: self-test and the raw signal; `status`: of the self-test."""

from host_tools.twin.sensirion import Listener

FACTS = {
    "sensor": "Sensirion SGP40",
    "measures": "raw signal of VOC (heated metal oxide)",
    "supply": "3.3 V (1.7 to 3.6 V), 2.6 mA",
    "wiring": (
        ("VDD, VDDH", "3.3 V"),
        ("VSS", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
    ),
    "life": "10 years",
    "price": "€€",
    "resolution": "1 tick",
    "distrust": (
        "A raw signal is no concentration: it goes with the logarithm of a resistance, and VOC "
        "lowers it; compare a sensor with its own last hours only.",
        "voc_index is Sensirion's: 100 is the mean of the place's own last half day, so it "
        "compares no two places, and forgets what lasts. It begins anew with the node, and with "
        "every loss of the sensor's power; index_age says when (10080 min stand for a week and "
        "more). It is flagged warm_up for an hour. Sensirion tried its algorithm at 1 and 10 s "
        "only.",
        "The sensor is told 50 %RH and 25 °C, so it does not correct for the climate: keep a "
        "humidity sensor beside it, in the same stream.",
        "Within its limits it is after an hour; the flag warm_up ends after a minute.",
        "At each beginning it tests itself; when that fails, all its values are flagged "
        "sensor_error.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    "source": "data sheet SGP40, version 1.2 (2022)",
}
# In the driver's integers: a word of 16 bits.
SAYS = {"voc_raw": (0, 65535)}
USUAL = {"voc_raw": (27000, 33000)}


class Model(Listener):
    address = 0x59
    alive = "voc_raw"

    def __init__(self, source, options):
        super().__init__(source)
        self.status = 0xD400

    def obey(self, number, values, now_ms):
        if number == 0x280E and not values:
            return (self.status,), 320
        if number == 0x260F and len(values) == 2:
            return (self.value("voc_raw", now_ms, 0),), 30
        return None
