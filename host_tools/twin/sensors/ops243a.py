"""The OPS243-A's reports: a line of JSON ten times a second, a zero when nothing moves."""

from host_tools.twin import doppler

FACTS = {
    "sensor": "OmniPreSense OPS243-A",
    "measures": "vehicles and their speed, the strongest at a time (24 GHz radar)",
    "supply": "5 V, up to 0.4 A",
    "wiring": (
        ("J3 pin 9, 5 V", "5 V"),
        ("J3 pin 10, GND", "ground"),
        ("J3 pin 7, TxD (3.3 V)", "RX of a UART"),
        ("J3 pin 6, RxD (3.3 V)", "TX of a UART"),
    ),
    "options": {
        "angle_deg": "between the road's direction and the beam; 45 unless said. Speeds are "
        "corrected by it",
        "gap_ms": "who comes later than this behind another is one more; 350 unless said",
        "approaching_sign": "sign of what comes nearer; plus unless said",
        "speed_least_kmh": "slower ones are not reported; 5 unless said",
        "magnitude_least": "weaker ones are not reported; 20 unless said. As high as one lane's "
        "cars allow",
        "json": "1, or 0 for plain lines, which are shorter; 1 unless said",
    },
    "life": "no limit stated",
    "price": "€€€€",
    "resolution": "0.4 km/h a report; speed_p85 1 km/h; coverage 1 s",
    "distrust": (
        "It says how fast the strongest thing in its beam is, not where and not how many. "
        "`gateway/doppler.py` makes vehicles of that: what goes one way without a gap of "
        "`gap_ms`, and at least two reports, is one. Vehicles close together are one; of two "
        "that meet, the weaker is hidden while the other is in the beam. docs/traffic.md says "
        "what comes of it on a simulated street.",
        "Look across the lanes, at about 45°, with `magnitude_least` as high as the farthest "
        "lane's cars allow: the longer a vehicle is in the beam, the more are merged.",
        "The angle is the scale of all speeds: at 45° an error of 2° makes 3.5 %, and the sight of "
        "what passes near by is some degrees steeper than the beam. Set `angle_deg` so that "
        "`speed_mean` is right for a car whose speed is known.",
        "Standing vehicles are not seen. Who stops in the beam and goes on within a minute is one.",
        "Without power it forgets its settings, units among them. A report that names other units "
        "than km/h is refused; it is set up again every five minutes and after 12 s of silence.",
        "With a PC on its USB it says nothing on the UART.",
        "Which sign is approaching: sources disagree. Walk towards it once and set "
        "`approaching_sign`.",
        "There is no checksum. A flipped bit that makes one digit of another passes, and so does "
        "one in what the node does not read. `occupancy` is what vehicles of 5 m take at their "
        "speeds.",
        "It is written from its papers and public implementations; none was at hand.",
    ),
    "source": "OmniPreSense AN-010-X, UM-003-A",
}
SAYS = doppler.SAYS
LINE_MS = 100
_ANSWERS = {
    b"UK": b'{"Units":"km-per-hr"}',
    b"??": b'{"Product":"OPS243"}\r\n{"Version":"1.3.1"}\r\n{"SamplingRate":20000, '
    b'"resolution":0.1214}\r\n{"SampleSize":1024}',
}


class Model:
    def __init__(self, source, options):
        angle = options.get("angle_deg", 45)
        self._beam = doppler.Beam(source, angle, LINE_MS)
        self._minus = options.get("approaching_sign") == "minus"
        # As it comes: m/s, plain lines, nothing when nothing moves.
        self.said = []
        self._answers = b""

    def write(self, data, now_ms):
        """Take a command of two letters."""
        self.said.append(data)
        if data in _ANSWERS:
            self._answers += _ANSWERS[data] + b"\r\n"

    def pending(self, now_ms):
        """Return the lines that have come by now."""
        data, self._answers = self._answers, b""
        speeds = self._beam.reports(now_ms)
        if speeds is None:
            return b""
        if b"BZ" not in self.said:
            speeds = [speed for speed in speeds if speed]
        return data + b"".join([self._line(-speed if self._minus else speed) for speed in speeds])

    def _line(self, speed):
        sign, speed = "-" if speed < 0 else "", abs(speed)
        hundredths = speed * 10
        if b"UK" not in self.said:
            hundredths = speed * 25 // 9
        number = "%s%d.%02d" % (sign, hundredths // 100, hundredths % 100)
        unit = "kmph" if b"UK" in self.said else "mps"
        magnitude = 150 if speed else 0
        if b"OJ" in self.said:
            line = '{"unit":"%s", "magnitude":%d, "speed":%s}' % (unit, magnitude, number)
        else:
            line = '"%s",%d,%s' % (unit, magnitude, number)
        return line.encode() + b"\r\n"
