"""The SGP41's end of the bus: self-test, conditioning, raw signals; `status`: of the self-test."""

from host_tools.twin.sensirion import Listener

FACTS = {
    "sensor": "Sensirion SGP41",
    "measures": "raw signals of VOC and NOx (two heated metal oxides)",
    "supply": "3.3 V (1.7 to 3.6 V), 3 mA, 4.5 mA peak",
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
        "A raw signal is no concentration: it goes with the logarithm of a resistance. VOC lowers "
        "voc_raw, NOx raises nox_raw; compare a sensor with its own last hours only.",
        "voc_index and nox_index are Sensirion's: 100 and 1 are the mean of the place's own last "
        "half day, so they compare no two places, and forget what lasts. They begin anew with the "
        "node, and with every loss of the sensor's power; index_age says when (10080 min stand for "
        "a week and more). They are flagged warm_up for one hour and for six. Sensirion tried its "
        "algorithm at 1 and 10 s only.",
        "The sensor is told 50 %RH and 25 °C, so it does not correct for the climate: keep a "
        "humidity sensor beside it, in the same stream.",
        "After power-on it is conditioned for 10 s, so the first row may go without it. Within "
        "its limits it is after an hour (VOC) and after six (NOx); the flag warm_up ends after "
        "five minutes.",
        "At each beginning it tests itself; when that fails, all its values are flagged "
        "sensor_error.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    "source": "data sheet SGP41, version 1.0 (2022)",
}
# In the driver's integers: a word of 16 bits.
SAYS = {"voc_raw": (0, 65535), "nox_raw": (0, 65535)}
USUAL = {"voc_raw": (27000, 33000), "nox_raw": (15500, 18500)}


class Model(Listener):
    address = 0x59
    alive = "voc_raw"

    def __init__(self, source, options):
        super().__init__(source)
        self.status = 0xD400
        # From when to when it was conditioned.
        self.conditioned = [0, 0]

    def obey(self, number, values, now_ms):
        if number == 0x280E and not values:
            return (self.status,), 320
        if len(values) != 2:
            return None
        if number == 0x2612:
            self.conditioned = [now_ms, 0]
            return (self.value("voc_raw", now_ms, 0),), 50
        if number == 0x2619:
            if not self.conditioned[1]:
                self.conditioned[1] = now_ms
            return (
                self.value("voc_raw", now_ms, 0),
                self.value("nox_raw", now_ms, 0),
            ), 50
        return None
