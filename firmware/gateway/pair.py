"""Two detectors, one behind the other in a lane: vehicles with their speed and length.

Times are in ticks (microseconds below 2**30, wrapping) for what is measured, and in ms of uptime
for when it was.
"""

from micropython import const

from gateway import traffic

_TICKS_MASK = const(0x3FFFFFFF)
# What ticks can tell apart for certain.
_MS_MOST = const(500 * 1000)
# Vehicles between two detectors; nobody can tell more apart.
_OPEN_MOST = const(4)
# From 5 to 250 km/h there is a speed, in 0.1 km/h.
_SPEED_LEAST = const(50)
_SPEED_MOST = const(2500)
_LENGTH_LEAST_CM = const(50)
_LENGTH_MOST_CM = const(3000)
# 0.1 km/h of a cm in a microsecond.
_KMH = const(360000)
# Places in a passage: which detector was first, its times, those of the other, ms of arrival.
_FIRST, _ON, _OFF, _ON_2, _OFF_2, _MS = range(6)


class Pair:
    """`period`: traffic.Period of one lane. `distance_cm` from the front of one detector to that of
    the next, `zone_cm`: how long one is, `truck_cm`: from which length on it is truck-like.
    """

    def __init__(self, period, distance_cm, zone_cm, truck_cm):
        self._period = period
        self._distance = distance_cm
        self._zone = zone_cm
        self._truck = truck_cm
        self._open = []

    def change(self, number, taken, at, ms):
        """Detector `number` was taken, or given free."""
        if taken:
            self._taken(number, at, ms)
        else:
            self._free(number, at)

    def _taken(self, number, at, ms):
        newest = self._open[-1] if self._open else None
        if (
            newest
            and newest[_FIRST] != number
            and newest[_ON_2] is None
            and self._may_be(newest, at, ms)
        ):
            newest[_ON_2] = at
            return
        if len(self._open) >= _OPEN_MOST:
            self._count(self._open.pop(0))
        self._open.append([number, at, None, None, None, ms])

    def _may_be(self, passage, at, ms):
        """Return whether what left the first detector can be what reaches the second one now."""
        if passage[_OFF] is None:
            # It stands over both.
            return True
        if ms - passage[_MS] > _MS_MOST:
            return False
        took = at - passage[_ON] & _TICKS_MASK
        over = passage[_OFF] - passage[_ON] & _TICKS_MASK
        return self._length(over, took) >= _LENGTH_LEAST_CM

    def _free(self, number, at):
        for passage in self._open:
            if passage[_FIRST] == number:
                if passage[_OFF] is None:
                    passage[_OFF] = at
                    break
            elif passage[_ON_2] is not None and passage[_OFF_2] is None:
                passage[_OFF_2] = at
                break
        kept = []
        for passage in self._open:
            if passage[_OFF] is None or passage[_OFF_2] is None:
                kept.append(passage)
            else:
                self._count(passage)
        self._open = kept

    def expire(self, at, ms):
        """Count what was seen by one detector only and cannot reach the other one any more."""
        while self._open:
            oldest = self._open[0]
            if oldest[_OFF] is None or oldest[_ON_2] is not None:
                break
            if self._may_be(oldest, at, ms):
                break
            self._count(self._open.pop(0))

    def _length(self, over, took):
        """Return cm: what was over a detector for so long when the way to the next took so long."""
        # Without the last bits, so that the product stays small.
        return self._distance * (over >> 8) // max(took >> 8, 1) - self._zone

    def _count(self, passage):
        _, on, off, on_2, off_2, ms = passage
        speed = None
        kind = traffic.UNCLASSIFIED
        if off is not None and off_2 is not None:
            front = on_2 - on & _TICKS_MASK
            rear = off_2 - off & _TICKS_MASK
            # On the way its speed changed: the mean of both is that of its middle.
            took = (front + rear) >> 1
            if took:
                speed = (self._distance * _KMH + (took >> 1)) // took
                if not _SPEED_LEAST <= speed <= _SPEED_MOST:
                    speed = None
            # Who stopped between has neither speed nor length.
            if speed is not None and max(front, rear) <= 2 * min(front, rear):
                over = ((off - on & _TICKS_MASK) + (off_2 - on_2 & _TICKS_MASK)) >> 1
                length = self._length(over, took)
                if _LENGTH_LEAST_CM <= length <= _LENGTH_MOST_CM:
                    kind = traffic.TRUCK_LIKE if length >= self._truck else traffic.CAR_LIKE
        self._period.count(0, ms, speed, kind)
