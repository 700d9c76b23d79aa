"""Turn a radar's targets into vehicles: which echoes are the same car, and what the period saw.

All in whole numbers: distances in dm, speeds in km/h, times in ms.
"""

from array import array

from micropython import const

# More at once than a beam over two lanes can tell apart.
TRACKS_MOST = const(8)
HITS_LEAST = const(3)
# A track that got no echo for so long has left the beam.
DEAD_MS = const(1500)
_GATE_DM = const(40)
_SPEED_GATE_KMH = const(20)
_SPEED_MOST = const(255)
# A km/h is 1/360 dm/ms.
_DM_PER_MS = const(360)
# Places in a track.
_DISTANCE, _SPEED, _AWAY, _SEEN, _HITS, _SPEEDS = range(6)


class Tracker:
    """Feed it `observe()` with the targets of each radar frame; `finish()` gives the period's
    sums.
    """

    def __init__(self):
        self._tracks = []
        self._histogram = array("H", [0] * (_SPEED_MOST + 1))
        self._clear()
        self.crowded = 0

    def _clear(self):
        self._approaching = 0
        self._leaving = 0
        self._speed_sum = 0
        for i in range(_SPEED_MOST + 1):
            self._histogram[i] = 0

    def observe(self, now, targets):
        """Take the targets [(distance m, speed km/h, away), …] of the frame at `now`."""
        if self._tracks:
            self.expire(now)
        for distance, speed, away in targets:
            track = self._match(now, distance * 10, speed, away)
            if track is None:
                self._begin(now, distance * 10, speed, away)
            else:
                track[_DISTANCE] = distance * 10
                track[_SPEED] = speed
                track[_SEEN] = now
                track[_HITS] += 1
                track[_SPEEDS] += speed

    def _match(self, now, distance, speed, away):
        """Return the track that this echo continues best, or None."""
        best = None
        least = _GATE_DM
        for track in self._tracks:
            if track[_AWAY] != away or track[_SEEN] == now:
                continue
            if abs(track[_SPEED] - speed) > _SPEED_GATE_KMH:
                continue
            moved = track[_SPEED] * (now - track[_SEEN]) // _DM_PER_MS
            expected = track[_DISTANCE] + (moved if away else -moved)
            off = abs(expected - distance)
            if off < least:
                best, least = track, off
        return best

    def _begin(self, now, distance, speed, away):
        if len(self._tracks) >= TRACKS_MOST:
            self.crowded += 1
            return
        self._tracks.append([distance, speed, away, now, 1, speed])

    def expire(self, now):
        """Count the tracks that have left the beam by `now`."""
        kept = []
        for track in self._tracks:
            if now - track[_SEEN] <= DEAD_MS:
                kept.append(track)
            elif track[_HITS] >= HITS_LEAST:
                self._count(track)
        self._tracks = kept

    def _count(self, track):
        hits = track[_HITS]
        # In 0.1 km/h, rounded.
        speed = (20 * track[_SPEEDS] + hits) // (2 * hits)
        if track[_AWAY]:
            self._leaving += 1
        else:
            self._approaching += 1
        self._speed_sum += speed
        self._histogram[min((speed + 5) // 10, _SPEED_MOST)] += 1

    def finish(self, now):
        """Return (vehicles, approaching, leaving, mean speed, 85th percentile), and begin anew.

        Speeds are in 0.1 km/h, None without a vehicle.
        """
        self.expire(now)
        vehicles = self._approaching + self._leaving
        mean = p85 = None
        if vehicles:
            mean = (2 * self._speed_sum + vehicles) // (2 * vehicles)
            p85 = self._percentile(85, vehicles) * 10
        result = (vehicles, self._approaching, self._leaving, mean, p85)
        self._clear()
        return result

    def _percentile(self, percent, count):
        """Return the speed in km/h that `percent` of the vehicles do not exceed."""
        wanted = (count * percent + 99) // 100
        seen = 0
        for speed in range(_SPEED_MOST + 1):
            seen += self._histogram[speed]
            if seen >= wanted:
                return speed
        return _SPEED_MOST
