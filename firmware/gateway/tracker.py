"""Turn a radar's targets into vehicles: which echoes are the same car, and what the period saw.

All in whole numbers: distances in dm, speeds in km/h, times in ms.
"""

from micropython import const

# The lanes of a radar that looks along the road.
DIRECTIONS = ("approaching", "leaving")
APPROACHING = const(0)
LEAVING = const(1)

# More at once than a beam over two lanes can tell apart.
TRACKS_MOST = const(8)
HITS_LEAST = const(3)
# A track that got no echo for so long has left the beam.
DEAD_MS = const(1500)
_GATE_DM = const(40)
_SPEED_GATE_KMH = const(20)
# What a radar cannot see: the length of a vehicle, with which it is over a line, in m.
_LENGTH_M = const(5)
_STANDING_MS = const(60000)
# A km/h is 1/360 dm/ms.
_DM_PER_MS = const(360)
# Places in a track.
_DISTANCE, _SPEED, _AWAY, _SEEN, _HITS, _SPEEDS = range(6)


class Tracker:
    """Feed it `observe()` with the targets of each radar frame; `period` counts the vehicles."""

    def __init__(self, period):
        self._tracks = []
        self._period = period
        self.crowded = 0

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
        lane = LEAVING if track[_AWAY] else APPROACHING
        self._period.count(lane, track[_SEEN], speed)
        over = _LENGTH_M * 36000 // speed if speed else _STANDING_MS
        self._period.occupy(lane, min(over, _STANDING_MS))
