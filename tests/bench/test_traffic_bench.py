"""The short form of `make bench-traffic`: some minutes of a street through the real driver."""

import pytest

from tests.bench import traffic_chart
from tests.bench.traffic import Case, Count, run
from tests.bench.traffic_hours import cases, figures, geh, kinds, overview, table

MINUTES = 5


@pytest.mark.slow
@pytest.mark.parametrize("case", [Case(11, 300), Case(12, 500, rain=0.5)], ids=["dry", "rain"])
def test_radar_and_tracker_count_a_street(case):
    counts = run(Case(**{**case.__dict__, "seconds": MINUTES * 60}))
    found = figures([counts], MINUTES * 60)
    assert found.vehicles > 40
    assert found.geh_good == 1 and found.mape < 0.10, found
    assert abs(found.speed_worst) < 2, found


def test_the_whole_bench_is_fifty_hours_and_more_up_to_900_vehicles_a_lane():
    hours = [case for group in cases().values() for case in group]
    assert len(hours) >= 50 and len(set(hours)) == len(hours)
    assert max(case.flow for case in hours) == 900 and min(case.flow for case in hours) == 100


def test_geh_is_the_textbooks():
    assert geh(0, 0) == geh(500, 500) == 0
    assert geh(1000, 900) == pytest.approx((2 * 100**2 / 1900) ** 0.5)


def test_every_kind_of_radar_has_its_line():
    counts = [Count(way, 100, 98, 50.0, 49.0) for way in (0, 1)]
    one = figures([counts])
    assert table({"dry": one})[2] == "| dry | 1 | 200 | 100%, 0.2 | −2.0% | 2.0% | -1.0, -1.0 |"
    line = overview("ld2451", one, one)
    assert line.startswith("| `ld2451` | 100%, 2.0% | -1.0; 100% within 2 |")
    flat = [case for groups in kinds().values() for group in groups.values() for case in group]
    assert len(set(flat)) == len(flat) and {case.sensor for case in flat} == set(kinds())


@pytest.mark.parametrize("sensor", ["ld2415h", "ops243a"])
def test_a_speed_radar_counts_a_thin_street(sensor):
    counts = run(Case(13, 300, seconds=MINUTES * 60, sensor=sensor))
    found = figures([counts], MINUTES * 60)
    assert found.vehicles > 40 and found.geh_good == 1, found
    assert abs(found.error) < 0.15 and abs(found.speed_error) < 2.5, found


def test_the_chart_has_a_dot_for_each_hour_and_an_arrow_where_there_is_no_room():
    dry = {"dry": [(100, 101), (900, 880)], "rain": [(400, 430)]}
    svg = traffic_chart.draw({"ld2451": dry, "ops243a": {"dry": [(900, 500)]}})
    assert svg.count('class="dot"') == 4 and svg.count("<circle class") == 3
    assert "GEH below 5" in svg and "OPS243-A" in svg
