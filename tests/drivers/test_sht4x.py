"""The data sheet has formulas and a checksum's example, no measured bytes: the frames are made."""

from drivers import sht4x
from fakes import Hal
from gateway import sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sht4x import Model
from i2c_fakes import World
from support import finish, raises
from wire import Wire, flips


def frame(*raw):
    return sensirion.packed(raw)


GOOD = frame(0x6666, 0x8000)
READ = [("write", 0x44, b"\xfd"), ("read", 0x44, 6)]


def test_sht4x_computes_the_data_sheets_formulas():
    assert sht4x.parse(GOOD) == (2500, 5650)
    assert sht4x.parse(frame(0, 0)) == (-4500, -600)
    assert sht4x.parse(frame(65535, 65535)) == (13000, 11900)
    for raw in range(0, 65536, 257):
        temperature, humidity = sht4x.parse(frame(raw, 65535 - raw))
        assert abs(temperature - 100 * (-45 + 175 * raw / 65535)) < 0.51
        assert abs(humidity - 100 * (-6 + 125 * (65535 - raw) / 65535)) < 0.51


def test_sht4x_refuses_every_flipped_bit_and_half_an_answer():
    for data in flips(GOOD):
        assert raises(ValueError, sht4x.parse, data) == "checksum"
    assert raises(ValueError, sht4x.parse, GOOD[:5]) == "length"


def test_sht4x_asks_waits_and_reads():
    wire = Wire(GOOD)
    hal = Hal()
    sensor = sht4x.Sensor(wire, Clock(hal), {})
    assert finish(sensor.read()) == (2500, 5650)
    assert wire.log == READ and hal.ticks == 9
    wire = Wire(GOOD)
    finish(sht4x.Sensor(wire, Clock(hal), {"address": 0x46}).read())
    assert wire.log == [("write", 0x46, b"\xfd"), ("read", 0x46, 6)]


def test_sht4x_waits_for_a_slow_sensor_but_not_for_ever():
    hal = Hal()
    wire = Wire(None, None, GOOD)
    assert finish(sht4x.Sensor(wire, Clock(hal), {}).read()) == (2500, 5650)
    assert hal.ticks == 9 + 2 * 5
    hal = Hal()
    raises(OSError, finish, sht4x.Sensor(Wire(None), Clock(hal), {}).read())
    assert 50 <= hal.ticks <= 55


def test_sht4x_recovers_when_the_bus_does():
    for dies in range(2):
        wire = Wire(GOOD, dies=dies)
        sensor = sht4x.Sensor(wire, Clock(Hal()), {})
        raises(OSError, finish, sensor.read())
        wire.dies = 1000
        assert finish(sensor.read()) == (2500, 5650)
    wire = Wire(b"\xff" * 6, GOOD)
    sensor = sht4x.Sensor(wire, Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "checksum"
    assert finish(sensor.read()) == (2500, 5650)


def test_sht4x_model_gives_every_wanted_value_exactly_or_is_unplugged():
    world = World(temperature=0, humidity=0)
    hal = Hal()
    sensor = sht4x.Sensor(I2c([Model(world, {})], hal.ticks_ms), Clock(hal), {})
    for i in range(400):
        wanted = (-4500 + i * 17501 // 400, -600 + i * 7 * 12501 // 400 % 12501)
        world.values = dict(zip(("temperature", "humidity"), wanted))
        assert finish(sensor.read()) == wanted
    world.values["temperature"] = None
    raises(OSError, finish, sensor.read())
    world.values["temperature"] = 2000
    assert finish(sensor.read())[0] == 2000


def test_sht4x_model_answers_its_command_only_and_not_before_it_has_measured():
    model = Model(World(temperature=2500, humidity=5650), {})
    raises(OSError, model.write, b"\x24\x00", 0)
    raises(OSError, model.read, 6, 0)
    model.write(b"\xfd", 0)
    raises(OSError, model.read, 6, 7)
    assert model.read(6, 8) == GOOD
    raises(OSError, model.read, 6, 9)
