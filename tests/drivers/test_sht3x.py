"""The data sheet has formulas and a checksum's example, no measured bytes: the frames are made."""

from drivers import sht3x
from fakes import Hal
from gateway import sensirion
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.sht3x import Model
from i2c_fakes import World
from support import finish, raises
from wire import Wire, flips


def frame(*raw):
    return sensirion.packed(raw)


GOOD = frame(0x6666, 0x8000)


def test_sht3x_computes_the_data_sheets_formulas():
    assert sht3x.parse(GOOD) == (2500, 5000)
    assert sht3x.parse(frame(0, 0)) == (-4500, 0)
    assert sht3x.parse(frame(65535, 65535)) == (13000, 10000)
    for raw in range(0, 65536, 257):
        temperature, humidity = sht3x.parse(frame(raw, 65535 - raw))
        assert abs(temperature - 100 * (-45 + 175 * raw / 65535)) < 0.51
        assert abs(humidity - 100 * 100 * (65535 - raw) / 65535) < 0.51


def test_sht3x_refuses_every_flipped_bit_and_half_an_answer():
    for data in flips(GOOD):
        assert raises(ValueError, sht3x.parse, data) == "checksum"
    assert raises(ValueError, sht3x.parse, GOOD[:3] + GOOD[:2]) == "length"


def test_sht3x_asks_waits_and_reads():
    wire = Wire(GOOD)
    hal = Hal()
    assert finish(sht3x.Sensor(wire, Clock(hal), {"address": 0x45}).read()) == (2500, 5000)
    assert wire.log == [("write", 0x45, b"\x24\x00"), ("read", 0x45, 6)] and hal.ticks == 16


def test_sht3x_waits_for_a_slow_sensor_and_recovers_when_the_bus_does():
    hal = Hal()
    assert finish(sht3x.Sensor(Wire(None, GOOD), Clock(hal), {}).read()) == (2500, 5000)
    assert hal.ticks == 16 + 5
    raises(OSError, finish, sht3x.Sensor(Wire(None), Clock(Hal()), {}).read())
    for dies in range(2):
        wire = Wire(GOOD, dies=dies)
        sensor = sht3x.Sensor(wire, Clock(Hal()), {})
        raises(OSError, finish, sensor.read())
        wire.dies = 1000
        assert finish(sensor.read()) == (2500, 5000)


def test_sht3x_model_gives_every_wanted_value_exactly_or_is_unplugged():
    world = World(temperature=0, humidity=0)
    hal = Hal()
    sensor = sht3x.Sensor(I2c([Model(world, {})], hal.ticks_ms), Clock(hal), {})
    for i in range(400):
        wanted = (-4500 + i * 17501 // 400, i * 7 * 10001 // 400 % 10001)
        world.values = dict(zip(("temperature", "humidity"), wanted))
        assert finish(sensor.read()) == wanted
    world.values["temperature"] = None
    raises(OSError, finish, sensor.read())
    world.values["temperature"] = 2000
    assert finish(sensor.read())[0] == 2000
