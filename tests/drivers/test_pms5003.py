"""Frames that owners read off real sensors: CALM from the README of luhuadong/rtt-pmsxx, DUSTY (an
older PMS5003, byte 28 is 0x67) from a public test of "G7" frames; its masses of CF=1 are half as
much again as the atmosphere's. Answers to commands: as several public implementations note them.
"""

from drivers import pms5003
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Uart
from host_tools.twin.sensors.pms5003 import Model, framed
from support import finish, raises

CALM = (
    b"\x42\x4d\x00\x1c\x00\x03\x00\x04\x00\x07\x00\x04\x00\x05\x00\x08"
    b"\x03\x1b\x00\xf9\x00\x1b\x00\x06\x00\x03\x00\x03\x9a\x00\x02\xa2"
)
DUSTY = (
    b"\x42\x4d\x00\x1c\x00\x45\x00\x62\x00\x6b\x00\x2d\x00\x41\x00\x52"
    b"\x2d\xa2\x0a\xf8\x01\xb2\x00\x2e\x00\x04\x00\x03\x67\x00\x05\x9d"
)
CALM_VALUES = (4, 5, 8, 3, 4, 7, 795, 249, 27, 6, 3, 3)
DUSTY_VALUES = (45, 65, 82, 69, 98, 107, 11682, 2808, 434, 46, 4, 3)
TO_PASSIVE = b"\x42\x4d\xe1\x00\x00\x01\x70"
TO_ACTIVE = b"\x42\x4d\xe1\x00\x01\x01\x71"
READ = b"\x42\x4d\xe2\x00\x00\x01\x71"
TO_SLEEP = b"\x42\x4d\xe4\x00\x00\x01\x73"
TO_WAKE = b"\x42\x4d\xe4\x00\x01\x01\x74"
PASSIVE = b"\x42\x4d\x00\x04\xe1\x00\x01\x74"
ACTIVE = b"\x42\x4d\x00\x04\xe1\x01\x01\x75"
ASLEEP = b"\x42\x4d\x00\x04\xe4\x00\x01\x77"
# An error code beside good values.
FAILED = CALM[:29] + b"\x02\x02\xa4"
FIRST = [name for name, _, _ in pms5003.CHANNELS]


class Line:
    """A UART on which an answer, in pieces, follows each command; one piece a look.

    It fails after `looks`.
    """

    def __init__(self, *answers, looks=10000):
        self.answers = list(answers)
        self.coming = []
        self.waiting = b""
        self.sent = []
        self.looks = looks

    def write(self, data):
        self.sent.append(bytes(data))
        self.coming = list(self.answers.pop(0)) if self.answers else []

    def any(self):
        self.looks -= 1
        if self.looks < 0:
            raise OSError(5)
        if self.coming:
            self.waiting += self.coming.pop(0)
        return len(self.waiting)

    def read(self, n):
        data = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return data or None


class World:
    """What the model is told to be true."""

    def __init__(self, values):
        self.values = dict(zip(FIRST, values))

    def value(self, channel, t_ms):
        return self.values.get(channel)


def ask(line, options=None):
    """Return (what a fresh driver reads from this line, ms that it took)."""
    hal = Hal()
    sensor = pms5003.Sensor(line, Clock(hal), options or {})
    try:
        result = finish(sensor.read())
    except (OSError, ValueError) as error:
        result = error
    return result, hal.ticks


def simulated(options=None):
    """Return (hal, world, model, driver) with the simulated sensor on the line."""
    hal = Hal()
    world = World(CALM_VALUES)
    model = Model(world, {})
    sensor = pms5003.Sensor(Uart(model, hal.ticks_ms, 256), Clock(hal), options or {})
    return hal, world, model, sensor


def test_pms5003_reads_real_frames():
    assert pms5003.parse(CALM) == CALM_VALUES
    assert pms5003.parse(DUSTY) == DUSTY_VALUES


def test_pms5003_refuses_every_flipped_bit():
    for frame in (CALM, DUSTY):
        for bit in range(8 * len(frame)):
            wrong = bytearray(frame)
            wrong[bit // 8] ^= 1 << bit % 8
            assert raises(ValueError, pms5003.parse, wrong) in ("header", "length", "checksum"), bit


def test_pms5003_names_the_part_that_is_wrong():
    for frame, part in (
        (b"", "size"),
        (CALM[:31], "size"),
        (CALM + b"\0", "size"),
        (b"\x42\x4e" + CALM[2:], "header"),
        (PASSIVE * 4, "length"),
        (CALM[:31] + b"\xa3", "checksum"),
    ):
        assert raises(ValueError, pms5003.parse, frame) == part


def test_pms5003_finds_the_frame_in_noise_and_in_pieces():
    bytewise = [CALM[i : i + 1] for i in range(32)]
    for answer in (
        [CALM],
        bytewise,
        [CALM[:3], CALM[3:31], CALM[31:]],
        [b"\x42\x42\x4d" + CALM],
        [bytes(range(200)), CALM],
        [CALM[:9] + CALM],
        [CALM[:31] + b"\xa3" + CALM],
        # A late answer to a command, another sensor's half frame, two frames at once.
        [PASSIVE + CALM],
        [DUSTY[:30], CALM],
        [CALM + DUSTY],
        [b"\x42\x4d\x00\x1c"] * 3 + bytewise,
    ):
        result, _ = ask(Line([PASSIVE], answer))
        assert result == CALM_VALUES, (answer, result)


def test_pms5003_asks_as_the_data_sheet_says_and_demands_no_answer_to_a_setting():
    line = Line([PASSIVE], [CALM])
    assert ask(line) == (CALM_VALUES, 20) and line.sent == [TO_PASSIVE, READ]
    silent = Line([], [CALM])
    assert ask(silent) == (CALM_VALUES, 220) and silent.sent == [TO_PASSIVE, READ]
    active = Line([ACTIVE, b"", b"\x4d\0", CALM])
    assert ask(active, {"mode": "active"})[0] == CALM_VALUES and active.sent == [TO_ACTIVE]
    line = Line()
    sensor = pms5003.Sensor(line, Clock(Hal()), {})
    finish(sensor.sleep())
    finish(sensor.wake())
    assert line.sent == [TO_SLEEP, TO_WAKE]


def test_pms5003_silence_is_said_in_time_and_babble_in_bounded_memory():
    assert isinstance(ask(Line())[0], OSError)
    assert ask(Line())[1] == 1200
    assert ask(Line(), {"mode": "active"})[1] == 3200
    for answer in ([b"U" * 19] * 60, [CALM[:31]], [b"\x42\x4d" * 8] * 99, [CALM[:30]] * 9):
        hal = Hal()
        sensor = pms5003.Sensor(Line([PASSIVE], answer), Clock(hal), {})
        assert "no frame in" in raises(ValueError, finish, sensor.read())
        assert hal.ticks <= 1200 and len(sensor._buffer) <= 64


def test_pms5003_recovers_from_a_line_that_fails_anywhere():
    for looks in range(6):
        line = Line([PASSIVE], [CALM], looks=looks)
        sensor = pms5003.Sensor(line, Clock(Hal()), {})
        try:
            assert finish(sensor.read()) == CALM_VALUES
        except OSError:
            line.looks = 1000
            line.waiting = b""
            line.answers = [[PASSIVE], [CALM]]
            assert finish(sensor.read()) == CALM_VALUES, looks


def test_pms5003_marks_what_the_sensor_itself_calls_wrong():
    _, _, model, sensor = simulated()
    finish(sensor.read())
    assert sensor.marks == (0,) * 12
    model.error = 2
    assert finish(sensor.read()) == CALM_VALUES
    assert sensor.marks == (flags.SENSOR_ERROR,) * 12
    assert pms5003.parse(FAILED) == CALM_VALUES
    model.error = 0
    finish(sensor.read())
    assert sensor.marks == (0,) * 12


def test_pms5003_model_says_every_value_in_both_modes():
    for options in ({}, {"mode": "active"}):
        hal, world, _, sensor = simulated(options)
        for values in (CALM_VALUES, DUSTY_VALUES, (0,) * 12, (65535,) * 12, tuple(range(12))):
            world.values = dict(zip(FIRST, values))
            hal.advance(10000)
            assert finish(sensor.read()) == values
        # What a recording does not know follows from its PM2.5.
        world.values = {"pm2_5": 7, "pm10": 9}
        hal.advance(10000)
        assert finish(sensor.read()) == (7, 7, 9, 7, 7, 9) + (0,) * 6


def test_pms5003_model_sleeps_wakes_and_can_be_replaced():
    for options in ({}, {"mode": "active"}):
        hal, world, _, sensor = simulated(options)
        finish(sensor.read())
        finish(sensor.sleep())
        hal.advance(5000)
        raises(OSError, finish, sensor.read())
        finish(sensor.wake())
        hal.advance(30000)
        assert finish(sensor.read()) == CALM_VALUES
        world.values = {}
        raises(OSError, finish, sensor.read())
        # A new one is active; it is set up without being asked to.
        sensor._uart._model.__init__(World(DUSTY_VALUES), {})
        hal.advance(10000)
        assert finish(sensor.read()) == DUSTY_VALUES


def test_pms5003_model_reports_by_itself_until_it_is_told_not_to():
    model = Model(World(CALM_VALUES), {})
    model.pending(0)
    heard = b"".join([model.pending(t) for t in range(0, 10001, 100)])
    assert len(heard) == 4 * 32 and pms5003.parse(heard[32:64]) == CALM_VALUES
    model.write(TO_PASSIVE, 10100)
    assert model.pending(10200) == PASSIVE == framed(b"\xe1\x00")
    assert b"".join([model.pending(t) for t in range(10300, 20000, 100)]) == b""
    # A command that was damaged on the way is none.
    model.write(READ[:6] + b"\x70", 20000)
    assert model.pending(20100) == b""
    model.write(TO_SLEEP, 20200)
    assert model.pending(20300) == ASLEEP
    model.write(READ, 20400)
    assert model.pending(20500) == b""
