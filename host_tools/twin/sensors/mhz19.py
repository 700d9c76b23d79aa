"""The MH-Z19B's bytes: commands of 9, and 9 for an answer to the one that reads."""

FACTS = {
    "sensor": "Winsen MH-Z19B, MH-Z19C",
    "measures": "CO2 (infrared absorption)",
    "supply": "5 V (C: 4.9 to 5.1), 40 to 60 mA mean, 150 mA peak",
    "wiring": (
        ("Vin", "5 V"),
        ("GND", "ground"),
        ("Tx (3.3 V)", "RX of a UART"),
        ("Rx (3.3 V)", "TX of a UART"),
        ("Hd, PWM", "open"),
    ),
    "options": {
        "range_ppm": "its measuring range; 5000 unless said",
        "self_calibration": "1: it takes the lowest CO2 of a day for 400 ppm; 0 unless said",
    },
    "life": "and more, all of it on",
    "price": "€€",
    "resolution": "1 ppm; 1 °C",
    "distrust": (
        "±(50 ppm + 5 %) after the warm-up, three minutes (B) or one (C); before, it says some "
        "400 ppm whatever there is.",
        "Automatic self-calibration is off unless the option self_calibration is 1. Without it "
        "only the command calibrate corrects the drift, in air of 400 ppm. Console and health say "
        "how it is set.",
        "It knows nothing of the pressure: about 0.1 % for each hPa, 12 % at 1000 m.",
        "temperature_inside is in no manual, and is the sensor's own: no air temperature.",
        "Copies are sold under its name; they read hundreds of ppm too high.",
        "An answer has an 8-bit sum: every single flipped bit is refused, one in 256 heavier "
        "errors is not.",
    ),
    "source": "user's manuals MH-Z19B V1.6 (2020), MH-Z19C V1.2 (2021)",
}
SAYS = {"co2": (0, 65535), "temperature_inside": (-39, 215)}
USUAL = {"co2": (405, 620), "temperature_inside": (12, 34)}
_ANSWERS_AFTER_MS = 15
_INSIDE = 25


class Model:
    def __init__(self, source, options):
        self._source = source
        self._out = []
        # As it comes from the factory.
        self.calibrates = True
        # By how many ppm it was calibrated away from the truth; kept without power.
        self.moved = 0
        self.range_ppm = 2000

    def write(self, data, now_ms):
        co2 = self._source.value("co2", now_ms)
        if co2 is None:
            moved = self.moved
            self.__init__(self._source, {})
            self.moved = moved
            return
        sees = co2 + self.moved
        if len(data) != 9 or data[:2] != b"\xff\x01" or data[8] != _sum(data):
            return
        number = data[2]
        if number == 0x79:
            self.calibrates = data[3] == 0xA0
        elif number == 0x99:
            self.range_ppm = data[6] << 8 | data[7]
        elif number == 0x87:
            self.moved += 400 - sees
        elif number == 0x86:
            inside = self._source.value("temperature_inside", now_ms)
            inside = (_INSIDE if inside is None else inside) + 40
            answer = bytes((0xFF, 0x86, sees >> 8, sees & 0xFF, inside, 0, 0, 0))
            self._out.append((now_ms + _ANSWERS_AFTER_MS, answer + bytes((_sum(answer),))))

    def pending(self, now_ms):
        """Return the bytes that have arrived by now."""
        data = b""
        while self._out and self._out[0][0] <= now_ms:
            data += self._out.pop(0)[1]
        return data


def _sum(frame):
    return (0x100 - sum(frame[1:8]) % 0x100) % 0x100
