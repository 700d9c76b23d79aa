"""The TF-Luna's bytes: a hundred distances a second, of the road or of what stands on it."""

from host_tools.twin import passing
from host_tools.twin.passing import Lane

FACTS = {
    "sensor": "Benewake TF-Luna, TFmini-S",
    "measures": "vehicles, occupancy, headway (lidar beam across a lane)",
    "supply": "5 V (TF-Luna 3.7 to 5.2 V), 70 mA",
    "wiring": (
        ("5V", "5 V"),
        ("GND", "ground"),
        ("TXD (3.3 V)", "RX of a UART"),
        ("RXD (3.3 V)", "TX of a UART"),
        ("pin 5 of a TF-Luna", "nothing, or 3.3 V: to ground makes it I²C"),
    ),
    "options": {"margin_cm": "so much nearer than the background is a vehicle; 60 unless said"},
    "life": "no limit stated; laser class 1",
    "price": "€€",
    "resolution": "1 vehicle, 0.1 %, 0.1 s; distances 1 cm to ±6 cm",
    "distrust": (
        "It sees 0.2 to 8 m of what reflects well, 12 m with a TFmini-S; of black paint in the "
        "sun 2.5 m. Look from the side across one lane on a kerb or wall, or from above on the "
        "road, at a slant to no traffic.",
        "The background is learnt in the first second with light (the farthest distance), follows "
        "1 cm at a time while the lane is free, and does not move while it is occupied. What "
        "stands for ten minutes is background then; `stuck` is flagged from five on.",
        "Where nothing comes back (strength below 100, or glare) it keeps what it knew for a "
        "minute; where never anything came back from, everything that does is a vehicle.",
        "A gap of less than 0.12 s is none: a lorry and its trailer are one, and so are two cars "
        "closer than 1.7 m at 50 km/h. Pedestrians and rain's spray count as well. Heavy rain, "
        "fog, a wet or dirty window shorten its sight.",
        "Frames have a sum of 8 bits: every single flipped bit is refused, some of two pass.",
        "In the twin only the last five seconds wait.",
    ),
    "source": "Benewake SJ-PM-TF-Luna A05, SJ-PM-TFmini-S A05",
}
SAYS = passing.SAYS
_FRAME_MS = 10
_MEMORY_MS = 5000
_BACKGROUND_CM = 520
_VEHICLE_CM = 190
_STRENGTH = 1200
# 25 degC.
_TEMPERATURE = 2248


def frame(distance, strength=_STRENGTH, temperature=_TEMPERATURE):
    """Return the nine bytes of a distance."""
    words = (distance, strength, temperature)
    body = b"YY" + b"".join(bytes((word & 0xFF, word >> 8)) for word in words)
    return body + bytes((sum(body) & 0xFF,))


# What it says of the road, of a vehicle, and of what throws nothing back.
_SEEN = (
    tuple(frame(_BACKGROUND_CM + i) for i in (-1, 0, 0, 1)),
    tuple(frame(_VEHICLE_CM + i) for i in (-8, -2, 3, 9)),
    tuple(frame(i, 40) for i in (0, 0, 800, 0)),
)


def edges_of(passage, number=0, distance_cm=0):
    """Return the edges of a beam so far behind the first one."""
    on = passage.us(distance_cm)
    return [(on, number, 1), (passage.us(distance_cm + passage.length), number, 0)]


class Model:
    def __init__(self, source, options, lane=None, number=0):
        self._source = source
        self._lane = lane or Lane(source, edges_of)
        self._number = number
        self._at = None
        self._seen = 0
        self._edges = []

    def write(self, data, now_ms):
        pass

    def pending(self, now_ms):
        """Return the frames that have come by now."""
        now = now_ms // _FRAME_MS
        if self._at is None:
            self._at = now
        self._edges += self._lane.taken(self._number, now_ms)
        begin = max(self._at, now - _MEMORY_MS // _FRAME_MS)
        self._at = now
        return b"".join([self._frame(i) for i in range(begin + 1, now + 1)])

    def latest(self, now_ms):
        """Return the frame of this moment."""
        self._edges += self._lane.taken(self._number, now_ms)
        return self._frame(now_ms // _FRAME_MS)

    def _frame(self, i):
        while self._edges and self._edges[0][0] <= i * _FRAME_MS * 1000:
            self._seen = self._edges.pop(0)[1]
        return _SEEN[self._seen][i * 7 >> 2 & 3]
