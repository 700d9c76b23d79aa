from gateway import flags
from gateway.quality import Company, Judge
from support import Noise


class Dust:
    CHANNELS = (("pm2_5", "ug/m3", 10), ("pm10", "ug/m3", 10))
    RANGE = ((0, 9999), (0, 9999))
    SPIKE = (100, 0)
    STUCK_ROWS = (5, 0)
    HUMIDITY_MOST = (70, 0)
    PAIR = ((50, 30), 0)


class Weather:
    CHANNELS = (("temperature", "degC", 100), ("humidity", "%RH", 100))
    RANGE = ((-4000, 8500), (0, 10000))
    PAIR = ((200, 0), (600, 0))


def _masks(values, driver=Dust, channel=0, period_ms=10000):
    judge = Judge(driver, period_ms)
    return [judge.mask(channel, value) for value in values]


def test_quality_a_value_alone_is_a_spike_and_a_step_is_none():
    assert _masks([50, 52, 300, 51, 53]) == [0, 0, flags.SPIKE, 0, 0]
    # What stays was true from its second value on; what was before is no spike then.
    assert _masks([50, 52, 300, 301, 299]) == [0, 0, flags.SPIKE, 0, 0]
    assert _masks([50, 52, 152, 52, -48])[2:4] == [0, 0]
    # Where all differ, all are doubtful, until two agree again.
    assert _masks([50, 52, 300, 500, 51, 52]) == [0, 0] + [flags.SPIKE] * 3 + [0]


def test_quality_judges_no_spike_without_two_neighbours_or_a_limit():
    assert _masks([50, 300, 50]) == [0, 0, 0]
    assert _masks([50, 52, None, 300, 301, 302]) == [0] * 6
    assert _masks([50, 52, 300], channel=1) == [0, 0, 0]
    assert _masks([50, 52, 300], period_ms=60000)[2] == flags.SPIKE
    # From one hour to the next the air may do that.
    assert _masks([50, 52, 300], period_ms=3600000) == [0, 0, 0]


def test_quality_equal_values_are_stuck_from_the_stated_row_on():
    assert _masks([7] * 6 + [8, 7]) == [0] * 4 + [flags.STUCK] * 2 + [0, 0]
    assert _masks([7, 7, None, 7, 7, None, 7]) == [0] * 6 + [flags.STUCK]
    assert _masks([7] * 9, channel=1) == [0] * 9
    # At the ends of the range it may be so: no dust at all, or more than can be measured.
    assert _masks([0] * 9) == [0] * 9 and _masks([9999] * 9) == [0] * 9
    assert _masks([10000] * 9) == [flags.OUT_OF_RANGE] * 9


def test_quality_judges_a_driver_without_limits_by_its_range_only():
    for values in ([1, 1, 1, 1, 1, 1], [1, 1, 8000, 1], [None, 1, None]):
        assert _masks(values, Weather) == [0] * len(values)
    assert _masks([-4001, 8501], Weather) == [flags.OUT_OF_RANGE] * 2


def test_quality_noise_of_a_day_is_neither_stuck_nor_a_spike():
    noise = Noise(5)
    level = 400
    for _ in range(3000):
        level = max(100, level + noise.below(21) - 10)
        judged = _masks([level, level + noise.below(40), level + noise.below(40)])
        assert judged == [0, 0, 0], level


def _row(sensors, values, masks=None):
    company = Company()
    first = 0
    for driver in sensors:
        company.add(driver, first)
        first += len(driver.CHANNELS)
    masks = masks or [0] * first
    company.mark(values, masks)
    return masks


def test_quality_damp_air_marks_dust_and_nothing_else():
    for sensors in ([Dust, Weather], [Weather, Dust]):
        start = sensors.index(Weather) * 2
        for humidity, mask in ((6999, 0), (7000, flags.HUMID), (9950, flags.HUMID), (None, 0)):
            values = [50, 80, 50, 80]
            values[start : start + 2] = [2000, humidity]
            expected = [0] * 4
            expected[2 - start] = mask
            assert _row(sensors, values) == expected, (sensors, humidity)
    # A value that is missing keeps its reason.
    masks = [flags.NO_ANSWER, flags.NO_ANSWER, 0, 0]
    assert _row([Dust, Weather], [None, None, 2000, 9000], masks) == masks
    assert _row([Dust], [50, 80]) == [0, 0]


def test_quality_a_pair_that_disagrees_is_marked_on_both_sides():
    both = [flags.DISAGREES, 0, flags.DISAGREES, 0]
    for one, other, expected in (
        (100, 151, both),
        (151, 100, both),
        (100, 150, [0] * 4),
        # By more than the difference, but not by 30 %.
        (1000, 1300, [0] * 4),
        (1000, 1429, both),
        (None, 900, [0] * 4),
    ):
        assert _row([Dust, Dust], [one, 0, other, 900]) == expected, (one, other)
    assert _row([Weather, Weather], [-500, 5000, -701, 5600])[0::2] == [flags.DISAGREES] * 2
    # One of another kind is no pair.
    assert _row([Dust, Weather], [100, 0, 2000, 5000]) == [0] * 4


def test_quality_of_three_of_a_kind_the_odd_one_and_its_neighbours_are_marked():
    masks = _row([Dust] * 3, [100, 0, 105, 0, 300, 0])
    assert masks == [flags.DISAGREES, 0] * 3
