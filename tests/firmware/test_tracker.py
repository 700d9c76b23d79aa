from gateway import tracker, traffic
from gateway.tracker import Tracker

CHANNELS = traffic.Channels(tracker.DIRECTIONS)

STEP_MS = 100


def drive(found, start, distance_m, kmh, away, frames, jitter=()):
    """Add the echoes of one vehicle to `found`, {time: [(distance, speed, away), …]}."""
    for i in range(frames):
        moved = kmh * i * STEP_MS // 3600
        wobble = jitter[i % len(jitter)] if jitter else 0
        metres = distance_m + (moved if away else -moved) + wobble
        found.setdefault(start + i * STEP_MS, []).append((metres, kmh + wobble, away))


def watch(found, until=60000):
    """Return what a tracker makes of it."""
    period = traffic.Period(CHANNELS)
    watched = Tracker(period)
    for now in sorted(found):
        watched.observe(now, found[now])
    watched.expire(until)
    return finish(period)


def finish(period):
    """Return (vehicles, approaching, leaving, mean speed, 85th percentile) of a period."""
    row = period.finish(60000)
    return row[0], row[3], row[4], row[1], row[2]


def test_tracker_counts_one_vehicle_once():
    for away in (False, True):
        for kmh in (5, 30, 50, 90, 130):
            found = {}
            drive(found, 0, 10 if away else 100, kmh, away, 20)
            result = watch(found)
            assert result == (1, not away, away, kmh * 10, kmh * 10), (away, kmh, result)


def test_tracker_fewer_hits_than_three_are_no_vehicle():
    for frames in range(6):
        found = {}
        drive(found, 0, 60, 50, False, frames)
        assert watch(found)[0] == (1 if frames >= tracker.HITS_LEAST else 0)


def test_tracker_bridges_a_gap_in_the_echoes_and_not_a_longer_one():
    for missing, vehicles in ((1, 1), (5, 1), (14, 1), (17, 2)):
        found = {}
        drive(found, 0, 90, 36, False, 10 + missing + 10)
        for i in range(10, 10 + missing):
            del found[i * STEP_MS]
        assert watch(found)[0] == vehicles, missing


def test_tracker_follows_noisy_echoes():
    found = {}
    drive(found, 0, 90, 50, False, 30, jitter=(0, 1, -1, 1, 0, -1, -1, 1))
    vehicles, _, _, mean, _ = watch(found)
    assert vehicles == 1 and abs(mean - 500) <= 5


def test_tracker_tells_vehicles_apart():
    # Two behind each other, one that overtakes, one that comes towards them.
    found = {}
    drive(found, 0, 100, 50, False, 30)
    drive(found, 0, 80, 50, False, 30)
    drive(found, 0, 60, 90, False, 15)
    drive(found, 0, 20, 50, True, 30)
    assert watch(found)[:3] == (4, 3, 1)


def test_tracker_rounds_mean_and_percentile():
    found = {}
    speeds = (30, 40, 41, 50, 50, 51, 52, 53, 60, 90)
    for i, kmh in enumerate(speeds):
        drive(found, i * 5000, 90, kmh, False, 8)
    vehicles, _, _, mean, p85 = watch(found)
    assert vehicles == len(speeds)
    assert mean == 10 * sum(speeds) // len(speeds)
    # Nine of ten go no faster than 60: the first speed that 85 % do not exceed.
    assert p85 == 600


def test_tracker_begins_each_period_anew_and_loses_nobody_between_two():
    period = traffic.Period(CHANNELS)
    watched = Tracker(period)
    found = {}
    for i in range(20):
        drive(found, i * 700, 90, 100, False, 6)
    total = 0
    for now in sorted(found):
        watched.observe(now, found[now])
        if now % 1000 == 0:
            total += finish(period)[0]
    watched.expire(60000)
    total += finish(period)[0]
    assert total == 20
    assert finish(period) == (0, 0, 0, None, None)


def test_tracker_a_crowd_has_a_limit_and_is_counted():
    period = traffic.Period(CHANNELS)
    watched = Tracker(period)
    crowd = [(5 + 8 * i, 40, False) for i in range(12)]
    for i in range(5):
        watched.observe(i * STEP_MS, crowd)
    watched.expire(60000)
    assert finish(period)[0] == tracker.TRACKS_MOST
    assert watched.crowded == 5 * 4


def test_tracker_a_standing_echo_is_one_vehicle_however_long():
    found = {}
    drive(found, 0, 40, 0, False, 500)
    assert watch(found) == (1, 1, 0, 0, 0)
