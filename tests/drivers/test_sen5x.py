"""The data sheet has no example of a reading: these bytes follow from its table and its CRC."""

from drivers import sen5x
from fakes import Hal
from gateway import flags, sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sen5x import Model
from i2c_fakes import Bus, World
from support import finish, raises

# 12.3, 15.6, 18.0, 20.1 ug/m3; 45.67 %RH; -5.31 degC; VOC 102.0; NOx 1.3.
WORDS = (123, 156, 180, 201, 4567, 0xFBDA, 1020, 13)
READING = sensirion.packed(WORDS)
VALUES = (123, 156, 180, 201, 4567, -531, 1020, 13)
NAMES = [name for name, _, _ in sen5x.CHANNELS]
FAULT = flags.SENSOR_ERROR


def simulated(dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(**dict(zip(NAMES, VALUES)))
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, sen5x.Sensor(bus, Clock(hal), {})


def test_sen5x_reads_values_signs_and_what_is_unknown():
    assert sen5x.parse(READING) == VALUES
    unknown = sensirion.packed((0xFFFF,) * 4 + (0x7FFF,) * 4)
    assert sen5x.parse(unknown) == (None,) * 8
    assert sen5x.parse(sensirion.packed((0,) * 8)) == (0,) * 8
    assert sen5x.parse(sensirion.packed((65534,) * 4 + (0xFFFF,) * 4))[4:] == (-1, 0, -1, -1)


def test_sen5x_refuses_every_flipped_bit():
    for bit in range(8 * len(READING)):
        wrong = bytearray(READING)
        wrong[bit // 8] ^= 1 << bit % 8
        assert raises(ValueError, sen5x.parse, wrong) == "checksum"
    for size in (0, 21, 23):
        assert raises(ValueError, sen5x.parse, READING[:size]) == "length"


def test_sen5x_starts_once_and_asks_in_the_data_sheets_order():
    hal, _, _, bus, sensor = simulated()
    assert finish(sensor.read()) == VALUES[:7] + (None,)
    each = [b"\x02\x02", b"\x03\xc4", b"\xd2\x10"]
    assert bus.written == [b"\x01\x04", b"\x00\x21"] + each and hal.ticks < 1500
    # NOx comes later.
    assert sensor.marks == (0,) * 7 + (flags.WARM_UP,)
    hal.advance(10000)
    assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 8
    assert bus.written[5:] == each


def test_sen5x_one_that_takes_longer_to_begin_is_waited_for():
    hal, _, model, bus, sensor = simulated()
    model.starts_ms = 20
    model.interval_ms = 8000
    assert finish(sensor.read()) == (None,) * 8 and sensor.marks == (flags.WARM_UP,) * 8
    hal.advance(10000)
    assert finish(sensor.read())[:7] == VALUES[:7] and sensor.marks[0] == 0
    assert bus.written.count(b"\x00\x21") == 1


def test_sen5x_a_sen54_has_no_nox():
    hal, world, _, _, sensor = simulated()
    world.values["nox_index"] = None
    finish(sensor.read())
    hal.advance(70000)
    assert finish(sensor.read()) == VALUES[:7] + (None,)
    assert sensor.marks == (0,) * 7 + (flags.NO_ANSWER,)


def test_sen5x_marks_the_channels_of_a_fault_while_it_lasts():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    for bit, marks in (
        (4, (FAULT,) * 4 + (0,) * 4),
        (5, (FAULT,) * 4 + (0,) * 4),
        (21, (FAULT,) * 4 + (0,) * 4),
        (6, (0,) * 4 + (FAULT,) * 2 + (0,) * 2),
        (7, (0,) * 6 + (FAULT,) * 2),
        # It cleans its fan.
        (19, (0,) * 8),
    ):
        model.status = 1 << bit
        hal.advance(10000)
        assert finish(sensor.read()) == VALUES and sensor.marks == marks, bit
        hal.advance(10000)
        finish(sensor.read())
        assert sensor.marks == (0,) * 8


def test_sen5x_repeats_a_value_as_stale_and_starts_one_that_stands():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    hal.advance(15000)
    finish(sensor.read())
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 8
    # A brown-out of the sensor alone: it is idle.
    model.since = None
    hal.advance(10000)
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 8
    hal.advance(15000)
    assert "measures nothing" in raises(OSError, finish, sensor.read())
    assert finish(sensor.read())[:4] == VALUES[:4] and sensor.marks[0] == 0


def test_sen5x_survives_a_bus_that_dies_at_any_operation():
    for dies in range(9):
        hal, _, _, bus, sensor = simulated(dies)
        try:
            finish(sensor.read())
            assert dies == 8
        except OSError:
            assert dies < 8 and bus.operations == dies
        bus.dies = 10000
        hal.advance(20000)
        finish(sensor.read())
        hal.advance(20000)
        assert finish(sensor.read()) == VALUES, dies


def test_sen5x_garbage_is_bad_data_and_passes():
    hal, _, _, bus, sensor = simulated()
    finish(sensor.read())
    hal.advance(15000)
    for spoil in (lambda data: b"\xff" * len(data), lambda data: bytes(len(data))):
        bus.spoil = spoil
        assert raises(ValueError, finish, sensor.read()) == "checksum"
    bus.spoil = None
    assert finish(sensor.read()) == VALUES


def test_sen5x_model_says_every_value_and_can_be_unplugged():
    hal, world, model, _, sensor = simulated()
    finish(sensor.read())
    hal.advance(15000)
    for step in range(100):
        wanted = (step * 655, step * 600, step, 65534 - step)
        wanted += (step * 100, -4500 + step * 175, step * 300, step * 327)
        world.values = dict(zip(NAMES, wanted))
        hal.advance(1100)
        assert finish(sensor.read()) == wanted
    world.values = {}
    raises(OSError, finish, sensor.read())
    world.values = {"pm2_5": 7}
    assert finish(sensor.read()) == (None, 7) + (None,) * 6
    raises(OSError, model.write, b"\x12\x34", hal.ticks)
    model.write(b"\x01\x04", hal.ticks)
    model.write(b"\x03\xc4", hal.ticks + 200)
    assert sen5x.parse(model.read(24, hal.ticks + 220)) == (None,) * 8
