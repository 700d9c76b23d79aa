from array import array

from drivers import ics43434
from fakes import Hal
from gateway import noise
from gateway.clock import Clock
from host_tools.twin.buses import I2s
from host_tools.twin.sensors.ics43434 import Model
from i2c_fakes import World
from support import finish, raises

SECOND = noise.RATE


class Broken:
    """A bus that fails when it is read."""

    def readinto(self, buf):
        raise OSError(5)


def simulated(level, options=None):
    """Return (hal, world, driver) with a microphone that loses nothing."""
    hal = Hal()
    world = World(laeq=level)
    model = Model(world, {})
    model.most = 1 << 20
    sensor = ics43434.Sensor(I2s(model, hal.ticks_ms), Clock(hal), options or {})
    sensor.step()
    return hal, world, sensor


def listen(hal, sensor, ms):
    """Let time pass as the node does."""
    for _ in range(ms // ics43434.STEP_MS):
        hal.advance(ics43434.STEP_MS)
        sensor.step()


def test_ics43434_says_the_level_of_the_data_sheets_tone():
    # 94 dB is 26 dB below full scale: a sine of 1642 in 32768.
    samples = array("H", bytes(4 * SECOND))
    sine = (0, 425, 821, 1161, 1422, 1586, 1642, 1586, 1422, 1161, 821, 425)
    for i in range(len(samples)):
        value = sine[i % 12]
        samples[i] = value if i // 12 % 2 == 0 else -value & 0xFFFF
    values = ics43434.parse(samples)
    assert all(abs(value - 940) <= 2 for value in values[:5]), values
    # All but the 0.8 s in which it settles.
    assert values[5] == 12
    assert abs(ics43434.parse(samples, -15)[0] - 925) <= 2
    assert raises(ValueError, ics43434.parse, samples[:1000]) == "too short, or silent"


def test_ics43434_hears_a_whole_period_of_its_own():
    hal, world, sensor = simulated(700)
    listen(hal, sensor, 1000)
    finish(sensor.read())
    listen(hal, sensor, 2000)
    values = finish(sensor.read())
    assert all(abs(value - 700) <= 2 for value in values[:5]), values
    assert 19 <= values[5] <= 20
    world.values["laeq"] = 800
    listen(hal, sensor, 1000)
    laeq, most, la10, _, la90, heard = finish(sensor.read())
    # The mean F comes from below; what went before is forgotten.
    assert abs(laeq - 800) <= 3 and abs(most - 800) <= 2 and la10 > la90 > 720
    assert 9 <= heard <= 10


def test_ics43434_says_how_much_it_missed():
    hal, _, sensor = simulated(700)
    listen(hal, sensor, 2000)
    finish(sensor.read())
    listen(hal, sensor, 1000)
    # For a second nobody looks; eight readings are all that is taken at once.
    hal.advance(1000)
    sensor._bus._model.most = 2048
    listen(hal, sensor, 1000)
    values = finish(sensor.read())
    assert abs(values[0] - 700) <= 2 and 20 <= values[5] <= 21


def test_ics43434_takes_a_bounded_piece_at_a_time():
    hal, _, sensor = simulated(700)
    hal.advance(10000)
    sensor.step()
    assert noise.SETTLES_BLOCKS - sensor._meter.settling == 8 * 512 // noise.BLOCK


def test_ics43434_that_is_absent_or_broken_does_not_answer_and_comes_back():
    hal, world, sensor = simulated(None)
    raises(OSError, finish, sensor.read())
    listen(hal, sensor, 2000)
    assert raises(OSError, finish, sensor.read()) == "ics43434: silent"
    world.values["laeq"] = 650
    listen(hal, sensor, 2000)
    assert abs(finish(sensor.read())[0] - 650) <= 2
    sensor._bus = Broken()
    sensor.step()
    raises(OSError, finish, sensor.read())


def test_ics43434_is_corrected_by_what_a_calibrator_said():
    for correction in (-12, 0, 25):
        hal, _, sensor = simulated(940, {"correction": correction})
        listen(hal, sensor, 1400)
        assert abs(finish(sensor.read())[0] - 940 - correction) <= 2


def test_ics43434_model_gives_every_level_to_two_tenths():
    for level in (400, 430, 471, 520, 599, 660, 700, 803, 1000, 1190):
        hal, _, sensor = simulated(level)
        sensor._meter.settling = 20
        listen(hal, sensor, 600)
        got = finish(sensor.read())[0]
        assert abs(got - level) <= 2, (level, got)
