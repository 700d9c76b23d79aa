"""The frame is read off a real sensor of the family; test_pms5003.py tests its parser."""

from drivers import pmsa003i
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.pmsa003i import Model
from support import finish, raises

CALM = (
    b"\x42\x4d\x00\x1c\x00\x03\x00\x04\x00\x07\x00\x04\x00\x05\x00\x08"
    b"\x03\x1b\x00\xf9\x00\x1b\x00\x06\x00\x03\x00\x03\x9a\x00\x02\xa2"
)
VALUES = (4, 5, 8, 3, 4, 7, 795, 249, 27, 6, 3, 3)


class Bus:
    """A sensor's registers, or nobody."""

    def __init__(self, frame):
        self.frame = frame
        self.asked = []

    def readfrom_mem_into(self, address, register, buf):
        self.asked.append((address, register, len(buf)))
        if self.frame is None:
            raise OSError(19)
        buf[:] = self.frame


class World:
    """What the model is told to be true."""

    def __init__(self):
        self.values = {c[0]: v for c, v in zip(pmsa003i.CHANNELS, VALUES)}

    def value(self, channel, t_ms):
        return self.values.get(channel)


def test_pmsa003i_reads_one_frame_and_survives_a_bus_that_dies():
    bus = Bus(CALM)
    sensor = pmsa003i.Sensor(bus, Clock(Hal()), {})
    assert finish(sensor.read()) == VALUES and bus.asked == [(0x12, 0, 32)]
    bus.frame = None
    raises(OSError, finish, sensor.read())
    for garbage, part in (
        (bytes(32), "header"),
        (b"\xff" * 32, "header"),
        (CALM[:31] + b"\xa3", "checksum"),
        (CALM[2:] + CALM[:2], "header"),
    ):
        bus.frame = garbage
        assert raises(ValueError, finish, sensor.read()) == part
    bus.frame = CALM[:29] + b"\x01\x02\xa3"
    assert finish(sensor.read()) == VALUES and sensor.marks == (flags.SENSOR_ERROR,) * 12
    bus.frame = CALM
    assert finish(sensor.read()) == VALUES and sensor.marks == (0,) * 12


def test_pmsa003i_refuses_every_flipped_bit():
    bus = Bus(None)
    sensor = pmsa003i.Sensor(bus, Clock(Hal()), {})
    for bit in range(256):
        bus.frame = bytearray(CALM)
        bus.frame[bit // 8] ^= 1 << bit % 8
        raises(ValueError, finish, sensor.read())


def test_pmsa003i_model_says_every_value_and_can_be_unplugged():
    hal, world = Hal(), World()
    sensor = pmsa003i.Sensor(I2c([Model(world, {})], hal.ticks_ms), Clock(hal), {})
    for values in (VALUES, (0,) * 12, (65535,) * 12, tuple(range(12))):
        world.values = {c[0]: v for c, v in zip(pmsa003i.CHANNELS, values)}
        assert finish(sensor.read()) == values
    world.values = {}
    raises(OSError, finish, sensor.read())
    world.values = {"pm2_5": 12}
    assert finish(sensor.read())[:6] == (12,) * 6
