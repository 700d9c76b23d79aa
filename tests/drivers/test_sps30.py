"""The data sheet has no example of a reading: these bytes follow from its table, IEEE 754 and its
CRC. The cleaning interval is its default, 604800 s.
"""

import struct

from drivers import sps30
from fakes import Hal
from gateway import flags, sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sps30 import Model
from i2c_fakes import Bus, World
from support import finish, raises

FLOATS = (4.26, 5.56, 6.04, 6.1, 27.94, 33.12, 33.98, 34.02, 34.06, 0.613)
VALUES = (43, 56, 60, 61, 279, 331, 340, 340, 341, 61)
READING = sensirion.packed(struct.unpack(">20H", struct.pack(">10f", *FLOATS)))
NAMES = [name for name, _, _ in sps30.CHANNELS]
STOP, START = b"\x01\x04", b"\x00\x10\x03\x00\xac"
EACH = [b"\x02\x02", b"\x03\x00", b"\xd2\x06"]


def simulated(options=None, dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(**dict(zip(NAMES, VALUES)))
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, sps30.Sensor(bus, Clock(hal), options or {})


def test_sps30_reads_floats_and_refuses_every_flipped_bit():
    assert sps30.parse(READING) == VALUES
    nothing = sensirion.packed((0x7FC0, 0) * 10)
    assert sps30.parse(nothing) == (None,) * 10
    for bit in range(8 * len(READING)):
        wrong = bytearray(READING)
        wrong[bit // 8] ^= 1 << bit % 8
        assert raises(ValueError, sps30.parse, wrong) == "checksum"
    for size in (0, 30, 59):
        assert raises(ValueError, sps30.parse, READING[:size]) == "length"


def test_sps30_starts_in_the_data_sheets_order_and_spares_the_sensors_flash():
    _, _, model, bus, sensor = simulated()
    assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 10
    assert bus.written == [STOP, b"\xd1\x00", b"\x80\x04", START] + EACH
    assert not model.intervals_written
    _, _, model, bus, sensor = simulated({"clean_every_h": 1, "clean_at_start": 1})
    assert finish(sensor.read()) == VALUES
    hour = b"\x80\x04\x00\x00\x81\x0e\x10" + bytes((sensirion.crc8(b"\x0e\x10"),))
    assert bus.written[2:6] == [b"\x80\x04", hour, START, b"\x56\x07"]
    assert model.interval == (0, 3600) and model.intervals_written == model.cleaned == 1
    _, _, model, _, sensor = simulated({"clean_every_h": 0})
    finish(sensor.read())
    assert model.interval == (0, 0) and model.cleaned == 0


def test_sps30_marks_fan_and_laser_while_they_fail():
    hal, _, model, bus, sensor = simulated()
    finish(sensor.read())
    for bit in (4, 5, 21):
        model.status = 1 << bit
        hal.advance(10000)
        assert finish(sensor.read()) == VALUES
        assert sensor.marks == (flags.SENSOR_ERROR,) * 10, bit
        assert bus.written[-1] == b"\xd2\x10"
        hal.advance(10000)
        finish(sensor.read())
        assert sensor.marks == (0,) * 10


def test_sps30_of_old_firmware_has_no_status():
    _, _, model, bus, sensor = simulated()
    model.version = 0x0201
    assert finish(sensor.read()) == VALUES
    assert b"\xd2\x06" not in bus.written and sensor.marks == (0,) * 10


def test_sps30_repeats_a_value_as_stale_and_starts_one_that_stands():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 10
    model.since = None
    hal.advance(10000)
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 10
    hal.advance(15000)
    raises(OSError, finish, sensor.read())
    assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 10


def test_sps30_survives_a_bus_that_dies_at_any_operation():
    for dies in range(14):
        hal, _, _, bus, sensor = simulated({"clean_at_start": 1}, dies)
        try:
            finish(sensor.read())
            assert dies == 13
        except OSError:
            assert dies < 13 and bus.operations == dies
        bus.dies = 10000
        hal.advance(20000)
        finish(sensor.read())
        hal.advance(20000)
        assert finish(sensor.read()) == VALUES, dies


def test_sps30_garbage_is_bad_data_and_passes():
    hal, _, _, bus, sensor = simulated()
    for spoil in (lambda data: b"\xff" * len(data), lambda data: bytes(len(data))):
        bus.spoil = spoil
        assert raises(ValueError, finish, sensor.read()) == "checksum"
        bus.spoil = None
        hal.advance(10000)
        assert finish(sensor.read()) == VALUES
        hal.advance(10000)


def test_sps30_model_says_every_value_and_can_be_unplugged():
    hal, world, model, _, sensor = simulated()
    finish(sensor.read())
    for step in range(100):
        wanted = tuple(step * (97 + i) for i in range(9)) + (step * 10000,)
        world.values = dict(zip(NAMES, wanted))
        hal.advance(1100)
        assert finish(sensor.read()) == wanted
    world.values = {}
    raises(OSError, finish, sensor.read())
    world.values = {"pm2_5": 7}
    assert finish(sensor.read()) == (None, 7) + (None,) * 8
    assert sensor.marks == (flags.WARM_UP, 0) + (flags.WARM_UP,) * 8
    for command in (b"\x12\x34", b"\x00\x10\x05\x00\xf6", b"\x00\x10\x03\x00\xad"):
        raises(OSError, model.write, command, hal.ticks)
