"""The short form of `make bench-traffic`: some minutes of a street through the real driver."""

import pytest

from tests.bench import traffic_chart
from tests.bench.traffic import Case, run
from tests.bench.traffic_hours import cases, figures, geh

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


def test_the_chart_has_a_dot_for_each_hour():
    svg = traffic_chart.draw({"dry": [(100, 101), (900, 880)], "rain": [(400, 430)]})
    assert svg.count('r="4"') == 3 and "GEH below 5" in svg
