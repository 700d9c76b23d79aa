"""What passes the detectors of one lane: vehicles of a made-up street as edges of what they do."""

import struct

from host_tools.twin import vehicles

SLOT_MS = vehicles.SLOT_MS
# What a recording may hold for one detector, and for two, which know speeds; 0.1 km/h.
SAYS = {"vehicles": (0, vehicles.VEHICLES_MOST)}
SAYS_OF_TWO = {"vehicles": (0, vehicles.VEHICLES_MOST), "speed_mean": (200, 2000)}
# A car; a lorry of two axles; one with a trailer.
CAR = (450, (90, 360))
LORRY = (900, (140, 640))
TRAILER = (1600, (140, 500, 1150, 1280))
BICYCLE = (180, (40, 145))
# What is older than this never reached the node.
_MEMORY_MS = 60000
# How often a hole of a recording is looked at for its end; how long a passage takes at most.
_LOOK_MS = 1000
_LASTS_MS = 2000


class Passage:
    """A vehicle at one speed. `start`: us when its front is at the first detector; `axles`: where
    they are, in cm behind the front.
    """

    def __init__(self, start, mm_a_second, length_cm, axles):
        self.start = start
        self.speed = mm_a_second
        self.length = length_cm
        self.axles = axles

    def us(self, cm):
        """Return when its front is so far behind the first detector."""
        return self.start + cm * 10000000 // self.speed


def street(source, slot):
    """Return the passages that begin in a slot of ten seconds, one after the other."""
    if hasattr(source, "passages"):
        return source.passages(slot)
    if not hasattr(source, "vehicles_per_hour"):
        return _recorded(source, slot)
    expected = source.vehicles_per_hour(slot * SLOT_MS) * SLOT_MS / 3600000
    chance = source.random(21, slot)
    count = int(expected) + ((chance & 0xFFFF) < (expected % 1) * 0x10000)
    passages = []
    for i in range(count):
        x = source.random(22 + i, slot)
        kind = CAR if x & 15 > 1 else LORRY if x & 1 else TRAILER
        # The second half of each share of the slot stays empty: nobody drives into another.
        share = SLOT_MS * 1000 // count
        start = slot * SLOT_MS * 1000 + i * share + (x >> 8) % (share // 2)
        passages.append(Passage(start, 9000 + (x >> 4 & 0xFFF), kind[0], kind[1]))
    return passages


def _recorded(source, slot):
    """Return the passages of a recording in a slot: cars, evenly spaced, all at its mean speed."""
    begin = at = slot * SLOT_MS
    passages = []
    while at < begin + SLOT_MS:
        period = source.interval(at + 1)
        if period is None:
            at += _LOOK_MS
            continue
        start, end, values = period
        speed = max(values.get("speed_mean", vehicles.USUAL_SPEED), 1)
        for ms in vehicles.starts(start, end, values, _LASTS_MS):
            if at <= ms < begin + SLOT_MS:
                passages.append(Passage(ms * 1000, speed * 250 // 9, CAR[0], CAR[1]))
        at = end
    return passages


class Lane:
    """`edges_of(passage)`: [(us, number of the detector, level), …]. `end(number)`: that one."""

    def __init__(self, source, edges_of):
        self._source = source
        self._edges_of = edges_of
        self._slot = None
        self._waiting = ([], [])

    def taken(self, number, now_ms):
        """Return the edges [(us, level), …] of a detector that have come by now, once."""
        slot = now_ms // SLOT_MS
        if self._slot is None:
            self._slot = slot
        self._slot = max(self._slot, slot - _MEMORY_MS // SLOT_MS)
        while self._slot <= slot:
            self._plan(self._slot)
            self._slot += 1
        waiting = self._waiting[number]
        count = 0
        while count < len(waiting) and waiting[count][0] <= now_ms * 1000:
            count += 1
        taken = waiting[:count]
        del waiting[:count]
        return taken

    def _plan(self, slot):
        for passage in street(self._source, slot):
            for us, number, level in self._edges_of(passage):
                self._waiting[number].append((us, level))
        for waiting in self._waiting:
            waiting.sort()


class Contact:
    """One end of a lane on a pulse bus: how it bounces, (us later, 0: as its level, 1: not), …."""

    def __init__(self, lane, number, bounces):
        self._lane = lane
        self._number = number
        self._bounces = bounces
        self._later = []

    def write(self, data, now_ms):
        pass

    def pending(self, now_ms):
        """Return the edges that have come by now (`buses.Pulse`)."""
        for us, level in self._lane.taken(self._number, now_ms):
            self._later += [(us + late, level ^ other) for late, other in self._bounces]
        self._later.sort()
        data = b""
        while self._later and self._later[0][0] <= now_ms * 1000:
            us, level = self._later.pop(0)
            data += struct.pack("<I", min(now_ms * 1000 - us, 0x3FFFFFFF) & -4 | level)
        return data
