"""The figures are what Sensirion's own code (gas index algorithm 3.2.0) says of such signals."""

from gateway.gas_index import NOX, VOC, Index
from support import Noise

COUNT = 3000
# (kind, s between readings, usual raw signal, size of events, every hundredth index)
SAID = (
    (
        VOC,
        1,
        30000,
        3000,
        (
            94,
            100,
            102,
            102,
            100,
            98,
            101,
            100,
            101,
            102,
            100,
            100,
            100,
            165,
            117,
            310,
            66,
            97,
            32,
            84,
            155,
            105,
            103,
            99,
            99,
            99,
            101,
            124,
            39,
            64,
        ),
    ),
    (
        VOC,
        10,
        30000,
        3000,
        (
            100,
            101,
            101,
            95,
            94,
            95,
            499,
            86,
            74,
            67,
            433,
            487,
            63,
            63,
            69,
            73,
            75,
            81,
            79,
            79,
            192,
            219,
            79,
            78,
            78,
            82,
            84,
            83,
            83,
            80,
        ),
    ),
    (
        NOX,
        1,
        16000,
        9000,
        (
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            156,
            27,
            6,
            12,
            18,
            6,
            2,
            2,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
        ),
    ),
    (
        NOX,
        10,
        16000,
        9000,
        (
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            44,
            5,
            3,
            192,
            14,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            236,
            292,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
            1,
        ),
    ),
)


def signal(least, size, seed):
    """Yield raw signals that drift, are noisy, and now and then jump for a while."""
    noise = Noise(seed)
    event = left = drift = 0
    for _ in range(COUNT):
        left -= 1
        if left < 0:
            event = noise.below(2 * size) - size if noise.below(4) == 0 else 0
            left = noise.below(300)
        drift += noise.below(5) - 2
        yield least + drift + event + noise.below(31)


def test_gas_index_is_sensirions():
    for kind, seconds, least, size, said in SAID:
        index = Index(kind)
        made = []
        for number, raw in enumerate(signal(least, size, seconds)):
            value = index.step(raw, seconds)
            assert (value is None) == (number * seconds <= 45)
            if number % 100 == 99:
                made.append(value)
        # Theirs are whole, ours tenths.
        far = max([abs(value - 10 * one) for value, one in zip(made, said)])
        assert len(made) == len(said) and far <= 5, far


def test_gas_index_bears_every_signal():
    for kind in (VOC, NOX):
        index = Index(kind)
        for raw in [0, 65535] * 60 + [1, 64999] * 3000 + [0] * 300:
            value = index.step(raw, 10)
            assert value is None or 5 <= value <= 5000


def test_gas_index_stops_learning_from_an_event_and_not_for_ever():
    index = Index(VOC)
    for _ in range(8 * 360):
        usual = index.step(30000, 10)
    for hours, least, most in ((2, 4000, 5000), (2, 3500, 5000), (24, 5, 1500)):
        for _ in range(hours * 360):
            value = index.step(28000, 10)
        assert least <= value <= most, (hours, value)
    assert usual == 1000 or usual == 1001 or usual == 1002
