from gateway import traffic

ROAD = traffic.Channels(("approaching", "leaving"))
LANE = traffic.Channels(("",), classes=True)
BEAM = traffic.Channels(("",), speeds=False)
# All that a driver may ask for; a frame has room for 32.
LARGEST = (ROAD, LANE, BEAM, traffic.Channels(("left", "right"), speeds=False, classes=True))


def named(channels, row):
    """Return {channel: value} of a row."""
    assert len(row) == len(channels)
    return {channels[i][0]: row[i] for i in range(len(row))}


def passing(channels, vehicles, covered_ms=300000):
    """Return the row after (lane, at, speed, kind) of `vehicles`."""
    period = traffic.Period(channels)
    for vehicle in vehicles:
        period.count(*vehicle)
    return named(channels, period.finish(covered_ms))


def test_traffic_names_of_a_lane_and_of_a_road():
    names = " ".join([channel[0] for channel in BEAM])
    assert names == "vehicles occupancy headway_mean vehicles_total coverage"
    names = [channel[0] for channel in ROAD]
    first = "vehicles speed_mean speed_p85 vehicles_approaching vehicles_leaving"
    assert " ".join(names[:5]) == first
    assert "vehicles_20_30_leaving" in names and "vehicles_80_up_approaching" in names
    assert names[-3:] == ["vehicles_approaching_total", "vehicles_leaving_total", "coverage"]
    assert "vehicles_truck_like" in [channel[0] for channel in LANE]


def test_traffic_channels_fit_into_a_frame_and_have_a_range_each():
    for channels in LARGEST:
        names = [channel[0] for channel in channels]
        assert len(names) == len(channels) == len(channels.ranges) == len(set(names)) <= 32
        for i, (name, unit, scale) in enumerate(channels):
            low, high = channels.ranges[i]
            assert 0 == low < high <= traffic.TOTAL_MOST and scale in (1, 10) and unit, name


def test_traffic_an_empty_period_is_of_zeros_without_speed_and_headway():
    for channels in LARGEST:
        for name, value in passing(channels, ()).items():
            if name == "coverage":
                assert value == 300
            elif "speed_" in name or "headway" in name:
                assert value is None, name
            else:
                assert value == 0, name


def test_traffic_what_no_second_was_seen_of_has_no_occupancy():
    told = passing(BEAM, (), 0)
    assert told["occupancy"] is None and told["coverage"] == 0


def test_traffic_speeds_are_of_a_direction_and_of_all():
    told = passing(ROAD, [(0, 1000 * i, 300 + i) for i in range(3)] + [(1, 5000, 800)])
    assert [told[n] for n in ("vehicles", "vehicles_approaching", "vehicles_leaving")] == [4, 3, 1]
    assert told["speed_mean_approaching"] == 301 and told["speed_mean_leaving"] == 800
    assert told["speed_mean"] == (300 + 301 + 302 + 800 + 2) // 4
    # Whole km/h; of three, the 85th percentile is the third.
    assert told["speed_p85_approaching"] == 300 and told["speed_p85"] == 800


def test_traffic_a_vehicle_without_a_speed_counts_and_is_in_no_speed():
    told = passing(LANE, [(0, 0, None), (0, 1, 500), (0, 2, 600)])
    assert told["vehicles"] == 3 and told["speed_mean"] == 550
    assert sum(told[name] for name in told if name in ("vehicles_50_60", "vehicles_60_80")) == 2


def test_traffic_speed_classes_end_where_they_say():
    speeds = (0, 199, 200, 299, 300, 399, 400, 499, 500, 599, 600, 799, 800, 2550, 9999)
    told = passing(LANE, [(0, 0, speed) for speed in speeds])
    ends = traffic.SPEED_ENDS + ("up",)
    found = [told["vehicles_%s_%s" % pair] for pair in zip((0,) + ends, ends)]
    assert found == [2, 2, 2, 2, 2, 2, 3]
    assert told["speed_p85"] == 800


def test_traffic_classes_add_up_to_all():
    told = passing(
        LANE, [(0, 0, 500, traffic.CAR_LIKE)] * 5 + [(0, 0, 500, traffic.TRUCK_LIKE), (0, 0)]
    )
    kinds = [told["vehicles_" + kind] for kind in ("car_like", "truck_like", "unclassified")]
    assert kinds == [5, 1, 1] and told["vehicles"] == 7


def test_traffic_headway_is_from_one_vehicle_of_a_direction_to_the_next():
    told = passing(ROAD, [(0, 1000, 500), (1, 1500, 500), (0, 3000, 500), (0, 6040, 500)])
    assert told["headway_mean_approaching"] == 25 and told["headway_mean_leaving"] is None


def test_traffic_headway_goes_on_from_one_period_to_the_next_unless_the_sensor_was_blind():
    period = traffic.Period(BEAM)
    for blind, expected in ((False, 40), (True, None)):
        period.count(0, 10000)
        period.finish(5000)
        if blind:
            period.interrupt()
        period.count(0, 14000)
        assert named(BEAM, period.finish(5000))["headway_mean"] == expected
    # After an empty hour nobody follows.
    period.count(0, 14001 + 3600000)
    assert named(BEAM, period.finish(5000))["headway_mean"] is None


def test_traffic_occupancy_is_of_what_was_covered():
    period = traffic.Period(BEAM)
    for occupied, covered, expected in (
        (0, 300000, 0),
        (30000, 300000, 100),
        (30000, 60000, 500),
        (3600000, 3600000, 1000),
        (70000, 60000, 1000),
        (4, 4, 0),
    ):
        period.occupy(0, occupied)
        assert named(BEAM, period.finish(covered))["occupancy"] == expected, occupied


def test_traffic_totals_never_begin_anew_and_wrap_as_small_integers():
    period = traffic.Period(ROAD)
    for total in range(1, 4):
        period.count(1, 0, 500)
        told = named(ROAD, period.finish(1000))
        assert told["vehicles_leaving_total"] == total and told["vehicles_approaching_total"] == 0
    period._lanes[0].total = traffic.TOTAL_MOST
    period.count(0, 0, 500)
    assert named(ROAD, period.finish(1000))["vehicles_approaching_total"] == 0


def test_traffic_a_whole_hour_stays_within_small_integers():
    told = passing(LANE, [(0, 400 * i, 2550) for i in range(9000)], 3600000)
    assert told["speed_mean"] == 2550 and told["vehicles"] == 9000 and told["headway_mean"] == 4
