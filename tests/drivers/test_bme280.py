"""The example is that of Bosch's BMP280 data sheet (BST-BMP280-DS001, 3.12), whose formulas for
temperature and pressure the BME280 shares. Humidity is compared with the BME280 data sheet's
floating-point formula (BST-BME280-DS002, 8.1).
"""

import struct

from drivers import bme280
from fakes import Hal
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.bme280 import Model
from support import finish, raises

WORDS = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
HUMID = (75, 362, 0, 313, 50, 30)
RAW_TEMPERATURE = 519888
RAW_PRESSURE = 415148


class World:
    """What the model is told to be true."""

    def __init__(self, temperature=2508, humidity=4500, pressure=100656):
        self.values = {"temperature": temperature, "humidity": humidity, "pressure": pressure}

    def value(self, channel, t_ms):
        return self.values[channel]


class Bus:
    """Registers; the operation numbered `dies` and all behind it find nobody."""

    def __init__(self, registers, dies=1000):
        self.registers = registers
        self.dies = dies
        self.log = []

    def _note(self, *operation):
        if len(self.log) >= self.dies:
            raise OSError(19)
        self.log.append(operation)

    def readfrom_mem_into(self, address, register, buf):
        self._note("read", address, register)
        buf[:] = self.registers[register]

    def writeto_mem(self, address, register, buf):
        self._note("write", address, register, bytes(buf))


def registers(data=b"", status=b"\0", chip=b"\x60"):
    first = struct.pack("<HhhHhhhhhhhh", *WORDS) + bytes((0, HUMID[0]))
    return {
        0xD0: chip,
        0x88: first,
        # H4 = 313 = 0x139 and H5 = 50 = 0x032 share the byte at 0xE5.
        0xE1: struct.pack("<hB", HUMID[1], HUMID[2]) + bytes((0x13, 0x29, 0x03, HUMID[5])),
        0xF3: status,
        0xF7: data or measured(RAW_TEMPERATURE, RAW_PRESSURE, 27000),
    }


def measured(raw_t, raw_p, raw_h):
    """Return the eight bytes at 0xF7."""
    high = struct.pack(">I", raw_p << 12)[:3] + struct.pack(">I", raw_t << 12)[:3]
    return high + struct.pack(">H", raw_h)


def simulated(world):
    """Return (hal, driver) with the simulated sensor on the bus."""
    hal = Hal()
    bus = I2c([Model(world, {})], hal.ticks_ms)
    return hal, bme280.Sensor(bus, Clock(hal), {})


def humidity_by_floats(raw, fine):
    h1, h2, h3, h4, h5, h6 = HUMID
    x = fine - 76800.0
    x = (raw - (h4 * 64.0 + h5 / 16384.0 * x)) * (
        h2 / 65536.0 * (1.0 + h6 / 67108864.0 * x * (1.0 + h3 / 67108864.0 * x))
    )
    return min(max(x * (1.0 - h1 * x / 524288.0), 0.0), 100.0)


def pressure_by_floats(raw, fine):
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = WORDS[3:]
    a = fine / 2.0 - 64000.0
    b = (a * a * p6 / 32768.0 + a * p5 * 2.0) / 4.0 + p4 * 65536.0
    a = (1.0 + (p3 * a * a / 524288.0 + p2 * a) / 524288.0 / 32768.0) * p1
    p = (1048576.0 - raw - b / 4096.0) * 6250.0 / a
    return p + (p9 * p * p / 2147483648.0 + p * p8 / 32768.0 + p7) / 16.0


def test_bme280_computes_the_data_sheets_example():
    words = WORDS + HUMID
    fine = bme280.fine_temperature(RAW_TEMPERATURE, words)
    assert fine == 128422
    assert bme280.pressure_of(RAW_PRESSURE, fine, words) == 100656
    values = bme280.parse(measured(RAW_TEMPERATURE, RAW_PRESSURE, 27000), words)
    assert values[0] == 2508 and values[2] == 100656


def test_bme280_agrees_with_the_data_sheets_floating_point_formulas():
    words = WORDS + HUMID
    for raw_t in range(380000, 600000, 20011):
        fine = bme280.fine_temperature(raw_t, words)
        for raw_h in range(15000, 46000, 1511):
            # 0.02 %: the rounding of the integer formula.
            off = bme280.humidity_of(raw_h, fine, words) - 100 * humidity_by_floats(raw_h, fine)
            assert abs(off) <= 2, (raw_t, raw_h, off)
        for raw_p in range(300000, 700000, 40009):
            # 8 Pa: what the integer formula of 32 bits loses at the ends of the range.
            off = bme280.pressure_of(raw_p, fine, words) - pressure_by_floats(raw_p, fine)
            assert abs(off) <= 8, (raw_t, raw_p, off)


def test_bme280_unpacks_the_calibration():
    made = registers()
    assert bme280.calibration(made[0x88], made[0xE1]) == WORDS + HUMID
    # Negative H4 and H5 keep their sign (twelve bits each).
    negative = struct.pack("<hBbBbb", 362, 0, -1, 0x9F, -3, -30)
    assert bme280.calibration(made[0x88], negative)[15:] == (-1, -39, -30)
    for first, second in (
        (made[0x88][:25], made[0xE1]),
        (made[0x88], made[0xE1][:6]),
        (bytes(26), made[0xE1]),
        (made[0x88][:6] + bytes(20), made[0xE1]),
    ):
        assert raises(ValueError, bme280.calibration, first, second) == "calibration"


def test_bme280_says_what_was_not_measured():
    words = WORDS + HUMID
    skipped = 0x80000
    assert bme280.parse(measured(RAW_TEMPERATURE, skipped, 0x8000), words) == (2508, None, None)
    message = raises(ValueError, bme280.parse, measured(skipped, RAW_PRESSURE, 27000), words)
    assert message == "not measured"
    assert raises(ValueError, bme280.parse, bytes(7), words) == "length"
    # A calibration that would divide by zero.
    assert bme280.pressure_of(RAW_PRESSURE, 128422, WORDS[:3] + (0,) + WORDS[4:]) is None


def test_bme280_stays_in_range_and_never_raises_whatever_the_registers_hold():
    words = WORDS + HUMID
    for data in (bytes(8), b"\xff" * 8, b"\x80\x00\x10\x7f\xff\xf0\xff\xff", b"\x55" * 8):
        _, humidity, _ = bme280.parse(data, words)
        assert 0 <= humidity <= 10000
    for flipped in range(20, 64):
        data = bytearray(measured(RAW_TEMPERATURE, RAW_PRESSURE, 27000))
        data[flipped // 8] ^= 0x80 >> flipped % 8
        assert len(bme280.parse(data, words)) == 3


def test_bme280_asks_in_the_data_sheets_order():
    bus = Bus(registers())
    hal = Hal()
    sensor = bme280.Sensor(bus, Clock(hal), {"address": 0x77})
    assert finish(sensor.read())[0] == 2508
    once = [("read", 0x77, 0xD0)] + [("read", 0x77, 0x88), ("read", 0x77, 0xE1)] * 2
    each = [
        ("write", 0x77, 0xF2, b"\x01"),
        ("write", 0x77, 0xF4, b"\x25"),
        ("read", 0x77, 0xF3),
        ("read", 0x77, 0xF7),
    ]
    assert bus.log == once + each and hal.ticks == 10
    finish(sensor.read())
    assert bus.log == once + each + each


def test_bme280_survives_a_bus_that_dies_at_any_operation():
    for dies in range(9):
        bus = Bus(registers(), dies)
        sensor = bme280.Sensor(bus, Clock(Hal()), {})
        raises(OSError, finish, sensor.read())
        assert len(bus.log) == dies
        bus.dies = 1000
        assert finish(sensor.read())[0] == 2508
        # What is on the bus now is asked for its own calibration.
        assert ("read", 0x76, 0x88) in bus.log[dies:]


def test_bme280_refuses_another_chip_and_one_that_measures_for_ever():
    sensor = bme280.Sensor(Bus(registers(chip=b"\x58")), Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "chip id 0x58 is no BME280"
    hal = Hal()
    sensor = bme280.Sensor(Bus(registers(status=b"\x08")), Clock(hal), {})
    raises(OSError, finish, sensor.read())
    assert hal.ticks == 50


def test_bme280_model_gives_every_wanted_value_exactly():
    world = World()
    hal, sensor = simulated(world)
    for temperature in range(-2000, 5001, 37):
        pressure = 90000 + (temperature + 2000) * 13 % 18001
        humidity = (temperature + 2000) * 7 % 10001
        world.values = {"temperature": temperature, "humidity": humidity, "pressure": pressure}
        assert finish(sensor.read()) == (temperature, humidity, pressure)
        hal.advance(1000)


def test_bme280_model_can_leave_quantities_out_or_be_unplugged():
    world = World(humidity=None, pressure=None)
    _, sensor = simulated(world)
    assert finish(sensor.read()) == (2508, None, None)
    world.values["temperature"] = None
    raises(OSError, finish, sensor.read())
    world.values = World().values
    assert finish(sensor.read())[0] == 2508
