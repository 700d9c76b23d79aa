"""Two detectors, one behind the other in a lane: vehicles with their speed and length.

Times are in ticks (microseconds below 2**30, wrapping) for what is measured, and in ms of uptime
for when it was.
"""

from micropython import const

from gateway import traffic

_TICKS_MASK = const(0x3FFFFFFF)
# What ticks can tell apart for certain.
_MS_MOST = const(500 * 1000)
# From 1 to 250 km/h there is a speed, in 0.1 km/h.
_SPEED_LEAST = const(10)
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
        # What stands over each, and what has left one and not reached the other.
        self._over = [None, None]
        self._between = None

    def change(self, number, taken, at, ms):
        """Detector `number` was taken, or given free."""
        if taken:
            self._taken(number, at, ms)
        else:
            self._free(number, at)

    def _taken(self, number, at, ms):
        other = 1 - number
        passage = self._between
        if passage and passage[_FIRST] == other and self._may_be(passage, at, ms):
            self._between = None
        else:
            passage = self._over[other]
        if passage and passage[_FIRST] == other and passage[_ON_2] is None:
            passage[_ON_2] = at
        else:
            passage = [number, at, None, None, None, ms]
        self._over[number] = passage

    def _free(self, number, at):
        passage, self._over[number] = self._over[number], None
        if passage is None:
            return
        passage[_OFF if passage[_FIRST] == number else _OFF_2] = at
        if passage[_ON_2] is None:
            if self._between:
                self._count(self._between)
            self._between = passage
        elif passage[_OFF] is not None and passage[_OFF_2] is not None:
            self._count(passage)

    def expire(self, at, ms):
        """Count what has left one detector and cannot reach the other one any more."""
        if self._between and not self._may_be(self._between, at, ms):
            self._count(self._between)
            self._between = None

    def _may_be(self, passage, at, ms):
        """Return whether what has left the first detector can be what reaches the second now."""
        if ms - passage[_MS] > _MS_MOST:
            return False
        took = at - passage[_ON] & _TICKS_MASK
        over = passage[_OFF] - passage[_ON] & _TICKS_MASK
        # Without the last bits, so that the product stays small.
        length = self._distance * (over >> 8) // max(took >> 8, 1) - self._zone
        return length >= _LENGTH_LEAST_CM

    def _count(self, passage):
        _, on, off, on_2, off_2, ms = passage
        speed = None
        kind = traffic.UNCLASSIFIED
        if off_2 is not None:
            front = on_2 - on & _TICKS_MASK
            rear = off_2 - off & _TICKS_MASK
            # On the way its speed changed: the mean of both is that of its middle.
            took = (front + rear) >> 1
            speed = (self._distance * _KMH + (took >> 1)) // max(took, 1)
            if _SPEED_LEAST <= speed <= _SPEED_MOST:
                kind = self._kind(front, off - on & _TICKS_MASK, rear)
            else:
                speed = None
        self._period.count(0, ms, speed, kind)

    def _kind(self, front, over, rear):
        """Return the class by length; whose speed changed is taken to have changed evenly."""
        # With v and a: distance = v t + a t t / 2, for the front and, from `over` on, the rear.
        t1, t2, t3 = front / 1e6, over / 1e6, (over + rear) / 1e6
        wide = t3 - t2
        below = t1 * (t3 * t3 - t2 * t2) - t1 * t1 * wide
        if not below:
            return traffic.UNCLASSIFIED
        half_a = self._distance * (t1 - wide) / below
        v = self._distance / t1 - half_a * t1
        if v < 0 or v + 2 * half_a * t3 < 0:
            # It stood between: nothing follows.
            return traffic.UNCLASSIFIED
        length = (v + half_a * t2) * t2 - self._zone
        if not _LENGTH_LEAST_CM <= length <= _LENGTH_MOST_CM:
            return traffic.UNCLASSIFIED
        return traffic.TRUCK_LIKE if length >= self._truck else traffic.CAR_LIKE
