"""The samples of an ICS-43434: a tone of 1000 Hz, which A-weighting leaves as it is, at the wanted
level.

A simulated node hears less than a real one: `most` samples wait for it, whenever it looks. A day of
24,000 samples a second would take an hour.
"""

import math
import struct

FACTS = {
    "sensor": "TDK InvenSense ICS-43434",
    "measures": "A-weighted sound level: LAeq, LAFmax, LA10, LA50, LA90",
    "supply": "3.3 V (1.65 to 3.63 V), 0.5 mA",
    "wiring": (
        ("VDD", "3.3 V, 100 nF to ground beside it"),
        ("GND", "ground"),
        ("SCK", "SCK"),
        ("WS", "WS"),
        ("SD", "SD, 100 kΩ to ground"),
        ("LR", "ground"),
    ),
    "options": {"correction": "in 0.1 dB, what a calibrator of 94 dB says is missing; 0 else"},
    "life": "no limit stated",
    "price": "€",
    "resolution": "0.1 dB; its own noise is 29 dB(A)",
    "distrust": (
        "A-weighting as IEC 61672-1 wants it: within 0.1 dB of the formula from 20 Hz to 8 kHz, "
        "0.4 dB at 10 kHz; nothing is heard above 12 kHz. Class 2 as a filter only: microphone, "
        "housing and wind screen have no class.",
        "Sensitivity is ±1 dB from one to another; measure it with a calibrator at the post and "
        "give the difference as correction.",
        "The microphone is flat to 1 dB from 100 Hz to 8 kHz and falls below: at 60 Hz it is some "
        "3 dB low. That is not corrected.",
        "Wind on the hole is noise to it: without a wind screen levels above 5 m/s are the "
        "wind's. Rain on the housing is heard, too.",
        "LAFmax is of the mean F (125 ms), updated every 8 ms; LA10, LA50 and LA90 are of that "
        "mean, every 128 ms.",
        "heard says for how long of the period there were samples: what the node was too busy to "
        "take within 85 ms is missing. In the twin it hears a sixth.",
        "Levels below 40 dB are partly the microphone's own noise. A line that floats is noise as "
        "well: the resistor to ground makes an absent one silent, which is no answer.",
        "Sound is never kept: what leaves the node are levels.",
    ),
    "source": "data sheet DS-000069, IEC 61672-1:2013",
}
# In the driver's integers.
SAYS = {"laeq": (300, 1190)}
USUAL = {"laeq": (480, 720)}
_RATE = 24000
_PERIOD = 24
_FULL_SCALE = 1200
_KEPT_MOST = 64


class Model:
    most = 192

    def __init__(self, source, options):
        self._source = source
        self._heard_ms = None
        self._turn = 0
        self._tones = {}

    def pending(self, now_ms):
        """Return the samples that wait, little-endian; zeros when it is unplugged."""
        if self._heard_ms is None:
            self._heard_ms = now_ms
        count = min((now_ms - self._heard_ms) * _RATE // 1000, self.most)
        self._heard_ms = now_ms
        level = self._source.value("laeq", now_ms)
        if level is None:
            return bytes(2 * count)
        tone = self._tone(level)
        start, self._turn = self._turn, (self._turn + count) % _PERIOD
        whole = (start + count) // _PERIOD + 1
        return (tone * whole)[2 * start : 2 * (start + count)]

    def _tone(self, level):
        """Return one period of the tone."""
        if level not in self._tones:
            if len(self._tones) >= _KEPT_MOST:
                self._tones.clear()
            self._tones[level] = _period(math.pow(10, (level - _FULL_SCALE) / 200) * 32767)
        return self._tones[level]


def _period(most):
    """Return the 24 samples of a sine between -most and most, of rounding's energy as well."""
    wanted = _PERIOD * most * most / 2
    best = None
    for i in range(-8, 9):
        tried = most * (1 + i / 64) if most < 400 else most
        samples = [
            math.floor(tried * math.sin(2 * math.pi * (n + 0.5) / _PERIOD) + 0.5)
            for n in range(_PERIOD)
        ]
        off = abs(sum([sample * sample for sample in samples]) - wanted)
        if best is None or off < best[0]:
            best = (off, samples)
    return struct.pack("<24h", *best[1])
