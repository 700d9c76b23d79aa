"""Goals and limits of A are those of IEC 61672-1:2013, table 3, class 2; the tone bursts' those of
table 4.
"""

import math
from array import array

import micropython

from gateway import noise
from support import Noise

# (Hz, goal in dB, limit in dB); from 10 kHz on there is no lower limit.
A_WEIGHTS = (
    (20, -50.5, 3.0),
    (25, -44.7, 3.0),
    (31.5, -39.4, 3.0),
    (40, -34.6, 2.0),
    (50, -30.2, 2.0),
    (63, -26.2, 2.0),
    (80, -22.5, 2.0),
    (100, -19.1, 1.5),
    (125, -16.1, 1.5),
    (160, -13.4, 1.5),
    (200, -10.9, 1.5),
    (250, -8.6, 1.5),
    (315, -6.6, 1.5),
    (400, -4.8, 1.5),
    (500, -3.2, 1.5),
    (630, -1.9, 1.5),
    (800, -0.8, 1.5),
    (1000, 0.0, 1.0),
    (1250, 0.6, 1.5),
    (1600, 1.0, 2.0),
    (2000, 1.2, 2.0),
    (2500, 1.3, 2.5),
    (3150, 1.2, 2.5),
    (4000, 1.0, 3.0),
    (5000, 0.5, 3.5),
    (6300, -0.1, 4.5),
    (8000, -1.1, 5.0),
    (10000, -2.5, 5.0),
)
# (ms, goal, upper limit, lower limit) of LAFmax of a burst of 4 kHz against the tone.
BURSTS = (
    (1000, 0.0, 1.0, 1.0),
    (500, -0.1, 1.0, 1.0),
    (200, -1.0, 1.0, 1.0),
    (100, -2.6, 1.0, 1.0),
    (50, -4.8, 1.0, 1.5),
    (20, -8.3, 1.0, 2.0),
    (10, -11.1, 1.0, 2.0),
)
FULL_SCALE = 1200
SETTLES = noise.SETTLES_BLOCKS * noise.BLOCK


def tone(hertz, level, ms):
    """Return samples of a sine at `level` dB."""
    return sine(hertz, level, noise.RATE * ms // 1000)


def sine(hertz, level, count):
    most = 32768 * math.pow(10, (10 * level - FULL_SCALE) / 200)
    turn = 2 * math.pi * hertz / noise.RATE
    made = array("H", bytes(2 * count))
    for i in range(len(made)):
        made[i] = math.floor(most * math.sin(turn * i) + 0.5) & 0xFFFF
    return made


def settled():
    """Return a meter that has nothing to settle any more."""
    meter = noise.Meter(FULL_SCALE)
    meter.settling = 0
    return meter


def filtered(hertz):
    """Return the level in 0.001 dB that is left of a tone of 100 dB, once the filter has begun."""
    # The low tones take long to settle; then whole periods, as far as samples make them.
    skip = noise.RATE // (6 if hertz < 200 else 25)
    periods = max(3, int(hertz) // 8)
    samples = sine(hertz, 100, skip + int(periods * noise.RATE / hertz + 0.5))
    meter = noise.Meter(FULL_SCALE)
    state = meter.state
    noise.weigh(samples, 0, skip, state)
    state[6] = state[7] = 0
    noise.weigh(samples, skip, len(samples), state)
    level = meter.level(state[6], state[7], 1) + noise.logarithm(0, noise.BLOCK)
    return level - noise.logarithm(0, len(samples) - skip)


def weigh_without_heap(samples, at, stop, state):
    """Filter with the heap locked: where an int has 31 bits, none may be larger."""
    if not hasattr(micropython, "heap_lock"):
        noise.weigh(samples, at, stop, state)
        return
    micropython.heap_lock()
    try:
        noise.weigh(samples, at, stop, state)
    finally:
        micropython.heap_unlock()


def test_noise_a_weighting_is_within_class_2_and_a_good_deal_better():
    for hertz, goal, limit in A_WEIGHTS:
        off = filtered(hertz) / 1000 - 100 - goal
        assert abs(off) <= limit, (hertz, off)
        # The goals are rounded to 0.1 dB.
        assert abs(off) <= 0.2 or (hertz > 8000 and abs(off) < 0.5), (hertz, off)


def test_noise_logarithms_are_right_to_a_hundredth_of_a_decibel():
    assert noise.logarithm(0, 0) is None
    values = [1, 2, 3, 10, 100, 1000, 65535, 65536, 1 << 27, (1 << 28) - 1, 1 << 28, 1 << 40]
    values += [12345678 * i * i + 7 * i for i in range(1, 200, 7)]
    for value in values:
        got = noise.logarithm(value >> 28, value & (1 << 28) - 1)
        assert abs(got - 10000 * math.log(value) / math.log(10)) <= 10, (value, got)


def test_noise_levels_are_linear_from_its_own_noise_to_its_overload():
    samples = None
    for level in (40, 50, 60, 70, 80, 90, 100, 110, 119):
        samples = tone(1000, level, 160)
        meter = settled()
        state = meter.state
        noise.weigh(samples, 0, len(samples), state)
        state[6] = state[7] = 0
        meter.feed(samples, len(samples))
        values = meter.result()
        assert abs(values[0] - 10 * level) <= 2, (level, values)
    # One digit of correction is one digit of level.
    meter = noise.Meter(FULL_SCALE + 13)
    meter.settling = 0
    meter.state[:] = state
    meter.feed(samples, len(samples))
    assert abs(meter.result()[0] - 1203) <= 2


def test_noise_fast_mean_follows_bursts_as_the_standard_says():
    for ms, goal, above, below in BURSTS:
        burst = tone(4000, 100, ms)
        meter = settled()
        meter.feed(burst, len(burst))
        rest = array("H", bytes(2 * noise.RATE // 5))
        meter.feed(rest, len(rest))
        off = meter.result()[1] / 10 - 101.0 - goal
        assert -below <= off <= above, (ms, off)


def test_noise_counts_what_was_exceeded_how_long():
    meter = settled()
    loud, calm = tone(1000, 80, 1280), tone(1000, 60, 1280)
    meter.feed(calm, len(calm))
    meter.result()
    # Loud for a fifth of the time.
    for samples in (loud, calm, calm, calm, calm):
        meter.feed(samples, len(samples))
    laeq, most, la10, la50, la90, heard = meter.result()
    # 80 dB for 20 % are 73 dB, and 60 dB for the rest 0.2 more.
    assert abs(laeq - 732) <= 3, laeq
    assert abs(most - 800) <= 1 and abs(la10 - 800) <= 3
    assert abs(la50 - 600) <= 3 and abs(la90 - 600) <= 3
    assert heard == 64


def test_noise_does_not_care_in_which_pieces_samples_come():
    chance = Noise(3)
    samples = array("H", [chance.below(65536) for _ in range(SETTLES + 6000)])
    wanted = None
    for most in (len(samples), 1000, 192, 7):
        meter = noise.Meter(FULL_SCALE)
        for at in range(0, len(samples), most):
            piece = samples[at : at + most]
            meter.feed(piece, len(piece))
        values = meter.result()
        wanted = wanted or values
        assert values == wanted, most


def test_noise_stays_below_2_to_the_30_whatever_comes():
    chance = Noise(7)
    worst = []
    for kind in range(4):
        samples = array("H", bytes(2 * 12000))
        for i in range(len(samples)):
            high = (i // (1, 12, 600, 12000)[kind]) & 1
            samples[i] = 0x8000 if high else 0x7FFF
            if kind == 0:
                samples[i] = chance.below(65536)
        state = array("i", [noise.BIAS] * 6 + [0, 0])
        for at in range(0, len(samples) - noise.BLOCK, noise.BLOCK):
            weigh_without_heap(samples, at, at + noise.BLOCK, state)
            worst.append(max(abs(value - noise.BIAS) for value in state[:6]))
            assert 0 <= state[6] < 1 << 28 and 0 <= state[7] < 1 << 28
            state[6] = state[7] = 0
    assert max(worst) < 1 << 29


def test_noise_of_silence_is_no_result():
    meter = noise.Meter(FULL_SCALE)
    assert meter.result() is None
    for word in (0x0000, 0xFFFF, 0x0001):
        still = array("H", [word] * (2 * SETTLES))
        meter = noise.Meter(FULL_SCALE)
        meter.feed(still, len(still))
        assert meter.result() is None, word
