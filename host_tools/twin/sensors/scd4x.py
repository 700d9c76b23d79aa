"""The SCD41's end of the bus: idle or measuring, settings only when idle, each reading once."""

from host_tools.twin.sensirion import Listener

FACTS = {
    "sensor": "Sensirion SCD40, SCD41",
    "measures": "CO2 (photoacoustic), temperature, humidity",
    "supply": "2.4 to 5.5 V, 15 mA mean (low power 3.2 mA), 205 mA peak at 3.3 V",
    "wiring": (
        ("VDD", "3.3 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
    ),
    "options": {
        "altitude_m": "of the place; 0 unless said",
        "pressure_hpa": "the usual air pressure there; overrides the altitude",
        "self_calibration": "1: it takes the lowest CO2 of a week for 400 ppm; 0 unless said",
        "mode": "periodic: every 5 s; low_power: every 30 s; single (SCD41): when it is asked",
    },
    "life": "10 years",
    "price": "€€€",
    "resolution": "1 ppm; 0.01 °C; 0.01 %RH",
    "distrust": (
        "SCD40: ±(50 ppm + 5 %) from 400 to 2000 ppm; SCD41: ±(40 ppm + 5 %) to 5000. Outdoor "
        "differences of 20 ppm are trends at best.",
        "Without a pressure or an altitude the error is about 0.1 % for each hPa.",
        "Automatic self-calibration is off unless the option self_calibration is 1: it takes the "
        "lowest CO2 of a week for 400 ppm. Without it only the command calibrate corrects the "
        "drift. Console and health say how it is set.",
        "Temperature is that of the housing less 4 °C (the sensor's own default offset), and "
        "humidity follows from it.",
        "mode single (SCD41 only): a reading takes 5 s; the first after a start is flagged.",
        "mode low_power: a value is new every 30 s; between, the last one is flagged stale.",
        "Each word has a CRC-8: every single flipped bit is refused.",
    ),
    "source": "data sheet SCD4x V1.6 (2025)",
}
SAYS = {"co2": (0, 40000), "temperature": (-4500, 13000), "humidity": (0, 10000)}
USUAL = {"co2": (405, 620)}
_TEMPERATURE = 2000
_HUMIDITY = 5000
_INTERVALS = {0x21B1: 5000, 0x21AC: 30000}


class Model(Listener):
    address = 0x62
    alive = "co2"

    def __init__(self, source, options):
        super().__init__(source)
        # As it comes from the factory.
        self.settings = {0x2416: 1, 0x2427: 0, 0xE000: 1013}
        self._interval = None
        self._since = 0
        self._seen = 0
        self._ready = None
        # By how many ppm it was calibrated away from the truth; kept without power.
        self.moved = 0

    def lose_power(self):
        moved = self.moved
        super().lose_power()
        self.moved = moved

    def obey(self, number, values, now_ms):
        self._measure(now_ms)
        if number == 0xE4B8:
            return (0x8000 if self._ready is None else 0x8006,), 1
        if number == 0xEC05:
            ready, self._ready = self._ready, None
            return ready and (ready, 1)
        if number == 0x3F86:
            self._interval = None
            return None, 500
        if number == 0xE000 and len(values) == 1:
            self.settings[number] = values[0]
            return None, 1
        return None if self._interval else self._idle(number, values, now_ms)

    def _idle(self, number, values, now_ms):
        """Obey what is obeyed only while nothing is measured."""
        if number in _INTERVALS:
            self._interval, self._since, self._seen = _INTERVALS[number], now_ms, 0
            self._ready = None
            return None, 1
        if number == 0x219D:
            self._ready = self._reading(now_ms + 4000)
            return None, 5000
        if number == 0x362F and len(values) == 1:
            sees = self._reading(now_ms)[0]
            self.moved += values[0] - sees
            return (0x8000 + values[0] - sees,), 400
        if number in self.settings and len(values) == 1:
            self.settings[number] = values[0]
            return None, 1
        return None

    def _measure(self, now_ms):
        """Have what was measured by now."""
        if self._interval:
            count = (now_ms - self._since) // self._interval
            if count > self._seen:
                self._seen = count
                self._ready = self._reading(self._since + count * self._interval)

    def _reading(self, t_ms):
        temperature = self.value("temperature", t_ms, _TEMPERATURE)
        humidity = self.value("humidity", t_ms, _HUMIDITY)
        return (
            self.value("co2", t_ms, 0) + self.moved,
            ((temperature + 4500) * 13107 + 1750) // 3500,
            (humidity * 13107 + 1000) // 2000,
        )
