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


def raw(sensor):
    """Return the raw signals of a reading."""
    return finish(sensor.read())[:1]


def test_sgp40_parses_a_word_and_refuses_every_flipped_bit():
    assert sgp40.parse(GOOD) == (30555,)
    for data in flips(GOOD):
        assert raises(ValueError, sgp40.parse, data) == "checksum"
    for data in (b"", GOOD[:2], GOOD * 2):
        assert raises(ValueError, sgp40.parse, data) == "length"


def test_sgp40_tests_itself_once_and_then_measures():
    hal, _, _, bus, sensor = simulated()
    assert raw(sensor) == (30555,)
    assert bus.written == [SELF_TEST, MEASURE] and hal.ticks == 320 + 30
    assert raw(sensor) == (30555,)
    assert bus.written[2:] == [MEASURE]


def test_sgp40_flags_the_first_minute_and_a_failed_self_test():
    for status, mark in ((0xD400, 0), (0x4B00, flags.SENSOR_ERROR)):
        hal, _, model, _, sensor = simulated()
        model.status = status
        finish(sensor.read())
        assert sensor.marks == (mark | flags.WARM_UP,) * 2 + (mark,)
        hal.advance(60 * 1000)
        finish(sensor.read())
        assert sensor.marks == (mark, mark | flags.WARM_UP, mark)


def test_sgp40_recovers_when_the_bus_does_and_from_garbage():
    for dies in range(4):
        hal, _, _, bus, sensor = simulated(dies)
        raises(OSError, finish, sensor.read())
        bus.dies = 10000
        hal.advance(1000)
        assert raw(sensor) == (30555,)
    wire = Wire(sensirion.packed((0xD400,)), b"\xff" * 3, GOOD)
    sensor = sgp40.Sensor(wire, Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "checksum"
    assert raw(sensor) == (30555,)


def test_sgp40_model_says_what_is_true_and_may_be_unplugged():
    hal, world, model, _, sensor = simulated()
    for voc in (0, 65535, 31000):
        world.values["voc_raw"] = voc
        assert raw(sensor) == (voc,)
    world.values["voc_raw"] = None
    raises(OSError, finish, sensor.read())
    world.values["voc_raw"] = 31000
    assert raw(sensor) == (31000,)
    hal.advance(1000)
    raises(OSError, model.write, b"\x26\x19" + MEASURE[2:], hal.ticks)


def test_sgp40_index_is_an_own_channel_with_its_age_and_begins_anew_with_the_sensor():
    hal, world, _, bus, sensor = simulated()
    rows = []
    for _ in range(370):
        rows.append(finish(sensor.read()) + (sensor.marks[1],))
        hal.advance(10000 - 30)
    # Nothing in the first 45 s; then what is always so is 100.
    assert [row[1] for row in rows[:6]] == [None] * 6 and rows[6][1] is not None
    assert 995 <= rows[100][1] <= 1005
    assert [row[2] for row in rows[::60]] == [0, 10, 20, 30, 40, 50, 60]
    assert [row[3] for row in rows[::60]] == [flags.WARM_UP] * 6 + [0]
    # More gas lowers the raw signal.
    world.values["voc_raw"] = 29555
    for _ in range(6):
        finish(sensor.read())
        hal.advance(10000 - 30)
    assert 2000 < finish(sensor.read())[1] < 5000
    for away_ms in (9 * 60 * 1000, 11 * 60 * 1000):
        hal.advance(away_ms)
        age = finish(sensor.read())[2]
        assert (age == 0) == (away_ms > 600000)
    world.values["voc_raw"] = None
    hal.advance(180000)
    for _ in range(3):
        raises(OSError, finish, sensor.read())
    world.values["voc_raw"] = 30555
    assert finish(sensor.read()) == (30555, None, 0)
    hal.advance(590000)
    for _ in range(18 * 60):
        finish(sensor.read())
        del bus.written[:]
        hal.advance(590000)
    assert finish(sensor.read())[2] == 10080
