"""The commands with their checksums are those that the data sheet prints."""

from drivers import sgp41
from fakes import Hal
from gateway import flags, sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sgp41 import Model
from i2c_fakes import Bus, World
from support import finish, raises
from wire import Wire, flips

SELF_TEST = b"\x28\x0e"
CLIMATE = b"\x80\x00\xa2\x66\x66\x93"
CONDITION = b"\x26\x12" + CLIMATE
MEASURE = b"\x26\x19" + CLIMATE
GOOD = sensirion.packed((30555, 16001))
PASSED = sensirion.packed((0xD400,))


def simulated(dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(voc_raw=30555, nox_raw=16001)
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, sgp41.Sensor(bus, Clock(hal), {})


def raw(sensor):
    """Return the raw signals of a reading."""
    return finish(sensor.read())[:2]


def test_sgp41_parses_two_words_and_refuses_every_flipped_bit():
    assert sgp41.parse(GOOD) == (30555, 16001)
    for data in flips(GOOD):
        assert raises(ValueError, sgp41.parse, data) == "checksum"
    for size in (0, 3, 5):
        assert raises(ValueError, sgp41.parse, GOOD[:size]) == "length"


def test_sgp41_tests_itself_is_conditioned_once_and_then_measures():
    hal, _, model, bus, sensor = simulated()
    assert raw(sensor) == (30555, 16001)
    assert bus.written == [SELF_TEST, CONDITION, MEASURE]
    # Ten seconds, and never more.
    assert 9500 <= model.conditioned[1] - model.conditioned[0] <= 10000
    before = hal.ticks
    assert raw(sensor) == (30555, 16001)
    assert bus.written[3:] == [MEASURE] and hal.ticks == before + 50


def test_sgp41_flags_the_first_five_minutes_and_a_failed_self_test():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    assert sensor.marks[:2] == (flags.WARM_UP, flags.WARM_UP)
    hal.advance(300 * 1000)
    finish(sensor.read())
    assert sensor.marks[:2] == (0, 0)
    for status, broken in ((0xD401, True), (0xD402, True), (0x0000, False), (0x4B00, False)):
        hal, _, model, _, sensor = simulated()
        model.status = status
        finish(sensor.read())
        hal.advance(300 * 1000)
        finish(sensor.read())
        assert sensor.marks[:2] == (flags.SENSOR_ERROR * broken,) * 2, status


def test_sgp41_is_conditioned_again_only_when_it_was_away():
    _, world, _, bus, sensor = simulated()
    finish(sensor.read())
    for missed, again in ((1, []), (2, []), (3, [SELF_TEST, CONDITION])):
        world.values["voc_raw"] = None
        for _ in range(missed):
            raises(OSError, finish, sensor.read())
        world.values["voc_raw"] = 30555
        del bus.written[:]
        assert raw(sensor) == (30555, 16001)
        assert bus.written == again + [MEASURE]
    assert sensor.marks[:2] == (flags.WARM_UP, flags.WARM_UP)


def test_sgp41_recovers_from_a_bus_that_dies_at_any_operation_and_from_garbage():
    for dies in range(5):
        _, _, _, bus, sensor = simulated(dies)
        raises(OSError, finish, sensor.read())
        bus.dies = 10000
        # What it was told before may still keep it busy.
        for _ in range(3):
            try:
                assert raw(sensor) == (30555, 16001)
                break
            except OSError:
                continue
        else:
            raise AssertionError(dies)
    wire = Wire(PASSED, b"\xff" * 6, GOOD)
    sensor = sgp41.Sensor(wire, Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "checksum"
    assert raw(sensor) == (30555, 16001)


def test_sgp41_model_says_what_is_true_and_knows_its_commands_only():
    _, world, model, _, sensor = simulated()
    for voc, nox in ((0, 65535), (65535, 0), (31000, 17000)):
        world.values = {"voc_raw": voc, "nox_raw": nox}
        assert raw(sensor) == (voc, nox)
    now = 100000
    raises(OSError, model.write, b"\x26\x19", now)
    raises(OSError, model.write, b"\x26\x0f" + CLIMATE, now)
    raises(OSError, model.write, MEASURE[:-1] + b"\x00", now)
    model.write(MEASURE, now)
    raises(OSError, model.read, 6, now + 49)
    assert model.read(6, now + 50) == sensirion.packed((31000, 17000))


def test_sgp41_has_an_index_of_each_with_one_age():
    hal, world, _, bus, sensor = simulated()
    for _ in range(6 * 60 * 6 + 3):
        row, marks = finish(sensor.read()), sensor.marks
        del bus.written[:]
        hal.advance(10000 - 50)
    assert row[:2] == (30555, 16001) and 995 <= row[2] <= 1005 and row[3] == 10
    assert row[4] == 360 and marks == (0,) * 5
    world.values["nox_raw"] = 18001
    for _ in range(6):
        row = finish(sensor.read())
        hal.advance(10000 - 50)
    assert 995 <= row[2] <= 1005 and row[3] > 30
