"""What the channels of a traffic sensor are called, and how large they get.

`channels` is traffic.Channels. `docs/traffic.md` defines them.
"""

from gateway.traffic import HEADWAY_MOST_MS, SPEED_ENDS, TOTAL_MOST

_COUNT = (0, 10000)
_SPEED = (0, 2550)
_OVERALL = (
    ("vehicles", "1", 1, _COUNT),
    ("speed_mean", "km/h", 10, _SPEED),
    ("speed_p85", "km/h", 10, _SPEED),
)
_COVERAGE = ("coverage", "s", 1, (0, 3600))


def channel(channels, i):
    """Return (name, unit, scale)."""
    return _describe(channels, i)[:3]


def limits(channels, i):
    """Return (least, most)."""
    return _describe(channels, i)[3]


def _describe(channels, i):
    if i < channels.overall:
        return _OVERALL[i]
    if i == len(channels) - 1:
        return _COVERAGE
    kind, place = divmod(i - channels.overall, len(channels.lanes))
    name, unit, scale, ends = _of_lane(channels, kind)
    lane = channels.lanes[place]
    if not lane:
        return name, unit, scale, ends
    if name == "vehicles_total":
        return "vehicles_" + lane + "_total", unit, scale, ends
    return name + "_" + lane, unit, scale, ends


def _of_lane(channels, kind):
    """Return (name, unit, scale, range) of what a lane has at this place."""
    if kind == 0:
        return "vehicles", "1", 1, _COUNT
    kind -= 1
    if channels.classes:
        if kind < 3:
            return "vehicles_" + ("unclassified", "car_like", "truck_like")[kind], "1", 1, _COUNT
        kind -= 3
    if channels.speeds:
        if kind < 2:
            return ("speed_mean", "speed_p85")[kind], "km/h", 10, _SPEED
        kind -= 2
        if kind <= len(SPEED_ENDS):
            low = SPEED_ENDS[kind - 1] if kind else 0
            high = SPEED_ENDS[kind] if kind < len(SPEED_ENDS) else "up"
            return "vehicles_%d_%s" % (low, high), "1", 1, _COUNT
        kind -= 1 + len(SPEED_ENDS)
    return (
        ("occupancy", "%", 10, (0, 1000)),
        ("headway_mean", "s", 10, (0, HEADWAY_MOST_MS // 100)),
        ("vehicles_total", "1", 1, (0, TOTAL_MOST)),
    )[kind]
