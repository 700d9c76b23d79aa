"""The data sheet has no example of a reading: these bytes follow from its table and its CRC.

What it shares with the SEN5x is tested there.
"""

from drivers import sen66
from fakes import Hal
from gateway import flags, sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sen66 import Model
from i2c_fakes import Bus, World
from support import finish, raises

# 12.3, 15.6, 18.0, 20.1 ug/m3; 45.67 %RH; -5.31 degC; VOC 102.0; NOx 1.3; 612 ppm.
READING = sensirion.packed((123, 156, 180, 201, 4567, 0xFBDA, 1020, 13, 612))
VALUES = (123, 156, 180, 201, 4567, -531, 1020, 13, 612)
NAMES = [name for name, _, _ in sen66.CHANNELS]
STOP, START = b"\x01\x04", b"\x00\x21"
OFF, SEA_LEVEL = b"\x67\x11\x00\x00\x81", b"\x67\x36\x00\x00\x81"


def simulated(options=None, dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(**dict(zip(NAMES, VALUES)))
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, sen66.Sensor(bus, Clock(hal), options or {})


def test_sen66_reads_values_and_what_is_unknown():
    assert sen66.parse(READING) == VALUES
    unknown = sensirion.packed((0xFFFF,) * 4 + (0x7FFF,) * 4 + (0xFFFF,))
    assert sen66.parse(unknown) == (None,) * 9
    for bit in range(8 * len(READING)):
        wrong = bytearray(READING)
        wrong[bit // 8] ^= 1 << bit % 8
        assert raises(ValueError, sen66.parse, wrong) == "checksum"
    assert raises(ValueError, sen66.parse, READING[:24]) == "length"


def test_sen66_sets_up_in_the_data_sheets_order_with_self_calibration_off():
    for options, settings, kept in (
        ({}, [OFF, SEA_LEVEL], (0, 1013, 0)),
        ({"altitude_m": 1950}, [OFF, b"\x67\x36\x07\x9e\x09"], (0, 1013, 1950)),
        ({"pressure_hpa": 987}, [OFF, SEA_LEVEL, b"\x67\x20\x03\xdb\x42"], (0, 987, 0)),
        ({"self_calibration": 1}, [b"\x67\x11\x00\x01\xb0", SEA_LEVEL], (1, 1013, 0)),
    ):
        hal, _, model, bus, sensor = simulated(options)
        assert finish(sensor.read()) == VALUES[:7] + (None, None)
        assert sensor.marks == (0,) * 7 + (flags.WARM_UP,) * 2
        assert bus.written == [STOP] + settings + [START, b"\x02\x02", b"\x03\x00", b"\xd2\x10"]
        assert tuple(model.settings[n] for n in (0x6711, 0x6720, 0x6736)) == kept
        hal.advance(10000)
        assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 9


def test_sen66_marks_the_channels_of_a_fault():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    fault = flags.SENSOR_ERROR
    for bit, marks in (
        (4, (fault,) * 4 + (0,) * 5),
        (11, (fault,) * 4 + (0,) * 5),
        (6, (0,) * 4 + (fault,) * 2 + (0,) * 3),
        (7, (0,) * 6 + (fault,) * 2 + (0,)),
        (9, (0,) * 8 + (fault,)),
    ):
        model.status = 1 << bit
        hal.advance(10000)
        assert finish(sensor.read()) == VALUES and sensor.marks == marks, bit


def test_sen66_survives_a_bus_that_dies_at_any_operation():
    for dies in range(12):
        hal, _, model, bus, sensor = simulated({"pressure_hpa": 987}, dies)
        try:
            finish(sensor.read())
            assert dies == 11
        except OSError:
            assert dies < 11 and bus.operations == dies
        bus.dies = 10000
        hal.advance(20000)
        finish(sensor.read())
        hal.advance(20000)
        assert finish(sensor.read()) == VALUES, dies
        assert model.settings[0x6711] == 0


def test_sen66_model_obeys_settings_only_when_idle_and_can_be_unplugged():
    hal, world, model, _, sensor = simulated()
    finish(sensor.read())
    for command in (OFF, SEA_LEVEL, b"\x67\x11", b"\x56\x07"):
        raises(OSError, model.write, command, hal.ticks)
    model.write(b"\x67\x20\x03\xdb\x42", hal.ticks)
    world.values = {}
    raises(OSError, finish, sensor.read())
    world.values = {"pm2_5": 7, "co2": 500}
    # Without power it has forgotten that it must not calibrate itself; it is told again.
    assert model.settings[0x6711] == 1
    finish(sensor.read())
    hal.advance(10000)
    assert finish(sensor.read()) == (None, 7) + (None,) * 6 + (500,)
    assert model.settings[0x6711] == 0


def test_sen66_is_calibrated_to_what_it_sees_and_measures_on():
    hal, _, model, bus, sensor = simulated({"altitude_m": 30})
    finish(sensor.read())
    assert sensor.settings == "self-calibration off, altitude 30 m"
    bus.written = []
    assert finish(sensor.calibrate(450)) == 450 - 612
    assert bus.written == [STOP, b"\x67\x07" + sensirion.packed((450,))]
    finish(sensor.read())
    hal.advance(10000)
    assert finish(sensor.read())[-1] == 450
    model.lose_power()
    hal.advance(30000)
    raises(OSError, finish, sensor.read())
    finish(sensor.read())
    hal.advance(10000)
    assert finish(sensor.read())[-1] == 450
