"""The contact of a tipping-bucket rain gauge: showers fill buckets, a bucket closes it twice."""

import struct

FACTS = {
    "sensor": "tipping-bucket rain gauge (Davis 6464, SparkFun SEN-15901, Misol WH-SP-RG)",
    "measures": "rain",
    "supply": "none",
    "wiring": (
        ("one of its two wires", "a pulse input, by 1 kΩ; 100 nF from there to ground"),
        ("the other", "ground"),
    ),
    "options": {
        "tip": "rain a bucket, in 0.0001 mm; 2000 unless said (0.2 mm: Davis 6464 metric), 2794 "
        "for SparkFun and Misol",
        "debounce_ms": "what closes again so soon is bouncing; 400 unless said",
    },
    "life": "the contact's: millions of tips",
    "price": "€€",
    "resolution": "one bucket: 0.2 or 0.2794 mm",
    "distrust": (
        "A leaf in the funnel is a drought, and a broken wire is the same. Drizzle is late: the "
        "bucket has to fill first.",
        "In heavy rain water is lost while the bucket tips: some percent, and more the harder it "
        "rains; nothing is corrected. Wind takes more.",
        "Snow and hail are measured when they melt. Shaking the post tips the bucket as well: do "
        "not hang it on an arm that swings.",
        "`rain_total` counts since the node started; a lost row costs no rain, a restart begins "
        "at 0.",
    ),
    "source": "Davis 6464 specification sheet; SparkFun SEN-15901 data sheet",
}
# A row's rain does not say when in it the bucket tipped.
SAYS = {}
# 0.01 mm/h; below 0 it does not rain.
USUAL = {"rain_rate": (-900, 900)}
_USUAL_TIP = 2000
# How long the magnet passes, and the bouncing as it comes and goes, in us.
_CLOSINGS = (0, 400, 1100, 90000, 90700)
_MEMORY_MS = 60000
_MS_AN_HOUR = 3600000


class Model:
    def __init__(self, source, options):
        self._source = source
        # A bucket in 0.01 mm/h times ms.
        self._bucket = options.get("tip", _USUAL_TIP) * _MS_AN_HOUR // 100
        self._filled = 0
        self._at = None
        self.tips = 0

    def write(self, data, now_ms):
        pass

    def pending(self, now_ms):
        """Return the edges that have come by now (`buses.Pulse`)."""
        at, self._at = self._at, now_ms
        if at is None:
            return b""
        rate = max(0, self._source.value("rain_rate", now_ms) or 0)
        self._filled += rate * min(now_ms - at, _MEMORY_MS)
        data = b""
        while self._filled >= self._bucket:
            self._filled -= self._bucket
            self.tips += 1
            age = self._filled * 1000 // rate
            for late in _CLOSINGS:
                data += struct.pack("<I", max(0, age - late) & -4 | 1)
        return data
