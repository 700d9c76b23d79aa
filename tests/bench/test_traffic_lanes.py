"""Ten minutes of what `make bench-traffic-lanes` does for hours."""

import pytest

from tests.bench import traffic_lanes


@pytest.mark.parametrize("flow, green", [(600, 1.0)])
def test_every_lane_sensor_counts_a_street_as_well_as_its_page_says(flow, green):
    found = traffic_lanes.hour((4, flow, green, 1 / 6))
    for kind, lanes in found.items():
        one = traffic_lanes.score(lanes)
        assert one.geh_worst < 2 and one.mape < 8, (kind, one)
        assert one.speed_error is None or one.speed_error < 1, (kind, one)


def test_errors_are_what_they_are_called():
    count = traffic_lanes.Count(100, 90, 50.0, 48.5, 4, 5)
    one = traffic_lanes.score([[count, traffic_lanes.Count(0, 0, None, None, 0, 0)]])
    assert round(one.bias, 6) == -10 and round(one.mape, 6) == 10 and one.speed_error == 1.5
    assert round(one.geh_worst, 3) == round((2 * 100 / 190) ** 0.5, 3)
    assert one.geh_good == one.speed_good == 100 and one.trucks == 25
    assert traffic_lanes.geh(0, 0) == 0 and traffic_lanes.geh(50, 0) == 10
