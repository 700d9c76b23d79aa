"""The reading (439 ppm, 27.2 degC, 48.8 %RH), the interval of 2 s and the altitude of 1000 m are
the interface description's examples.
"""

from drivers import scd30
from fakes import Hal
from gateway import flags, sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.scd30 import Model
from i2c_fakes import Bus, World
from support import finish, raises

EXAMPLE = b"\x43\xdb\xcb\x8c\x2e\x8f\x41\xd9\x70\xe7\xff\xf5\x42\x43\xbf\x3a\x1b\x74"
ASKED = [b"\x46\x00", b"\x53\x06", b"\x51\x02"]
EACH = [b"\x02\x02", b"\x03\x00"]
NONE = (None,) * 3
VALUES = (612, 2134, 4567)


def simulated(options=None, dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(co2=612, temperature=2134, humidity=4567)
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, scd30.Sensor(bus, Clock(hal), options or {})


def test_scd30_reads_the_example_and_refuses_every_flipped_bit():
    assert scd30.parse(EXAMPLE) == (439, 2724, 4881)
    assert scd30.parse(sensirion.packed((0xC220, 0) * 3)) == (-40, -4000, -4000)
    assert scd30.parse(sensirion.packed((0x7FC0, 0) * 3)) == NONE
    for bit in range(8 * len(EXAMPLE)):
        wrong = bytearray(EXAMPLE)
        wrong[bit // 8] ^= 1 << bit % 8
        assert raises(ValueError, scd30.parse, wrong) == "checksum"
    for size in (0, 9, 17):
        assert raises(ValueError, scd30.parse, EXAMPLE[:size]) == "length"


def test_scd30_writes_a_setting_only_when_it_is_another():
    _, _, model, bus, sensor = simulated()
    assert finish(sensor.read()) == NONE and sensor.marks == (flags.WARM_UP,) * 3
    assert bus.written == ASKED + [b"\x00\x10\x00\x00\x81", b"\x02\x02"]
    assert model.settings_written == 0
    hal, _, model, bus, sensor = simulated({"altitude_m": 1000, "pressure_hpa": 987})
    model.settings = {0x4600: 30, 0x5306: 1, 0x5102: 5}
    finish(sensor.read())
    assert bus.written == [
        ASKED[0],
        b"\x46\x00\x00\x02\xe3",
        ASKED[1],
        b"\x53\x06\x00\x00\x81",
        ASKED[2],
        b"\x51\x02\x03\xe8\xd4",
        b"\x00\x10\x03\xdb\x42",
        b"\x02\x02",
    ]
    assert model.settings == {0x4600: 2, 0x5306: 0, 0x5102: 1000} and model.pressure == 987
    hal.advance(2000)
    assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 3
    assert bus.written[-2:] == EACH
    _, _, model, _, sensor = simulated({"self_calibration": 1})
    finish(sensor.read())
    assert model.settings[0x5306] == 1


def test_scd30_repeats_a_value_as_stale_and_starts_one_that_stands():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    hal.advance(2000)
    finish(sensor.read())
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 3
    model.since = None
    hal.advance(25000)
    raises(OSError, finish, sensor.read())
    finish(sensor.read())
    hal.advance(2000)
    assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 3


def test_scd30_survives_a_bus_that_dies_at_any_operation():
    for dies in range(10):
        hal, _, _, bus, sensor = simulated(None, dies)
        try:
            finish(sensor.read())
            assert dies == 9
        except OSError:
            assert dies < 9 and bus.operations == dies
        bus.dies = 10000
        hal.advance(20000)
        finish(sensor.read())
        hal.advance(20000)
        assert finish(sensor.read()) == VALUES, dies


def test_scd30_garbage_is_bad_data_and_passes():
    hal, _, _, bus, sensor = simulated()
    for spoil in (lambda data: b"\xff" * len(data), lambda data: bytes(len(data))):
        bus.spoil = spoil
        assert raises(ValueError, finish, sensor.read()) == "checksum"
        bus.spoil = None
        finish(sensor.read())
        hal.advance(10000)
        assert finish(sensor.read()) == VALUES
        hal.advance(10000)


def test_scd30_model_says_every_value_and_can_be_unplugged():
    hal, world, model, _, sensor = simulated({"altitude_m": 1000})
    finish(sensor.read())
    for step in range(100):
        wanted = (step * 399, -4000 + step * 165, step * 100)
        world.values = dict(zip(("co2", "temperature", "humidity"), wanted))
        hal.advance(2100)
        assert finish(sensor.read()) == wanted
    world.values = {}
    raises(OSError, finish, sensor.read())
    world.values = {"co2": 450}
    assert model.settings[0x5102] == 1000
    hal.advance(2100)
    assert finish(sensor.read()) == (450, None, None)
    for command in (b"\x12\x34", b"\x00\x10", b"\x00\x10\x00\x01\xb0", b"\x46\x00\x00\x02\xe4"):
        raises(OSError, model.write, command, hal.ticks)


def test_scd30_is_calibrated_to_what_it_sees_and_measures_on():
    hal, _, _, bus, sensor = simulated({"pressure_hpa": 987})
    finish(sensor.read())
    assert sensor.settings == "self-calibration off, pressure 987 hPa"
    hal.advance(4000)
    assert finish(sensor.read()) == VALUES
    bus.written = []
    # The interface description's example is 450 ppm.
    assert finish(sensor.calibrate(450)) is None
    assert bus.written == [b"\x52\x04\x01\xc2\x50"]
    hal.advance(4000)
    assert finish(sensor.read()) == (450,) + VALUES[1:]
