"""Frames: from the maker's control protocol V1.3, and one that an owner read off a real sensor with
`od` (Particle community forum, thread 24221, page 4).
"""

from drivers import sds011
from fakes import Hal
from gateway.clock import Clock
from host_tools.twin.buses import Uart
from host_tools.twin.sensors.sds011 import Model
from support import finish, raises

DOCUMENTED = b"\xaa\xc0\xd4\x04\x3a\x0a\xa1\x60\x1d\xab"
CAPTURED = b"\xaa\xc0\x8c\x00\x94\x00\xbc\xf9\xd5\xab"
# The answers to "passive mode", "no working period of your own", "sleep" and "work".
PASSIVE = b"\xaa\xc5\x02\x01\x01\x00\xa1\x60\x05\xab"
STEADY = b"\xaa\xc5\x08\x01\x00\x00\xa1\x60\x0a\xab"
ASLEEP = b"\xaa\xc5\x06\x01\x00\x00\xa1\x60\x08\xab"
AWAKE = b"\xaa\xc5\x06\x01\x01\x00\xa1\x60\x09\xab"


class Line:
    """A UART on which an answer, in pieces, follows each command; one piece a look."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.coming = []
        self.waiting = b""
        self.sent = []

    def write(self, data):
        self.sent.append(bytes(data))
        self.coming = list(self.answers.pop(0)) if self.answers else []

    def any(self):
        if self.coming:
            self.waiting += self.coming.pop(0)
        return len(self.waiting)

    def read(self, n):
        data = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return data or None


class Cut(Line):
    """A UART that fails after so many looks."""

    def __init__(self, looks, *answers):
        super().__init__(*answers)
        self.looks = looks

    def any(self):
        self.looks -= 1
        if self.looks < 0:
            raise OSError(5)
        return super().any()


class World:
    """What the model is told to be true."""

    def __init__(self, pm2_5, pm10):
        self.values = {"pm2_5": pm2_5, "pm10": pm10}

    def value(self, channel, t_ms):
        return self.values[channel]


def ask(line):
    """Return (what a fresh driver reads from this line, ms that it took)."""
    hal = Hal()
    sensor = sds011.Sensor(line, Clock(hal), {})
    try:
        result = finish(sensor.read())
    except (OSError, ValueError) as error:
        result = error
    return result, hal.ticks


def simulated(pm2_5=73, pm10=128):
    """Return (hal, model's world, driver) with the simulated sensor on the line."""
    hal = Hal()
    world = World(pm2_5, pm10)
    uart = Uart(Model(world, {}), hal.ticks_ms, 128)
    return hal, world, sds011.Sensor(uart, Clock(hal), {})


def test_sds011_reads_real_frames():
    assert sds011.parse(DOCUMENTED) == (1236, 2618)
    assert sds011.parse(CAPTURED) == (140, 148)


def test_sds011_refuses_every_flipped_bit():
    for frame in (DOCUMENTED, CAPTURED):
        for bit in range(8 * len(frame)):
            wrong = bytearray(frame)
            wrong[bit // 8] ^= 1 << bit % 8
            assert raises(ValueError, sds011.parse, wrong) in ("header", "checksum", "tail"), bit


def test_sds011_names_the_part_that_is_wrong():
    for frame, part in (
        (CAPTURED[:9], "length"),
        (CAPTURED + b"\0", "length"),
        (b"", "length"),
        (b"\xab" + CAPTURED[1:], "header"),
        (ASLEEP, "header"),
        (CAPTURED[:8] + b"\xd4\xab", "checksum"),
        (CAPTURED[:9] + b"\xaa", "tail"),
    ):
        assert raises(ValueError, sds011.parse, frame) == part


def test_sds011_commands_are_those_of_the_protocol():
    end = b"\xff\xff"
    for made, wanted in (
        (sds011.command(4), b"\xaa\xb4\x04" + bytes(12) + end + b"\x02\xab"),
        (sds011.command(2, 1, 1), b"\xaa\xb4\x02\1\1" + bytes(10) + end + b"\x02\xab"),
        (sds011.command(6, 1, 0), b"\xaa\xb4\x06\1\0" + bytes(10) + end + b"\x05\xab"),
        (sds011.command(6, 1, 1), b"\xaa\xb4\x06\1\1" + bytes(10) + end + b"\x06\xab"),
        (sds011.command(8, 1, 0), b"\xaa\xb4\x08\1\0" + bytes(10) + end + b"\x07\xab"),
    ):
        assert bytes(made) == wanted


def test_sds011_finds_the_frame_in_noise_and_in_pieces():
    bytewise = [CAPTURED[i : i + 1] for i in range(10)]
    for answer in (
        [CAPTURED],
        bytewise,
        [CAPTURED[:3], CAPTURED[3:9], CAPTURED[9:]],
        [b"\xaa\xc0\xaa" + CAPTURED],
        [b"\xaa\xc0\x01\x02\x03", CAPTURED],
        [bytes(range(200)), CAPTURED],
        [CAPTURED[:7] + CAPTURED],
        # A frame with a wrong checksum before the good one.
        [CAPTURED[:8] + b"\0\xab" + CAPTURED],
        # Two frames in one read: the first is the answer.
        [CAPTURED + DOCUMENTED],
        # An answer to another command before the reading.
        [PASSIVE + CAPTURED],
        [b"\xff"] * 12 + bytewise,
    ):
        result, _ = ask(Line([PASSIVE], [STEADY], answer))
        assert result == (140, 148), (answer, result)


def test_sds011_takes_no_other_commands_answer_for_its_own():
    line = Line([STEADY, PASSIVE], [PASSIVE, STEADY], [CAPTURED])
    assert ask(line)[0] == (140, 148)
    # Only a late answer to another command: that is silence, and babble.
    result, _ = ask(Line([STEADY], [STEADY], [CAPTURED]))
    assert isinstance(result, ValueError)


def test_sds011_silence_is_said_within_half_a_second():
    result, took = ask(Line())
    assert isinstance(result, OSError) and took == 500
    # It sets itself up, and then falls silent.
    result, took = ask(Line([PASSIVE], [STEADY]))
    assert isinstance(result, OSError) and took <= 540


def test_sds011_babble_and_half_frames_are_bad_data_in_bounded_time_and_memory():
    for answer in ([b"U" * 19] * 40, [CAPTURED[:6]], [b"\xaa\xc0" * 8] * 99, [CAPTURED[:9]] * 9):
        line = Line([PASSIVE], [STEADY], answer)
        hal = Hal()
        sensor = sds011.Sensor(line, Clock(hal), {})
        assert "no frame in" in raises(ValueError, finish, sensor.read())
        assert hal.ticks <= 540 and len(sensor._buffer) <= 64


def test_sds011_recovers_from_a_line_that_fails_anywhere():
    for looks in range(7):
        line = Cut(looks, [PASSIVE], [STEADY], [CAPTURED])
        sensor = sds011.Sensor(line, Clock(Hal()), {})
        try:
            assert finish(sensor.read()) == (140, 148)
        except OSError:
            line.looks = 1000
            line.waiting = b""
            # Set up or not: the next reading is asked for as if nothing had been.
            line.answers = [[PASSIVE], [STEADY], [CAPTURED]] if not sensor._ready else [[CAPTURED]]
            assert finish(sensor.read()) == (140, 148), looks


def test_sds011_forgets_what_came_before_the_question():
    hal, world, sensor = simulated()
    assert finish(sensor.read()) == (73, 128)
    hal.advance(60000)
    world.values["pm2_5"] = 99
    assert finish(sensor.read()) == (99, 128)


def test_sds011_model_says_every_value_that_fits_its_words():
    hal, world, sensor = simulated()
    for value in (0, 1, 255, 256, 9999, 19999, 65535):
        world.values = {"pm2_5": value, "pm10": 65535 - value}
        hal.advance(1000)
        assert finish(sensor.read()) == (value, 65535 - value)


def test_sds011_model_sleeps_wakes_and_can_be_unplugged():
    hal, world, sensor = simulated()
    finish(sensor.read())
    finish(sensor.sleep())
    hal.advance(1000)
    assert "no answer" in raises(OSError, finish, sensor.read())
    finish(sensor.wake())
    assert finish(sensor.read()) == (73, 128)
    world.values["pm2_5"] = None
    raises(OSError, finish, sensor.read())
    raises(OSError, finish, sensor.wake())
    world.values["pm2_5"] = 74
    finish(sensor.wake())
    assert finish(sensor.read()) == (74, 128)


def test_sds011_model_reports_by_itself_until_it_is_told_not_to():
    model = Model(World(73, 128), {})
    model.pending(0)
    heard = b"".join([model.pending(t) for t in range(0, 5001, 100)])
    assert len(heard) == 50 and sds011.parse(heard[:10]) == (73, 128)
    model.write(sds011.command(2, 1, 1), 5100)
    assert model.pending(5200) == PASSIVE
    assert b"".join([model.pending(t) for t in range(5300, 9000, 100)]) == b""
    # A command that was damaged on the way is none.
    wrong = sds011.command(4)
    wrong[17] ^= 1
    model.write(wrong, 9000)
    assert model.pending(9100) == b""
