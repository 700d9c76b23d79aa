from gateway import doppler, traffic
from support import raises

CHANNELS = traffic.Channels(doppler.DIRECTIONS)


class Watch:
    """Passages of a beam without an angle, fed line by line."""

    def __init__(self, angle_deg=0, gap_ms=350, hits_least=3):
        self.period = traffic.Period(CHANNELS)
        self.passages = doppler.Passages(self.period, angle_deg, gap_ms, hits_least)

    def drive(self, start, speed, lines=15, lane=0, line_ms=45):
        for i in range(lines):
            self.passages.observe(start + i * line_ms, lane, speed)
        return start + (lines - 1) * line_ms

    def row(self, now=200000):
        self.passages.expire(now)
        return {channel[0]: v for channel, v in zip(CHANNELS, self.period.finish(60000))}


def test_tenths_reads_what_radars_write_and_nothing_else():
    for text, value in (
        (b"0", 0),
        (b"001.9", 19),
        (b"+12.34", 123),
        (b"-12.35", -124),
        (b"7.", 70),
        (b"123456", 1234560),
    ):
        assert doppler.tenths(text) == value, text
    for text in (b"", b"+", b"-", b".5", b"1.2.3", b"1e5", b"1 2", b"--1", b"1234567", b"1.x"):
        assert raises(ValueError, doppler.tenths, text) == "number", text


def test_passages_one_without_a_gap_is_one_vehicle():
    watch = Watch()
    watch.drive(1000, 500)
    row = watch.row()
    assert row["vehicles"] == row["vehicles_approaching"] == row["vehicles_approaching_total"] == 1
    assert row["speed_mean"] == row["speed_p85"] == 500 and row["vehicles_leaving"] == 0
    # 5 m at 50 km/h are 360 ms of 60 s.
    assert row["occupancy_approaching"] == 6


def test_passages_a_gap_makes_two_and_less_of_one_does_not():
    for gap_ms, vehicles in ((45, 1), (340, 1), (360, 2), (5000, 2)):
        watch = Watch()
        end = watch.drive(1000, 500)
        watch.drive(end + gap_ms, 520)
        assert watch.row()["vehicles"] == vehicles, gap_ms


def test_passages_too_few_lines_are_no_vehicle():
    for lines, vehicles in ((1, 0), (2, 0), (3, 1)):
        watch = Watch()
        watch.drive(1000, 500, lines)
        assert watch.row()["vehicles"] == vehicles


def test_passages_those_that_meet_are_one_of_each_direction():
    watch = Watch()
    for i in range(10):
        watch.passages.observe(1000 + 90 * i, 0, 500)
        watch.passages.observe(1045 + 90 * i, 1, 400)
    row = watch.row()
    assert (row["vehicles_approaching"], row["vehicles_leaving"]) == (1, 1)
    assert (row["speed_mean_approaching"], row["speed_mean_leaving"]) == (500, 400)


def test_passages_who_stops_in_the_beam_and_goes_on_is_one_vehicle():
    watch = Watch()
    now = watch.drive(1000, 200)
    now = watch.drive(now + 45, 60, 5)
    watch.drive(now + 30000, 70)
    assert watch.row()["vehicles"] == 1
    # Who is fast at once is another one, and so is who comes after a minute.
    watch = Watch()
    now = watch.drive(1000, 60, 5)
    now = watch.drive(now + 30000, 400)
    now = watch.drive(now + 2000, 60, 5)
    watch.drive(now + 61000, 60, 5)
    assert watch.row()["vehicles"] == 4


def test_passages_speeds_are_those_along_the_road():
    watch = Watch(45)
    for i in range(11):
        watch.passages.observe(1000 + 45 * i, 0, 353 if i % 2 else 354)
    assert abs(watch.row()["speed_mean"] - 500) <= 1


def test_passages_what_never_ends_fills_no_memory_and_no_integer():
    watch = Watch(70)
    now = 0
    for _ in range(100000):
        now += 45
        watch.passages.observe(now, 0, 2400)
    row = watch.row(now + 1000)
    assert row["vehicles"] == 50 and row["speed_mean"] == 2500
