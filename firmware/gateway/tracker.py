"""Turn a radar's targets into vehicles: which echoes are the same car, and when it passes a line.

All in whole numbers: distances in cm, speeds in 0.1 km/h, times in ms. A vehicle counts once, when
its track crosses the line; one that was hidden counts when it is found right behind it. What
stands is not seen by such a radar: near the line, its place is remembered until it goes on.
"""

from micropython import const

from gateway.cosine import secant

# The lanes of a radar that looks along the road.
DIRECTIONS = ("approaching", "leaving")
APPROACHING = const(0)
LEAVING = const(1)

# Those that are seen (a radar says eight at most), and those that stand near the line.
TRACKS_MOST = const(16)
HITS_LEAST = const(3)
# Behind the line a track must be surer to be one that was hidden before.
_LATE_HITS = const(6)
# With fewer, most frames must have had one: drops of rain come and go.
_SURE_HITS = const(8)
# A track that got no echo for so long has left the beam, or stands.
DEAD_MS = const(1500)
_STANDS_MS = const(120000)
# Slower than this when last seen: it stands. Nearer to the line than this: its place matters.
_SLOW = const(90)
_NEAR_CM = const(2500)
# An echo belongs to a track this near, and 60 cm and 1 km/h more for each frame missed.
_GATE_CM = const(400)
_GATE_SPEED = const(80)
# What is so near to a track and as fast is one more echo of the same vehicle.
_SAME_CM = const(400)
_SAME_SPEED = const(40)
# Two of a direction within this time and as fast are a truck's two ends; also within the longer
# time, when the second one is hardly seen.
_DEAD_TIME_MS = const(700)
_SPARSE_MS = const(1700)
_DEAD_TIME_SPEED = const(25)
# Nearer than this, in a queue, are two vehicles side by side.
_BESIDE_CM = const(300)
# What was hidden before has moved at least so far since, in m; drops of rain do not.
_LATE_MOVED_M = const(5)
# Who is slower than this, in 0.1 km/h, must have moved so far, in m: drops of rain are slow, too.
_CREEPING = const(250)
_CREPT_M = const(8)
# Beyond this angle a speed is corrected by too much to be trusted, while there are better ones.
_STEEP_DEG = const(25)
_STEEP_MEANS = const(4)
# Further behind the line nothing is counted: who was counted before may be lost and found there.
_LATE_MOST_CM = const(2000)
# So many echoes make the speed of a vehicle, the last before the line.
_MEAN_MOST = const(16)
# What a radar cannot see: the length of a vehicle, with which it is over a line, in m.
_LENGTH_M = const(5)
_STANDING_MS = const(60000)
# Places in a track: where it is, how fast (along the line of sight), the mean speed along the road
# in 1/16 and of how many echoes, when last seen, how often, when and where first, where last,
# whether counted.
_AT = const(0)
_SPEED = const(1)
_MEAN = const(2)
_MEANS = const(3)
_AWAY = const(4)
_SEEN = const(5)
_HITS = const(6)
_BORN = const(7)
_FROM = const(8)
_LAST = const(9)
_DONE = const(10)


class Tracker:
    """Feed it `observe()` with the targets of each radar frame; `period` counts the vehicles.

    `line_m`: where they count. `yaw_deg`: the radar is turned so far from the road's direction.
    `height_m`: it hangs so far above what it sees.
    """

    def __init__(self, period, line_m=30, yaw_deg=0, height_m=0):
        self._tracks = []
        self._period = period
        self._line = line_m * 100
        self._yaw = yaw_deg
        self._height = height_m
        self._now = None
        # Of each direction when the last one counted, how fast it was, whether hardly seen.
        self._last = [(None, 0, False)] * 2
        self.crowded = 0

    def observe(self, now, targets):
        """Take the targets [(distance m, speed km/h, away, angle deg), …] of the frame at `now`."""
        if self._tracks:
            self._predict(now)
            self.expire(now)
        self._now = now
        left = list(targets)
        while left:
            track, target = self._nearest(now, left)
            if target is None:
                break
            left.remove(target)
            self._update(track, now, target)
        for target in left:
            if not self._is_second_echo(target):
                self._begin(now, target)
        for track in self._tracks:
            if not track[_DONE]:
                self._cross(track, now)

    def _predict(self, now):
        """Move all tracks to where they should be by now."""
        elapsed = min(now - self._now, DEAD_MS)
        for track in self._tracks:
            missed = now - track[_SEEN]
            if track[_SPEED] < _SLOW and missed > 300:
                # It is braking, or it would be seen.
                track[_SPEED] = track[_SPEED] * 7 // 8
            moved = track[_SPEED] * elapsed // 360
            track[_AT] += moved if track[_AWAY] else -moved

    def _nearest(self, now, targets):
        """Return the (track, target) that fit best, or (None, None)."""
        best = None, None
        least = 1 << 20
        for track in self._tracks:
            missed = (now - track[_SEEN]) // 100
            if not missed:
                continue
            gate = _GATE_CM + 60 * min(missed, 6)
            gate_speed = _GATE_SPEED + 10 * min(missed, 12)
            for target in targets:
                if target[2] != track[_AWAY]:
                    continue
                off = abs(target[0] * 100 - track[_AT])
                apart = abs(target[1] * 10 - track[_SPEED])
                if off > gate or apart > gate_speed:
                    continue
                # 1 km/h counts as 30 cm; what was seen just now goes first.
                cost = off + 3 * apart + 20 * min(missed, 20)
                if cost < least:
                    least = cost
                    best = track, target
        return best

    def _update(self, track, now, target):
        distance, speed, _, angle = target
        track[_AT] += (distance * 100 - track[_AT]) * 3 // 8
        track[_SPEED] += (speed * 10 - track[_SPEED]) // 2
        track[_SEEN] = now
        track[_LAST] = distance
        track[_HITS] += 1
        along = self._along(distance, speed, angle)
        if abs(angle + self._yaw) <= _STEEP_DEG:
            # The first of these takes the place of all steeper ones.
            track[_MEANS] = min(track[_MEANS] + 1, _MEAN_MOST)
            half = track[_MEANS] >> 1
            track[_MEAN] += (along - track[_MEAN] + half) // track[_MEANS]
        elif not track[_MEANS]:
            # Who leaves on a far lane is steep up to the line: the later, the better.
            track[_MEAN] += (along - track[_MEAN]) // _STEEP_MEANS

    def _along(self, distance, speed, angle):
        """Return the speed along the road, in 1/160 km/h."""
        factor = secant(angle + self._yaw)
        if self._height and distance > 2 * self._height:
            factor += 512 * self._height * self._height // (distance * distance)
        return speed * 160 * factor >> 10

    def _is_second_echo(self, target):
        for track in self._tracks:
            if (
                track[_AWAY] == target[2]
                and track[_SEEN] == self._now
                and abs(track[_AT] - target[0] * 100) < _SAME_CM
                and abs(track[_SPEED] - target[1] * 10) < _SAME_SPEED
            ):
                return True
        return False

    def _begin(self, now, target):
        if len(self._tracks) >= TRACKS_MOST:
            # What has not been seen for longest gives way.
            oldest = min(self._tracks, key=lambda track: track[_SEEN])
            if oldest[_SEEN] == now:
                self.crowded += 1
                return
            self._tracks.remove(oldest)
        distance, speed, away, angle = target
        mean = self._along(distance, speed, angle)
        means = 1 if abs(angle + self._yaw) <= _STEEP_DEG else 0
        self._tracks.append(
            [distance * 100, speed * 10, mean, means, away, now, 1, now, distance, distance, False]
        )

    def _beyond(self, track):
        """Return how far a track is behind the line, in cm."""
        return track[_AT] - self._line if track[_AWAY] else self._line - track[_AT]

    def _cross(self, track, now):
        """Count a track that has crossed the line."""
        beyond = self._beyond(track)
        if beyond < 0 or track[_HITS] < HITS_LEAST:
            return
        if track[_HITS] < _SURE_HITS and self._is_sparse(track, now):
            return
        gone = abs(track[_LAST] - track[_FROM])
        if track[_SPEED] < _CREEPING and gone < _CREPT_M:
            return
        first = track[_FROM] * 100
        if (self._line - first if track[_AWAY] else first - self._line) < 0:
            # It began behind the line.
            if track[_HITS] < _LATE_HITS or gone < _LATE_MOVED_M:
                return
            track[_DONE] = True
            if beyond > _LATE_MOST_CM or self._is_sparse(track, now) or self._is_known(track):
                return
        track[_DONE] = True
        self._count(track, now)

    def _is_sparse(self, track, now):
        """Return whether most frames had no echo of it."""
        return track[_HITS] * 200 < now - track[_BORN]

    def _is_known(self, track):
        """Return whether it is a counted vehicle that was lost and found."""
        for other in self._tracks:
            if (
                other is not track
                and other[_DONE]
                and other[_AWAY] == track[_AWAY]
                and other[_SEEN] != self._now
                and abs(other[_AT] - track[_AT]) < 800
                and abs(other[_SPEED] - track[_SPEED]) < 100
            ):
                return True
        return False

    def _count(self, track, now):
        lane = LEAVING if track[_AWAY] else APPROACHING
        speed = (track[_MEAN] + 8) >> 4
        last, last_speed, was_sparse = self._last[lane]
        sparse = self._is_sparse(track, now)
        self._last[lane] = now, speed, sparse
        dead = _SPARSE_MS if sparse or was_sparse else _DEAD_TIME_MS
        soon = last is not None and now - last < dead
        if speed < _CREEPING and soon:
            # In a queue no truck's other end comes so near behind: it is who stands beside.
            soon = (now - last) * speed // 360 >= _BESIDE_CM
        if soon and abs(speed - last_speed) < _DEAD_TIME_SPEED:
            return
        self._period.count(lane, now, speed)
        over = _LENGTH_M * 36000 // speed if speed else _STANDING_MS
        self._period.occupy(lane, min(over, _STANDING_MS))

    def expire(self, now):
        """Forget the tracks that have left the beam by `now`."""
        kept = []
        for track in self._tracks:
            missed = now - track[_SEEN]
            if missed <= DEAD_MS or (
                missed <= _STANDS_MS
                and track[_SPEED] < _SLOW
                and track[_HITS] >= HITS_LEAST
                and abs(self._beyond(track)) < _NEAR_CM
            ):
                kept.append(track)
        self._tracks = kept
