"""The contact of a cup anemometer: it closes each time so much wind has passed, and bounces."""

import struct

FACTS = {
    "sensor": "cup anemometer with a contact (SparkFun SEN-15901, Misol WH-SP-WS01, Davis 6410)",
    "measures": "wind speed, gusts of 3 s",
    "supply": "none",
    "wiring": (
        ("one of its two wires", "a pulse input, by 1 kΩ; 100 nF from there to ground"),
        ("the other", "ground"),
    ),
    "options": {
        "mm_per_pulse": "wind from one closing to the next, in mm; 667 unless said (SparkFun, "
        "Misol: 2.4 km/h at one a second), 1006 for Davis 6410 (2.25 mph)",
        "debounce_ms": "what closes again so soon is bouncing; 4 unless said",
    },
    "life": "the bearings' and the contact's: some years",
    "price": "€€",
    "resolution": "one closing: 0.07 m/s in a mean of 10 s, 0.22 m/s in a gust (667 mm)",
    "distrust": (
        "Cups that are stuck, a broken wire and no wind are the same to a node: 0. Compare with a "
        "neighbour's after a storm and after frost.",
        "It starts at 0.5 to 1 m/s, so light wind reads 0. Makers state 3 to 5 %; the factor of "
        "the maker takes no account of worn bearings or of the mast's lee.",
        "On a lamp post the wind is that of the street, not of the weather: WMO wants 10 m above "
        "open ground.",
        "Interrupts wait while the node is busy (a flash erase, TLS): closings that come together "
        "by more than eight, or within debounce_ms after that, are missing. More than 128 waiting "
        "are counted and flagged `sensor_error`: a contact that chatters.",
    ),
    "source": "Davis 6410 specification sheet; SparkFun SEN-15901 data sheet; WMO-No. 8, part I, 5",
}
# In the driver's integers.
SAYS = {"wind_speed": (0, 7000)}
USUAL = {"wind_speed": (60, 900)}
_USUAL_MM = 667
# How late it closes, in us.
_BOUNCES = (0, 300, 900)
_MEMORY_MS = 5000


class Model:
    def __init__(self, source, options):
        self._source = source
        # 0.01 m/s for an ms are 10 um.
        self._turn = options.get("mm_per_pulse", _USUAL_MM) * 100
        self._gone = 0
        self._at = None

    def write(self, data, now_ms):
        pass

    def pending(self, now_ms):
        """Return the edges that have come by now (`buses.Pulse`)."""
        at, self._at = self._at, now_ms
        if at is None:
            return b""
        at = max(at, now_ms - _MEMORY_MS)
        speed = self._source.value("wind_speed", now_ms) or 0
        way = speed * (now_ms - at)
        ages = []
        due = self._turn - self._gone
        while due <= way:
            ages.append((way - due) * 1000 // speed)
            due += self._turn
        self._gone = way - (due - self._turn)
        return b"".join(
            struct.pack("<I", max(0, age - bounce) & -4 | 1) for age in ages for bounce in _BOUNCES
        )
