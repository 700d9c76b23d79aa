"""What a period of traffic comes to, in the channels that every traffic sensor has.

For each lane or direction: vehicles, their classes where the sensor can tell, mean speed, 85th
percentile and speed classes where it knows speeds, occupancy, mean headway, and a running total
that lets a lost period cost detail and no vehicles. `docs/traffic.md` defines them.
"""

from array import array

from micropython import const

# What a sensor may honestly say of a vehicle; a driver whose channels have classes says one.
UNCLASSIFIED = const(0)
CAR_LIKE = const(1)
TRUCK_LIKE = const(2)

# A running total goes from here to 0: a small integer on every chip.
TOTAL_MOST = const(0x3FFFFFFF)
# Where the speed classes end, in km/h; the last one has no end.
SPEED_ENDS = (20, 30, 40, 50, 60, 80)

# What comes after more than this is no follower; the road was empty.
HEADWAY_MOST_MS = const(3600 * 1000)
# The speed in km/h from which on all are one for a percentile: a percentile's memory ends there.
_SPEED_MOST = const(160)


class Channels:
    """CHANNELS of a driver; `.ranges` is its RANGE. Entries are made when they are asked for, by
    lanes.py, which a node that has started does not need any more.

    `lanes`: their names, ("",) for a sensor that sees only one. With more than one lane the first
    channels are those of all lanes together. The order within a lane: _Lane.values().
    """

    def __init__(self, lanes, speeds=True, classes=False, is_ranges=False):
        self.lanes = lanes
        self.speeds = speeds
        self.classes = classes
        # How many there are of all lanes together.
        self.overall = 0
        if len(lanes) > 1:
            self.overall = 3 if speeds else 1
        self.ranges = None if is_ranges else Channels(lanes, speeds, classes, True)

    def __len__(self):
        # Those of a lane, and how much was seen at all.
        kinds = 4 + (3 if self.classes else 0) + (3 + len(SPEED_ENDS) if self.speeds else 0)
        return self.overall + kinds * len(self.lanes) + 1

    def __getitem__(self, i):
        """Return (name, unit, scale), or of ranges (least, most); IndexError behind the last."""
        if not 0 <= i < len(self):
            raise IndexError
        from gateway import lanes

        return lanes.channel(self, i) if self.ranges else lanes.limits(self, i)


class _Lane:
    def __init__(self, speeds, classes):
        self.vehicles = 0
        self.total = 0
        self.occupied_ms = 0
        self.last = None
        self.headways = 0
        self.headway_ms = 0
        self.classes = array("H", bytes(6)) if classes else None
        self.measured = 0
        self.speed_sum = 0
        # By class, and by km/h: a percentile needs more than classes.
        self.bins = array("H", bytes(2 * len(SPEED_ENDS) + 2)) if speeds else None
        self.histogram = array("H", bytes(2 * _SPEED_MOST + 2)) if speeds else None

    def count(self, at, speed, kind):
        self.vehicles += 1
        self.total = self.total + 1 & TOTAL_MOST
        if self.classes:
            self.classes[kind] += 1
        if self.last is not None and 0 <= at - self.last <= HEADWAY_MOST_MS:
            self.headways += 1
            self.headway_ms += at - self.last
        self.last = at
        if speed is not None:
            self.measured += 1
            self.speed_sum += speed
            self.histogram[min((speed + 5) // 10, _SPEED_MOST)] += 1
            place = 0
            while place < len(SPEED_ENDS) and speed >= 10 * SPEED_ENDS[place]:
                place += 1
            self.bins[place] += 1

    def values(self, covered_ms):
        """Return what the period came to, in the order of the channels; begin anew."""
        values = [self.vehicles]
        if self.classes:
            values += self.classes
        if self.histogram:
            values.append(_mean(self.speed_sum, self.measured))
            values.append(_percentile((self,), 85))
            values += self.bins
        occupancy = None
        if covered_ms:
            # Eighths: an hour's product would leave the small integers.
            share = 1000 * (self.occupied_ms >> 3) // max(covered_ms >> 3, 1)
            occupancy = min(share, 1000)
        values.append(occupancy)
        values.append(_mean(self.headway_ms, self.headways * 100))
        values.append(self.total)
        self._clear()
        return values

    def _clear(self):
        self.vehicles = self.occupied_ms = self.headways = self.headway_ms = 0
        self.measured = self.speed_sum = 0
        for cells in (self.classes, self.bins, self.histogram):
            for i in range(len(cells or ())):
                cells[i] = 0


class Period:
    """Gathers for the `channels` of a driver; `finish()` gives the row, in their order."""

    def __init__(self, channels):
        self._overall = channels.overall
        self._lanes = [_Lane(channels.speeds, channels.classes) for _ in channels.lanes]

    def count(self, lane, at, speed=None, kind=UNCLASSIFIED):
        """A vehicle passed at `at` (ms of uptime), at `speed` (0.1 km/h; None: not known)."""
        self._lanes[lane].count(at, speed, kind)

    def occupy(self, lane, ms):
        """A vehicle stood over the lane's line for so long, or for so long more."""
        self._lanes[lane].occupied_ms += ms

    def interrupt(self):
        """The sensor was blind: whom the next vehicle follows is not known."""
        for lane in self._lanes:
            lane.last = None

    def finish(self, covered_ms):
        """Return the row of a period of which the sensor saw `covered_ms`; begin anew.

        Without a vehicle there is neither speed nor headway: None.
        """
        row = []
        if self._overall:
            row.append(sum([lane.vehicles for lane in self._lanes]))
        if self._overall > 1:
            measured = sum([lane.measured for lane in self._lanes])
            row.append(_mean(sum([lane.speed_sum for lane in self._lanes]), measured))
            row.append(_percentile(self._lanes, 85))
        found = [lane.values(covered_ms) for lane in self._lanes]
        for kind in range(len(found[0])):
            for values in found:
                row.append(values[kind])
        row.append((covered_ms + 500) // 1000)
        return row


def _mean(total, count):
    return (2 * total + count) // (2 * count) if count else None


def _percentile(lanes, percent):
    """Return the speed in 0.1 km/h, whole km/h, that `percent` of the vehicles do not exceed."""
    wanted = (sum([lane.measured for lane in lanes]) * percent + 99) // 100
    if not wanted:
        return None
    seen = 0
    for speed in range(_SPEED_MOST):
        for lane in lanes:
            seen += lane.histogram[speed]
        if seen >= wanted:
            return speed * 10
    return _SPEED_MOST * 10
