"""The scene is traffic: what comes in comes out, nobody drives through anybody, jams are jams."""

from itertools import pairwise

import pytest

from host_tools.twin import scene
from host_tools.twin.scene import Demand, Scene


def passed(seed, demand, lanes=1, minutes=5):
    """Return (scene, motor vehicles that passed) after a while; the rules hold at each step."""
    street = Scene(seed, demand, lanes)
    for _ in range(minutes * 600):
        street.step()
        if street.steps % 7:
            continue
        for way in street.ways:
            for lane in way.lanes:
                for leader, one in pairwise(lane):
                    assert leader.rear > one.x, "one has driven into another"
                assert all(one.v >= 0 for one in lane)
    return street, [one for one in street.passed if one.kind != "bicycle"]


def test_the_same_seed_is_the_same_street_and_another_seed_another():
    runs = [passed(seed, Demand(600), 2, 2)[0].passed for seed in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("flow", [150, 900])
def test_the_flow_asked_for_passes_at_about_the_speed_asked_for(flow):
    _, motor = passed(1, Demand(flow))
    assert abs(len(motor) - 2 * flow / 12) < 5 + 3 * (2 * flow / 12) ** 0.5
    assert 40 < sum(one.speed_kmh for one in motor) / len(motor) < 52
    kinds = {one.kind for one in motor}
    assert "car" in kinds and len(kinds) > 1


def test_a_signal_makes_a_jam_that_stands_and_goes():
    street, motor = passed(2, Demand(900, green=0.3))
    speeds = sorted(one.speed_kmh for one in motor)
    assert speeds[len(speeds) // 5] < 20 and speeds[-1] > 30
    assert any(one.v == 0 for one in street.ways[0].vehicles())


def test_two_lanes_are_used_to_overtake():
    _, motor = passed(3, Demand(500), lanes=2)
    assert {one.lane for one in motor} == {0, 1}
    times = [(one.way, one.lane, one.at_s) for one in motor]
    side_by_side = [
        (one, two)
        for one in times
        for two in times
        if one[0] == two[0] and one[1] < two[1] and abs(one[2] - two[2]) < 0.5
    ]
    assert side_by_side, "the hard case of every sensor is missing"


def test_everything_is_counted_once_at_the_line():
    street, _ = passed(4, Demand(300), minutes=5)
    beyond = sum(one.x >= scene.LINE_M for way in street.ways for one in way.vehicles())
    assert len(street.passed) >= beyond
    assert all(0 < one.at_s <= street.now_s for one in street.passed)
