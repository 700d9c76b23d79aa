"""The LD2415H's lines: a speed every 45 ms while something moves, and nothing else unasked."""

from host_tools.twin import doppler

FACTS = {
    "sensor": "Hi-Link HLK-LD2415H",
    "measures": "vehicles and their speed, the strongest at a time (24 GHz radar)",
    "supply": "9 to 24 V",
    "wiring": (
        ("VCC", "12 V"),
        ("GND", "ground"),
        ("TTL TX (3.3 V; some say 5 V: measure)", "RX of a UART"),
        ("TTL RX", "TX of a UART"),
        ("A, B", "nothing: the same on RS-485"),
    ),
    "options": {
        "angle_deg": "between the road's direction and the beam; 45 unless said. Speeds are "
        "corrected by it",
        "gap_ms": "who comes later than this behind another is one more; 350 unless said",
        "approaching_sign": "sign of what comes nearer; plus unless said",
        "speed_least_kmh": "slower ones are not reported; 5 unless said",
        "sensitivity": "0 to 15; 5 unless said. As low as one lane's cars allow",
    },
    "life": "no limit stated",
    "price": "€€",
    "resolution": "0.1 km/h a line, good to 1 km/h; speed_p85 1 km/h; coverage 1 s",
    "distrust": (
        "It says how fast the strongest thing in its beam is, not where and not how many. "
        "`gateway/doppler.py` makes vehicles of that: what goes one way without a gap of "
        "`gap_ms`, and at least three lines, is one. Vehicles close together are one; of two "
        "that meet, the weaker is hidden while the other is in the beam. docs/traffic.md says "
        "what comes of it on a simulated street.",
        "Look across the lanes, at about 45°, with as little `sensitivity` as the farthest lane's "
        "cars allow: the longer a vehicle is in the beam, the more are merged.",
        "The angle is the scale of all speeds: at 45° an error of 2° makes 3.5 %, and the sight of "
        "what passes near by is some degrees steeper than the beam. Set `angle_deg` so that "
        "`speed_mean` is right for a car whose speed is known.",
        "Standing vehicles are not seen. Who stops in the beam and goes on within a minute is one.",
        "When nothing moves it is silent and is asked for its settings every 4 s; without an "
        "answer for 12 s it counts as blind (`coverage`). `occupancy` is what vehicles of 5 m "
        "take at their speeds.",
        "There is no checksum. A flipped bit that makes one digit of another passes; others are "
        "refused, and so are more than 240 km/h. A wrong digit weighs as one of a vehicle's "
        "fifteen lines.",
        "It is written from its papers and public implementations; none was at hand.",
    ),
    "source": "HLK-LD2415H data sheet and serial protocol V1.0",
}
SAYS = doppler.SAYS
LINE_MS = 45
_VERSION = b"No.:20230801E v5.0\r\n"


class Model:
    def __init__(self, source, options):
        angle = options.get("angle_deg", 45)
        self._beam = doppler.Beam(source, angle, LINE_MS)
        self._plus_is_away = options.get("approaching_sign") == "minus"
        # As it comes: X1 to X9, X0.
        self.settings = bytearray((1, 0, 5, 1, 0, 0, 5, 3, 1, 1))
        self._answers = b""

    def write(self, data, now_ms):
        """Take three settings, or answer the question for all of them."""
        if data[:2] != b"CF" or len(data) < 8:
            return
        if data[2] == 7:
            names = b"1234567890"
            parts = [b"X%c:%02x" % (names[i], self.settings[i]) for i in range(10)]
            self._answers += _VERSION + b" ".join(parts) + b"\r\n"
        elif data[2] in (1, 2, 3) and data[6:] == b"\r\n":
            first = 3 * (data[2] - 1)
            self.settings[first : first + 3] = data[3:6]

    def pending(self, now_ms):
        """Return the lines that have come by now."""
        data, self._answers = self._answers, b""
        speeds = self._beam.reports(now_ms)
        if speeds is None:
            return b""
        return data + b"".join([self._line(speed) for speed in speeds if speed])

    def _line(self, speed):
        sign = b"+" if (speed > 0) != self._plus_is_away else b"-"
        speed = abs(speed)
        return b"V%s%03d.%d\r\n" % (sign, speed // 10, speed % 10)
