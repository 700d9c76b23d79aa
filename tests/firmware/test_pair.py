from gateway import traffic
from gateway.pair import Pair

MASK = 0x3FFFFFFF
DISTANCE, ZONE = 400, 200


class Period:
    def __init__(self):
        self.counted = []

    def count(self, lane, at, speed, kind):
        self.counted.append((at, speed, kind))


class Fixture:
    """Two loops of 2 m, 4 m from front to front; `us` may be near where ticks wrap."""

    def __init__(self, us=0):
        self.us = us
        self.period = Period()
        self.pair = Pair(self.period, DISTANCE, ZONE, 700)
        self.edges = []

    def drive(self, ms, kmh, cm, first=0, seen=(0, 1)):
        """A vehicle is at its first loop after `ms`."""
        for i in range(2):
            on = ms * 1000 + i * DISTANCE * 36000 // kmh
            if i in seen:
                self.edges.append((on, first ^ i, True))
                self.edges.append((on + (cm + ZONE) * 36000 // kmh, first ^ i, False))

    def counted(self, until_ms=600000):
        for us, number, taken in sorted(self.edges):
            self.pair.expire(self.us + us & MASK, us // 1000)
            self.pair.change(number, taken, self.us + us & MASK, us // 1000)
        self.pair.expire(self.us + until_ms * 1000 & MASK, until_ms)
        self.edges = []
        counted, self.period.counted = self.period.counted, []
        return counted


def test_pair_measures_speed_and_length_in_either_direction():
    for us in (0, MASK - 400000):
        for kmh in (10, 50, 130, 200):
            for cm, kind in ((180, 1), (450, 1), (690, 1), (720, 2), (1875, 2)):
                for first in (0, 1):
                    f = Fixture(us)
                    f.drive(1000, kmh, cm, first)
                    ((ms, speed, found),) = f.counted()
                    assert ms == 1000 and abs(speed - 10 * kmh) <= 1, (kmh, cm, speed)
                    assert found == kind, (kmh, cm, first, found)


def test_pair_keeps_those_that_follow_closely_apart():
    f = Fixture()
    # Two metres from bumper to bumper, at a walk and faster.
    for kmh, every_ms in ((8, 2925), (30, 780), (90, 300)):
        for i in range(20):
            f.drive(1000 + i * every_ms, kmh, 450)
        counted = f.counted()
        assert [c[1:] for c in counted] == [(10 * kmh, traffic.CAR_LIKE)] * 20, (kmh, counted)


def test_pair_counts_who_was_seen_by_one_only_and_takes_nobody_for_another():
    f = Fixture()
    f.drive(1000, 50, 450, seen=(0,))
    f.drive(2500, 50, 450)
    f.drive(4000, 50, 450, seen=(1,))
    f.drive(5500, 50, 450)
    counted = f.counted()
    assert len(counted) == 4
    assert sorted(c[1:] for c in counted if c[1]) == [(500, traffic.CAR_LIKE)] * 2
    assert [c[1:] for c in counted if not c[1]] == [(None, traffic.UNCLASSIFIED)] * 2


def test_pair_who_stops_between_has_neither_speed_nor_class():
    f = Fixture()
    f.edges = [(0, 0, True), (40000000, 1, True), (41000000, 0, False), (41500000, 1, False)]
    assert f.counted() == [(0, None, traffic.UNCLASSIFIED)]
    # Braking hard is still a speed.
    f.edges = [(0, 0, True), (300000, 1, True), (500000, 0, False), (950000, 1, False)]
    ((_, speed, _),) = f.counted()
    assert speed == 384


def test_pair_with_a_loop_that_hangs_goes_on_counting_by_the_other():
    for stuck in (0, 1):
        f = Fixture()
        f.pair.change(stuck, True, 0, 0)
        for i in range(30):
            f.drive(1000 + 3000 * i, 50, 450, seen=(1 - stuck,))
        counted = f.counted()
        assert 28 <= len(counted) <= 31, len(counted)
        f.pair.change(stuck, False, 90000000, 90000)
        f.edges = []
        f.drive(100000, 50, 450)
        assert f.counted()[-1] == (100000, 500, traffic.CAR_LIKE)
