"""The reading is the data sheet's example (500 ppm, 25 degC, 37 %RH; some versions print a wrong
CRC behind its first word), as are the altitude of 1950 m and the pressure of 987 hPa.
"""

from drivers import scd4x
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.scd4x import Model
from i2c_fakes import Bus, World
from support import finish, raises

EXAMPLE = b"\x01\xf4\x33\x66\x67\xa2\x5e\xb9\x3c"
OFF = b"\x24\x16\x00\x00\x81"
SEA_LEVEL = b"\x24\x27\x00\x00\x81"
NONE = (None,) * 3
VALUES = (612, 2134, 4567)


def simulated(options=None, dies=10000):
    """Return (hal, world, model, bus, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(co2=612, temperature=2134, humidity=4567)
    model = Model(world, {})
    bus = Bus(I2c([model], hal.ticks_ms), dies)
    return hal, world, model, bus, scd4x.Sensor(bus, Clock(hal), options or {})


def test_scd4x_reads_the_data_sheets_example():
    assert scd4x.parse(EXAMPLE) == (500, 2500, 3700)
    assert scd4x.parse(b"\x00\x00\x81" * 3) == (0, -4500, 0)
    assert scd4x.parse(b"\xff\xff\xac" * 3) == (65535, 13000, 10000)


def test_scd4x_refuses_every_flipped_bit():
    for bit in range(72):
        wrong = bytearray(EXAMPLE)
        wrong[bit // 8] ^= 1 << bit % 8
        assert raises(ValueError, scd4x.parse, wrong) == "checksum"
    for size in (0, 6, 8):
        assert raises(ValueError, scd4x.parse, EXAMPLE[:size]) == "length"


def test_scd4x_sets_up_in_the_data_sheets_order_with_self_calibration_off():
    for options, settings in (
        ({}, [OFF, SEA_LEVEL, b"\x21\xb1"]),
        ({"mode": "low_power"}, [OFF, SEA_LEVEL, b"\x21\xac"]),
        ({"mode": "single"}, [OFF, SEA_LEVEL, b"\x21\x9d", b"\xec\x05"]),
        ({"altitude_m": 1950}, [OFF, b"\x24\x27\x07\x9e\x09", b"\x21\xb1"]),
        ({"pressure_hpa": 987}, [OFF, SEA_LEVEL, b"\xe0\x00\x03\xdb\x42", b"\x21\xb1"]),
        ({"self_calibration": 1}, [b"\x24\x16\x00\x01\xb0", SEA_LEVEL, b"\x21\xb1"]),
    ):
        _, _, _, bus, sensor = simulated(options)
        finish(sensor.read())
        wanted = [b"\x3f\x86"] + settings
        assert bus.written[: len(wanted)] == wanted, options


def test_scd4x_has_nothing_before_the_first_interval_and_each_reading_once():
    for mode, interval in (("periodic", 5000), ("low_power", 30000)):
        hal, world, _, _, sensor = simulated({"mode": mode})
        assert finish(sensor.read()) == NONE and sensor.marks == (flags.WARM_UP,) * 3
        hal.advance(interval)
        assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 3
        world.values["co2"] = 700
        # Within the same interval the sensor has nothing new.
        assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 3
        hal.advance(interval)
        assert finish(sensor.read())[0] == 700 and sensor.marks == (0,) * 3


def test_scd4x_single_shots_take_their_time_and_the_first_is_flagged():
    hal, world, _, _, sensor = simulated({"mode": "single"})
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.WARM_UP,) * 3
    began = hal.ticks
    world.values["co2"] = 700
    assert finish(sensor.read())[0] == 700 and sensor.marks == (0,) * 3
    assert 5000 <= hal.ticks - began <= 5010


def test_scd4x_survives_a_bus_that_dies_at_any_operation():
    for mode, operations in (("periodic", 6), ("low_power", 6), ("single", 6)):
        for dies in range(operations + 1):
            hal, _, _, bus, sensor = simulated({"mode": mode}, dies)
            try:
                finish(sensor.read())
                assert dies == operations, (mode, dies)
            except OSError:
                assert dies < operations, (mode, dies)
            bus.dies = 10000
            hal.advance(10000)
            finish(sensor.read())
            hal.advance(30000)
            assert finish(sensor.read()) == VALUES, (mode, dies)


def test_scd4x_garbage_is_bad_data_and_passes():
    hal, _, _, bus, sensor = simulated()
    finish(sensor.read())
    hal.advance(5000)
    for spoil in (lambda data: b"\xff" * len(data), lambda data: bytes(len(data))):
        bus.spoil = spoil
        assert raises(ValueError, finish, sensor.read()) == "checksum"
    bus.spoil = None
    hal.advance(5000)
    assert finish(sensor.read()) == VALUES


def test_scd4x_one_that_never_measures_is_started_again():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    hal.advance(5000)
    assert finish(sensor.read()) == VALUES
    # A brown-out of the sensor alone: it is idle again, and has its factory settings.
    model.__init__(model._source, {})
    hal.advance(10000)
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.STALE,) * 3
    hal.advance(10000)
    assert "measures nothing" in raises(OSError, finish, sensor.read())
    finish(sensor.read())
    hal.advance(5000)
    assert finish(sensor.read()) == VALUES and model.settings[0x2416] == 0


def test_scd4x_model_says_every_value_and_can_be_unplugged():
    hal, world, model, _, sensor = simulated({"altitude_m": 1100})
    finish(sensor.read())
    assert model.settings == {0x2416: 0, 0x2427: 1100, 0xE000: 1013}
    for step in range(200):
        wanted = (step * 199, -4500 + step * 87, step * 50)
        world.values = dict(zip(("co2", "temperature", "humidity"), wanted))
        hal.advance(5000)
        assert finish(sensor.read()) == wanted
    world.values = {}
    raises(OSError, finish, sensor.read())
    world.values = {"co2": 450}
    finish(sensor.read())
    hal.advance(5000)
    assert finish(sensor.read()) == (450, 2000, 5000)


def test_scd4x_model_obeys_settings_only_when_idle_and_no_damaged_command():
    hal, _, model, _, sensor = simulated()
    finish(sensor.read())
    for command in (OFF, b"\x21\xac", b"\x21\x9d", b"\x12\x34", b"\x24", b"\xe0\x00\x03\xdb\x43"):
        raises(OSError, model.write, command, hal.ticks)
    model.write(b"\xe0\x00\x03\xdb\x42", hal.ticks)
    model.write(b"\x3f\x86", hal.ticks + 1)
    raises(OSError, model.write, OFF, hal.ticks + 500)
    model.write(OFF, hal.ticks + 501)
    raises(OSError, model.read, 3, hal.ticks + 502)
    raises(OSError, model.read_mem, 0, 3, hal.ticks + 502)


def test_scd4x_is_calibrated_to_what_it_sees_and_measures_on():
    for mode in ("periodic", "low_power", "single"):
        hal, _, _, bus, sensor = simulated({"mode": mode})
        finish(sensor.read())
        assert sensor.settings == "self-calibration off, altitude 0 m"
        bus.written = []
        # The data sheet's example is 480 ppm.
        assert finish(sensor.calibrate(480)) == 480 - 612
        assert bus.written == [b"\x3f\x86", b"\x36\x2f\x01\xe0\xb4"]
        finish(sensor.read())
        hal.advance(30000)
        assert finish(sensor.read())[0] == 480


def test_scd4x_says_so_when_it_refuses_a_calibration():
    _, _, _, bus, sensor = simulated()
    finish(sensor.read())
    bus.spoil = lambda data: b"\xff\xff\xac"
    assert raises(OSError, finish, sensor.calibrate(480)) == "refuses"
    bus.spoil = lambda data: b"\x80\x00\x00"
    assert raises(ValueError, finish, sensor.calibrate(480)) == "checksum"


def test_scd4x_says_what_it_was_set_to():
    for options, told in (
        ({"self_calibration": 1, "altitude_m": 1100}, "self-calibration on, altitude 1100 m"),
        ({"pressure_hpa": 987}, "self-calibration off, pressure 987 hPa"),
    ):
        sensor = simulated(options)[-1]
        assert sensor.settings == ""
        finish(sensor.read())
        assert sensor.settings == told
