import math

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
        found.setdefault(start + i * STEP_MS, []).append((metres, kmh + wobble, away, 0))


def watch(found, until=60000):
    """Return what a tracker makes of it."""
    period = traffic.Period(CHANNELS)
    watched = Tracker(period)
    for now in range(0, until, STEP_MS):
        watched.observe(now, found.get(now, ()))
    return finish(period)


def finish(period):
    """Return (vehicles, approaching, leaving, mean speed, 85th percentile) of a period."""
    row = period.finish(60000)
    return row[0], row[3], row[4], row[1], row[2]


def test_tracker_counts_one_vehicle_once():
    for away in (False, True):
        for kmh in (10, 30, 50, 90, 130):
            found = {}
            drive(found, 0, 10 if away else 70, kmh, away, 90 * 36 // kmh)
            result = watch(found)
            assert result == (1, not away, away, kmh * 10, kmh * 10), (away, kmh, result)


def test_tracker_who_does_not_reach_the_line_is_not_counted():
    found = {}
    drive(found, 0, 100, 50, False, 30)
    assert watch(found)[0] == 0


def test_tracker_fewer_hits_than_three_are_no_vehicle():
    for frames in range(6):
        found = {}
        drive(found, 0, 31, 50, False, frames)
        assert watch(found)[0] == (1 if frames >= tracker.HITS_LEAST else 0)


def test_tracker_bridges_a_gap_in_the_echoes_also_at_the_line():
    for first in (10, 25, 35):
        for missing in (1, 5, 14):
            found = {}
            drive(found, 0, 60, 36, False, 50)
            for i in range(first, first + missing):
                del found[i * STEP_MS]
            assert watch(found)[0] == 1, (first, missing)


def test_tracker_follows_noisy_echoes():
    found = {}
    drive(found, 0, 90, 50, False, 60, jitter=(0, 1, -1, 1, 0, -1, -1, 1))
    vehicles, _, _, mean, _ = watch(found)
    assert vehicles == 1 and abs(mean - 500) <= 5


def test_tracker_tells_vehicles_apart():
    # Two behind each other, one that overtakes, one that comes towards them.
    found = {}
    drive(found, 0, 90, 50, False, 60)
    drive(found, 0, 70, 50, False, 50)
    drive(found, 0, 95, 90, False, 35)
    drive(found, 0, 10, 50, True, 50)
    assert watch(found)[:3] == (4, 3, 1)


def test_tracker_one_that_was_hidden_counts_behind_the_line_and_drops_of_rain_do_not():
    found = {}
    drive(found, 0, 26, 40, False, 12)
    assert watch(found)[0] == 1
    drops = {}
    for i in range(12):
        drops[i * STEP_MS] = [(26 - i % 3, 12, False, 0)]
    assert watch(drops)[0] == 0


def test_tracker_who_stands_on_the_line_counts_once():
    for stop in range(27, 34):
        found = {}
        frames = (40 - stop) * 36 // 12
        drive(found, 0, 40, 12, False, frames)
        drive(found, frames * STEP_MS, stop, 7, False, 4)
        # It stands for half a minute, and drives on.
        drive(found, (frames + 300) * STEP_MS, stop, 7, False, 8)
        drive(found, (frames + 308) * STEP_MS, stop - 1, 13, False, 40)
        assert watch(found, 90000)[0] == 1, stop


def test_tracker_two_ends_of_a_truck_are_one_vehicle_and_a_follower_is_another():
    found = {}
    drive(found, 0, 80, 50, False, 60)
    sparse = {}
    drive(sparse, 0, 90, 50, False, 60)
    for i, now in enumerate(sorted(sparse)):
        if i % 3 == 0:
            found.setdefault(now, []).extend(sparse[now])
    assert watch(found)[0] == 1
    found = {}
    drive(found, 0, 80, 50, False, 60)
    drive(found, 0, 97, 50, False, 60)
    assert watch(found)[0] == 2


def test_tracker_speed_is_along_the_road():
    for yaw, angle in ((0, 20), (8, 12), (-5, 25), (0, -20)):
        period = traffic.Period(CHANNELS)
        watched = Tracker(period, yaw_deg=yaw)
        for i in range(40):
            # 47 km/h along the line of sight: 50 along the road, at 20 degrees.
            watched.observe(i * STEP_MS, [(60 - 13 * i // 10, 47, False, angle)])
        assert abs(finish(period)[3] - 500) <= 3, (yaw, angle)


def test_tracker_height_makes_a_near_speed_greater():
    period = traffic.Period(CHANNELS)
    watched = Tracker(period, line_m=20, height_m=6)
    for i in range(40):
        watched.observe(i * STEP_MS, [(40 - 13 * i // 10, 47, False, 0)])
    assert 477 <= finish(period)[3] <= 495


def test_tracker_what_is_slow_must_have_moved_before_it_counts():
    # A drop of rain that hangs before the line, and a bicycle that goes the same 15 km/h.
    drops = {i * STEP_MS: [(29, 15, True, 0)] for i in range(20)}
    assert watch(drops)[0] == 0
    found = {}
    drive(found, 0, 22, 15, True, 60)
    assert watch(found)[:3] == (1, 0, 1)


def test_tracker_who_is_steep_up_to_the_line_has_the_speed_of_its_last_echoes():
    # 13 m aside of the road's direction, leaving: 50 km/h along the road.
    period = traffic.Period(CHANNELS)
    watched = Tracker(period, line_m=26)
    for i in range(40):
        along = 10 + 1.389 * i
        distance = (along * along + 169) ** 0.5
        angle = math.degrees(math.atan2(13, along))
        kmh = round(50 * along / distance)
        watched.observe(i * STEP_MS, [(round(distance), kmh, True, round(angle))])
    assert abs(finish(period)[3] - 500) <= 15


def test_tracker_those_beside_each_other_in_a_queue_are_two():
    period = traffic.Period(CHANNELS)
    watched = Tracker(period)
    first, second = 50.0, 58.0
    for i in range(150):
        # The second one comes up to a metre and a half behind the first, in another lane.
        speed = 20 if second - first > 1.5 else 12
        first -= 12 / 36
        second -= speed / 36
        echoes = [(round(first), 12, False, 0), (round(second), speed, False, 0)]
        watched.observe(i * STEP_MS, echoes)
    assert finish(period)[0] == 2


def test_tracker_rounds_mean_and_percentile():
    found = {}
    speeds = (30, 40, 41, 50, 50, 51, 52, 53, 60, 90)
    for i, kmh in enumerate(speeds):
        drive(found, i * 5000, 45, kmh, False, 20)
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
        drive(found, i * 1400, 45, 100, False, 10)
    total = 0
    for now in range(0, 40000, STEP_MS):
        watched.observe(now, found.get(now, ()))
        if now % 1000 == 0:
            total += finish(period)[0]
    assert total == 20
    assert finish(period) == (0, 0, 0, None, None)


def test_tracker_a_crowd_has_a_limit_and_is_counted():
    period = traffic.Period(CHANNELS)
    watched = Tracker(period)
    crowd = [(5 + 5 * i, 40, False, 0) for i in range(20)]
    for i in range(5):
        watched.observe(i * STEP_MS, crowd)
    assert len(watched._tracks) == tracker.TRACKS_MOST and watched.crowded >= 16
    # What is not seen any more gives way.
    watched.observe(600, [(115, 99, True, 0)])
    assert len(watched._tracks) == tracker.TRACKS_MOST


def test_tracker_a_standing_echo_is_no_vehicle_however_long():
    found = {}
    drive(found, 0, 40, 0, False, 500)
    assert watch(found)[0] == 0
