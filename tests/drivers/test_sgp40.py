"""The commands with their checksums are those that the data sheet prints."""

from drivers import sgp40
from fakes import Hal
from gateway import flags, sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sgp40 import Model
from i2c_fakes import Bus, World
from support import finish, raises
from wire import Wire, flips

SELF_TEST = b"\x28\x0e"
MEASURE = b"\x26\x0f\x80\x00\xa2\x66\x66\x93"
GOOD = sensirion.packed((30555,))


def simulated(dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(voc_raw=30555)
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, sgp40.Sensor(bus, Clock(hal), {})


def test_sgp40_parses_a_word_and_refuses_every_flipped_bit():
    assert sgp40.parse(GOOD) == (30555,)
    for data in flips(GOOD):
        assert raises(ValueError, sgp40.parse, data) == "checksum"
    for data in (b"", GOOD[:2], GOOD * 2):
        assert raises(ValueError, sgp40.parse, data) == "length"


def test_sgp40_tests_itself_once_and_then_measures():
    hal, _, _, bus, sensor = simulated()
    assert finish(sensor.read()) == (30555,)
    assert bus.written == [SELF_TEST, MEASURE] and hal.ticks == 320 + 30
    assert finish(sensor.read()) == (30555,)
    assert bus.written[2:] == [MEASURE]


def test_sgp40_flags_the_first_minute_and_a_failed_self_test():
    for status, mark in ((0xD400, 0), (0x4B00, flags.SENSOR_ERROR)):
        hal, _, model, _, sensor = simulated()
        model.status = status
        finish(sensor.read())
        assert sensor.marks == (mark | flags.WARM_UP,)
        hal.advance(60 * 1000)
        finish(sensor.read())
        assert sensor.marks == (mark,)


def test_sgp40_recovers_when_the_bus_does_and_from_garbage():
    for dies in range(4):
        hal, _, _, bus, sensor = simulated(dies)
        raises(OSError, finish, sensor.read())
        bus.dies = 10000
        hal.advance(1000)
        assert finish(sensor.read()) == (30555,)
    wire = Wire(sensirion.packed((0xD400,)), b"\xff" * 3, GOOD)
    sensor = sgp40.Sensor(wire, Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "checksum"
    assert finish(sensor.read()) == (30555,)


def test_sgp40_model_says_what_is_true_and_may_be_unplugged():
    hal, world, model, _, sensor = simulated()
    for voc in (0, 65535, 31000):
        world.values["voc_raw"] = voc
        assert finish(sensor.read()) == (voc,)
    world.values["voc_raw"] = None
    raises(OSError, finish, sensor.read())
    world.values["voc_raw"] = 31000
    assert finish(sensor.read()) == (31000,)
    hal.advance(1000)
    raises(OSError, model.write, b"\x26\x19" + MEASURE[2:], hal.ticks)
