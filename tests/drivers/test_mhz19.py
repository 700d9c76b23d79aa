"""The question, its answer of 544 ppm, and self-calibration on and off are the manual's examples.
The range of 2000 ppm is as public implementations send it. WARM is an answer with a temperature.
"""

from drivers import mhz19
from fakes import Hal
from gateway.clock import Clock
from host_tools.twin.buses import Uart
from host_tools.twin.sensors.mhz19 import Model
from i2c_fakes import World
from support import finish, raises

QUESTION = b"\xff\x01\x86\x00\x00\x00\x00\x00\x79"
DOCUMENTED = b"\xff\x86\x02\x20\x00\x00\x00\x00\x58"
WARM = b"\xff\x86\x02\x60\x47\x00\x00\x00\xd1"
ON = b"\xff\x01\x79\xa0\x00\x00\x00\x00\xe6"
OFF = b"\xff\x01\x79\x00\x00\x00\x00\x00\x86"
RANGE_2000 = b"\xff\x01\x99\x00\x00\x00\x07\xd0\x8f"
RANGE_5000 = b"\xff\x01\x99\x00\x00\x00\x13\x88\xcb"
VALUES = (608, 31)


class Line:
    """A UART on which an answer, in pieces, follows the question; one piece a look.

    It fails after `looks`.
    """

    def __init__(self, *pieces, looks=10000):
        self.pieces = list(pieces)
        self.coming = []
        self.waiting = b""
        self.sent = []
        self.looks = looks

    def write(self, data):
        self.sent.append(bytes(data))
        if data == QUESTION:
            self.coming = list(self.pieces)

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


def ask(line, options=None):
    """Return (what a fresh driver reads from this line, ms that it took)."""
    hal = Hal()
    sensor = mhz19.Sensor(line, Clock(hal), options or {})
    try:
        result = finish(sensor.read())
    except (OSError, ValueError) as error:
        result = error
    return result, hal.ticks


def simulated(options=None):
    """Return (hal, world, model, driver) with the simulated sensor on the line."""
    hal = Hal()
    world = World(co2=608, temperature_inside=31)
    model = Model(world, {})
    sensor = mhz19.Sensor(Uart(model, hal.ticks_ms, 256), Clock(hal), options or {})
    return hal, world, model, sensor


def test_mhz19_reads_the_manuals_answer():
    assert mhz19.parse(DOCUMENTED) == (544, None)
    assert mhz19.parse(WARM) == VALUES


def test_mhz19_refuses_every_flipped_bit():
    for frame in (DOCUMENTED, WARM):
        for bit in range(72):
            wrong = bytearray(frame)
            wrong[bit // 8] ^= 1 << bit % 8
            assert raises(ValueError, mhz19.parse, wrong) in ("header", "checksum"), bit
    for frame, part in ((b"", "length"), (WARM[:8], "length"), (ON, "header")):
        assert raises(ValueError, mhz19.parse, frame) == part


def test_mhz19_sets_up_and_asks_as_the_manual_says():
    for options, settings in (
        ({}, [OFF, RANGE_5000]),
        ({"self_calibration": 1, "range_ppm": 2000}, [ON, RANGE_2000]),
    ):
        line = Line(WARM)
        assert ask(line, options) == (VALUES, 220)
        assert line.sent == settings + [QUESTION]


def test_mhz19_finds_the_answer_in_noise_and_in_pieces():
    bytewise = [WARM[i : i + 1] for i in range(9)]
    for answer in (
        bytewise,
        [WARM[:3], b"", WARM[3:]],
        [b"\xff\x86\xff" + WARM],
        [bytes(range(100)), WARM],
        [WARM[:8] + WARM],
        [WARM[:8] + b"\xd0" + WARM],
        # The answer to a setting, late; two answers at once.
        [b"\xff\x79\x01\x00\x00\x00\x00\x00\x86" + WARM],
        [WARM + DOCUMENTED],
        [b"\xff"] * 10 + bytewise,
    ):
        # The first look empties the line.
        result, _ = ask(Line(b"", *answer))
        assert result == VALUES, answer


def test_mhz19_silence_is_said_in_time_and_babble_in_bounded_memory():
    result, took = ask(Line())
    assert isinstance(result, OSError) and took == 700
    for answer in ([b"U" * 19] * 40, [WARM[:8]], [b"\xff\x86" * 8] * 99):
        hal = Hal()
        sensor = mhz19.Sensor(Line(b"", *answer), Clock(hal), {})
        assert "no frame in" in raises(ValueError, finish, sensor.read())
        assert hal.ticks <= 700 and len(sensor._buffer) <= 32


def test_mhz19_recovers_from_a_line_that_fails_anywhere():
    for looks in range(4):
        line = Line(b"", WARM, looks=looks)
        sensor = mhz19.Sensor(line, Clock(Hal()), {})
        try:
            assert finish(sensor.read()) == VALUES
        except OSError:
            line.looks = 1000
            assert finish(sensor.read()) == VALUES, looks


def test_mhz19_says_its_settings_again_twice_a_day_and_to_a_new_sensor():
    hal, world, model, sensor = simulated()
    finish(sensor.read())
    assert model.calibrates is False and model.range_ppm == 5000
    model.calibrates = True
    hal.advance(11 * 3600 * 1000)
    finish(sensor.read())
    assert model.calibrates is True
    hal.advance(3600 * 1000)
    finish(sensor.read())
    assert model.calibrates is False
    world.values = {}
    raises(OSError, finish, sensor.read())
    assert model.calibrates is True
    world.values = {"co2": 450}
    assert finish(sensor.read()) == (450, 25)
    assert model.calibrates is False


def test_mhz19_model_says_every_value_and_hears_no_damaged_command():
    hal, world, model, sensor = simulated()
    for step in range(256):
        world.values = {"co2": step * 257, "temperature_inside": step % 255 - 39}
        hal.advance(5000)
        assert finish(sensor.read()) == (step * 257, step % 255 - 39)
    model.write(QUESTION[:8] + b"\x78", hal.ticks)
    model.write(QUESTION[:8], hal.ticks)
    assert model.pending(hal.ticks + 100) == b""
    model.write(QUESTION, hal.ticks)
    assert model.pending(hal.ticks + 10) == b"" and len(model.pending(hal.ticks + 20)) == 9


def test_mhz19_is_calibrated_to_400_ppm_and_says_its_settings():
    hal = Hal()
    world = World(co2=608, temperature_inside=31)
    model = Model(world, {})
    sensor = mhz19.Sensor(Uart(model, hal.ticks_ms, 256), Clock(hal), {})
    assert finish(sensor.read()) == VALUES
    assert sensor.settings == "range 5000 ppm, self-calibration off"
    assert mhz19.command(0x87) == b"\xff\x01\x87\x00\x00\x00\x00\x00\x78"
    assert finish(sensor.calibrate(400)) is None
    assert finish(sensor.read()) == (400, 31)
    world.values["co2"] = 708
    assert finish(sensor.read()) == (500, 31)
