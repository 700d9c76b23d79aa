"""The SDS011's bytes: commands of 19, answers and readings of 10 (control protocol V1.3)."""

FACTS = {
    "sensor": "Nova SDS011",
    "measures": "PM2.5, PM10 (laser scattering)",
    "supply": "5 V, up to 100 mA awake, 2 mA asleep",
    "wiring": (
        ("5V", "5 V"),
        ("GND", "ground"),
        ("TXD (3.3 V)", "RX of a UART"),
        ("RXD (3.3 V)", "TX of a UART"),
    ),
    "life": "of the laser",
    "price": "€€",
    "resolution": "0.1 µg/m³; particles from 0.3 µm",
    "distrust": (
        "At a period of 60 s and more the sampler lets fan and laser sleep and wakes them 30 "
        "s before each reading. Read every 150 s it lasts four and a half years, awake all "
        "the time eleven months. The node counts its hours awake, keeps them over reboots, and "
        "says them in health; `kista doctor` says when they are up. The command hours begins a new "
        "count.",
        "It counts water as dust: valid to 70 %RH. Put a humidity sensor beside it and keep "
        "both series.",
        "PM10 is extrapolated from small particles: coarse dust (sand, pollen) is mostly missed.",
        "Values beyond 999.9 do occur in archives (1999.9).",
        'The driver sets "answer when asked" and "no working period of your own". The sensor '
        "remembers both without power.",
        "A frame has an 8-bit sum: every single flipped bit is refused, one in 256 heavier "
        "errors is not.",
    ),
    "source": "Laser Dust Sensor Control Protocol V1.3",
}
# What a recording may hold, by channel, in the driver's integers: a word of 16 bits.
SAYS = {"pm2_5": (0, 65535), "pm10": (0, 65535)}
_ID = b"\xa1\x60"
_ANSWER_AFTER_MS = 8
_REPORT_MS = 1000


class Model:
    def __init__(self, source, options):
        self._source = source
        self._out = []
        self._active = True
        self._working = True
        self._next_report = None

    def write(self, data, now_ms):
        if not self._alive(now_ms) or len(data) != 19 or data[:2] != b"\xaa\xb4":
            return
        if sum(data[2:17]) & 0xFF != data[17] or data[18] != 0xAB:
            return
        number, change, value = data[2], data[3], data[4]
        if number == 4:
            if self._working:
                self._send(self._reading(now_ms), now_ms)
            return
        if number == 2 and change:
            self._active = value == 0
        if number == 6 and change:
            self._working = value == 1
        self._send(_frame(0xC5, bytes((number, change, value, 0))), now_ms)

    def _alive(self, now_ms):
        return self._source.value("pm2_5", now_ms) is not None

    def _reading(self, now_ms):
        fine = self._source.value("pm2_5", now_ms)
        coarse = self._source.value("pm10", now_ms)
        coarse = fine if coarse is None else coarse
        return _frame(0xC0, bytes((fine & 0xFF, fine >> 8, coarse & 0xFF, coarse >> 8)))

    def _send(self, frame, now_ms):
        self._out.append((now_ms + _ANSWER_AFTER_MS, frame))

    def pending(self, now_ms):
        """Return the bytes that have arrived by now."""
        if self._active and self._working and self._alive(now_ms):
            if self._next_report is None:
                self._next_report = now_ms + _REPORT_MS
            if now_ms >= self._next_report:
                self._next_report = now_ms + _REPORT_MS
                self._out.append((now_ms, self._reading(now_ms)))
        data = b""
        while self._out and self._out[0][0] <= now_ms:
            data += self._out.pop(0)[1]
        return data


def _frame(kind, four):
    body = four + _ID
    return bytes((0xAA, kind)) + body + bytes((sum(body) & 0xFF, 0xAB))
