"""The data sheet prints no example. The calibration is that of a real sensor (README of the public
repository wrclark/bme680); the results are compared with the data sheet's floating-point formulas.
"""

import struct

from drivers import bme680
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.bme680 import Model
from i2c_fakes import World
from support import Noise, finish, raises

TEMPERATURE = (26203, 26519, 3)
PRESSURE = (35008, -10284, 88, 9692, -202, 30, 24, -4, -3469, 30)
HUMIDITY = (794, 1007, 0, 45, 20, 120, -100)
HEATER = (-48, -5755, 18, 1, 46)
WORDS = TEMPERATURE + PRESSURE + HUMIDITY + HEATER + (1, 0)
BME688 = WORDS[:-1] + (1,)
# As they stand in the registers.
AT_8A = (
    b"\x97\x67\x03\x00\xc0\x88\xd4\xd7\x58\x00\xdc\x25\x36\xff\x18\x1e\x00\x00\xfc\xff\x73\xf2\x1e"
)
AT_E1 = b"\x3e\xfa\x31\x00\x2d\x14\x78\x9c\x5b\x66\x85\xe9\xd0\x12"
AT_00 = b"\x2e\x00\x10\x00\x13"
RAW_TEMPERATURE, RAW_PRESSURE, RAW_HUMIDITY = 492000, 370000, 21000
K1 = (0, 0, 0, 0, 0, -1, 0, -0.8, 0, 0, -0.2, -0.5, 0, -1, 0, 0)
K2 = (0, 0, 0, 0, 0.1, 0.7, 0, -0.8, -0.1, 0, 0, 0, 0, 0, 0, 0)


class Bus:
    """Registers; the operation numbered `dies` and all behind it find nobody."""

    def __init__(self, data, variant=0, dies=1000):
        self.registers = {0xD0: b"\x61", 0xF0: bytes((variant,)), 0x8A: AT_8A, 0xE1: AT_E1}
        self.registers.update({0x00: AT_00, 0x1D: data})
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


def measured(raw_p, raw_t, raw_h, status=0x80, low=b"\x80\x35", high=b"\0\0"):
    """Return the 17 bytes at 0x1D; gas: word 512, range 5, valid, heated."""
    data = bytes((status, 0)) + struct.pack(">I", raw_p << 12)[:3]
    return data + struct.pack(">I", raw_t << 12)[:3] + struct.pack(">HHB", raw_h, 0, 0) + low + high


DATA = measured(RAW_PRESSURE, RAW_TEMPERATURE, RAW_HUMIDITY)


def simulated(**values):
    """Return (hal, world, model, driver) with the simulated sensor on the bus."""
    hal = Hal()
    world = World(temperature=2134, humidity=4567, pressure=101325, gas_resistance=50000)
    world.values.update(values)
    model = Model(world, {})
    return hal, world, model, bme680.Sensor(I2c([model], hal.ticks_ms), Clock(hal), {})


def fine_by_floats(raw):
    t1, t2, t3 = TEMPERATURE
    off = raw / 131072 - t1 / 8192
    return (raw / 16384 - t1 / 1024) * t2 + off * off * t3 * 16


def pressure_by_floats(raw, fine):
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10 = PRESSURE
    a = fine / 2 - 64000
    b = (a * a * p6 / 131072 + a * p5 * 2) / 4 + p4 * 65536
    a = (1 + (p3 * a * a / 16384 + p2 * a) / 524288 / 32768) * p1
    p = (1048576 - raw - b / 4096) * 6250 / a
    cube = (p / 256) * (p / 256) * (p / 256)
    return p + (p9 * p * p / 2147483648 + p * p8 / 32768 + cube * p10 / 131072 + p7 * 128) / 16


def humidity_by_floats(raw, fine):
    h1, h2, h3, h4, h5, h6, h7 = HUMIDITY
    t = fine / 5120
    a = raw - (h1 * 16 + h3 / 2 * t)
    b = a * (h2 / 262144 * (1 + h4 / 16384 * t + h5 / 1048576 * t * t))
    return b + (h6 / 16384 + h7 / 2097152 * t) * b * b


def gas_by_floats(raw, step, error):
    reference = (1340 + 5 * error) * (1 + K1[step] / 100)
    return 8e6 / (1 + K2[step] / 100) / (1 << step) / ((raw - 512) / reference + 1)


def test_bme680_unpacks_the_calibration():
    assert bme680.calibration(AT_8A, AT_E1, AT_00, 0) == WORDS
    # The range switching error is signed.
    assert bme680.calibration(AT_8A, AT_E1, AT_00[:4] + b"\xf3", 1)[25:] == (-1, 1)
    for wrong in (
        (AT_8A[:22], AT_E1, AT_00, 0),
        (AT_8A, AT_E1[:13], AT_00, 0),
        (AT_8A, AT_E1, AT_00[:4], 0),
        (AT_8A, AT_E1, AT_00, 2),
        (bytes(23), AT_E1, AT_00, 0),
        (AT_8A, bytes(14), AT_00, 0),
    ):
        assert raises(ValueError, bme680.calibration, *wrong) == "calibration"


def test_bme680_agrees_with_the_data_sheets_floating_point_formulas():
    for raw_t in range(400000, 620000, 20011):
        fine = fine_by_floats(raw_t)
        got = bme680.fine_temperature(raw_t, WORDS)
        temperature = (got * 5 + 128) >> 8
        assert abs(temperature - fine / 51.2) < 1
        for raw_h in range(13000, 40000, 1511):
            wanted = min(max(humidity_by_floats(raw_h, fine), 0), 100) * 100
            off = bme680.humidity_of(raw_h, temperature, WORDS) - wanted
            assert abs(off) <= 8, (raw_t, raw_h, off)
        for raw_p in range(200000, 700000, 40009):
            off = bme680.pressure_of(raw_p, got, WORDS) - pressure_by_floats(raw_p, fine)
            assert abs(off) <= 8, (raw_t, raw_p, off)


def test_bme680_gas_resistance_agrees_with_the_formulas_in_every_range():
    for step in range(16):
        for raw in range(0, 1024, 31):
            for error in (-8, 0, 7):
                words = WORDS[:25] + (error, 0)
                wanted = gas_by_floats(raw, step, error)
                assert abs(bme680.gas_of(raw, step, words) - wanted) <= 0.51 + wanted / 10000
            wanted = 1e6 * (262144 >> step) / (4096 + 3 * (raw - 512))
            assert 0 <= wanted - bme680.gas_of(raw, step, BME688) <= 1 + wanted / 100000


def test_bme680_sets_the_heater_by_its_own_calibration():
    for target in range(200, 401, 20):
        for ambient in (-20, 0, 25, 45):
            g1, g2, g3, step, off = HEATER
            part = (g1 / 16 + 49) * (1 + (g2 / 32768 * 0.0005 + 0.00235) * target)
            part = (part + g3 / 1024 * ambient) * 4 / (4 + step) / (1 + off * 0.002)
            got = bme680.heater_resistance(target, ambient, WORDS)
            assert abs(got - 3.4 * (part - 25)) < 1.5, (target, ambient)
    for ms, code in ((10, 10), (63, 63), (64, 64 + 16), (100, 0x59), (150, 0x65), (2000, 0xDF)):
        assert bme680.heater_time(ms) == code


def test_bme680_says_what_was_not_measured():
    nothing = measured(0x80000, RAW_TEMPERATURE, 0x8000, low=b"\x80\x05")
    assert bme680.parse(nothing, WORDS) == (bme680.parse(DATA, WORDS)[0], None, None, None)
    nothing = measured(RAW_PRESSURE, 0x80000, RAW_HUMIDITY)
    assert raises(ValueError, bme680.parse, nothing, WORDS) == "not measured"
    assert raises(ValueError, bme680.parse, DATA[:15], WORDS) == "length"
    # A calibration that would divide by zero.
    words = TEMPERATURE + (1, 0, 0, 0, 0, 0, 0, 0, 0, 0) + HUMIDITY + HEATER + (0, 0)
    assert bme680.pressure_of(RAW_PRESSURE, -40000000, words[:4] + (32767,) + words[5:]) is None


def test_bme680_reads_any_registers_without_failing():
    noise = Noise(5)
    for _ in range(200):
        data = bytes([noise.below(256) for _ in range(17)])
        try:
            values = bme680.parse(data, WORDS)
        except ValueError:
            continue
        assert 0 <= values[1] <= 10000 and (values[3] is None or values[3] > 100)


def test_bme680_asks_in_order_and_waits_for_the_heater():
    bus, hal = Bus(DATA), Hal()
    sensor = bme680.Sensor(bus, Clock(hal), {"address": 0x77})
    values = finish(sensor.read())
    assert values == bme680.parse(DATA, WORDS) and hal.ticks == 150
    twice = (0x8A, 0xE1, 0x00, 0xF0) * 2
    once = [("read", 0x77, register) for register in (0xD0,) + twice]
    resistance = bytes((bme680.heater_resistance(320, 25, WORDS),))
    each = [
        ("write", 0x77, 0x5A, resistance),
        ("write", 0x77, 0x64, b"\x65"),
        ("write", 0x77, 0x71, b"\x10"),
        ("write", 0x77, 0x72, b"\x01"),
        ("write", 0x77, 0x74, b"\x4d"),
        ("read", 0x77, 0x1D),
    ]
    assert bus.log == once + each
    finish(sensor.read())
    # Now the air's own temperature is known.
    assert bus.log[len(once + each) + 1 :] == each[1:]
    resistance = bytes((bme680.heater_resistance(320, values[0] // 100, WORDS),))
    assert bus.log[len(once + each)] == ("write", 0x77, 0x5A, resistance)


def test_bme680_bme688_has_its_gas_elsewhere_and_another_switch():
    data = measured(RAW_PRESSURE, RAW_TEMPERATURE, RAW_HUMIDITY, 0x80, b"\0\0", b"\x80\x35")
    bus = Bus(data, variant=1)
    sensor = bme680.Sensor(bus, Clock(Hal()), {"heater_degc": 300, "heater_ms": 100})
    assert finish(sensor.read())[3] == (262144 >> 5) * 1000000 // 4096
    assert ("write", 0x76, 0x71, b"\x20") in bus.log and sensor.marks[3] == flags.WARM_UP
    assert ("write", 0x76, 0x64, b"\x59") in bus.log


def test_bme680_survives_a_bus_that_dies_at_any_operation():
    good = bme680.parse(DATA, WORDS)
    for dies in range(15):
        bus = Bus(DATA, dies=dies)
        sensor = bme680.Sensor(bus, Clock(Hal()), {})
        raises(OSError, finish, sensor.read())
        assert len(bus.log) == dies
        bus.dies = 1000
        assert finish(sensor.read()) == good
        # What is on the bus now is asked for its own calibration.
        assert ("read", 0x76, 0x8A) in bus.log[dies:]


def test_bme680_reads_the_calibration_until_it_is_the_same_twice():
    class Noisy(Bus):
        def readfrom_mem_into(self, address, register, buf):
            Bus.readfrom_mem_into(self, address, register, buf)
            if len(self.log) == 7:
                buf[3] ^= 4

    sensor = bme680.Sensor(Noisy(DATA), Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "calibration"
    assert finish(sensor.read()) == bme680.parse(DATA, WORDS)


def test_bme680_refuses_another_chip_and_one_that_measures_for_ever():
    bus = Bus(DATA)
    bus.registers[0xD0] = b"\x60"
    sensor = bme680.Sensor(bus, Clock(Hal()), {})
    assert raises(ValueError, finish, sensor.read()) == "chip id 0x60 is no BME680"
    hal = Hal()
    busy = measured(RAW_PRESSURE, RAW_TEMPERATURE, RAW_HUMIDITY, status=0x20)
    raises(OSError, finish, bme680.Sensor(Bus(busy), Clock(hal), {}).read())
    assert hal.ticks == 250


def test_bme680_marks_the_gas_until_it_has_settled_and_when_the_heater_fails():
    hal, world, model, sensor = simulated()
    finish(sensor.read())
    assert sensor.marks == (0, 0, 0, flags.WARM_UP)
    hal.advance(29 * 60 * 1000)
    finish(sensor.read())
    assert sensor.marks == (0, 0, 0, flags.WARM_UP)
    hal.advance(60 * 1000)
    finish(sensor.read())
    assert sensor.marks == (0, 0, 0, 0)
    model.heats = False
    finish(sensor.read())
    assert sensor.marks == (0, 0, 0, flags.SENSOR_ERROR)
    # Another one is plugged in.
    world.values["temperature"] = None
    raises(OSError, finish, sensor.read())
    world.values["temperature"] = 2000
    model.heats = True
    finish(sensor.read())
    assert sensor.marks == (0, 0, 0, flags.WARM_UP)


def test_bme680_model_gives_wanted_values():
    hal, world, model, sensor = simulated()
    for variant, least in ((0, 200), (1, 1500)):
        model.variant = variant
        finish(sensor.read())
        sensor = bme680.Sensor(I2c([model], hal.ticks_ms), Clock(hal), {})
        gas = least
        while gas < 11000000:
            temperature = -2000 + gas * 7 % 7001
            humidity, pressure = gas * 3 % 10001, 90000 + gas % 18001
            world.values = dict(
                zip(
                    ("temperature", "humidity", "pressure", "gas_resistance"),
                    (temperature, humidity, pressure, gas),
                )
            )
            got = finish(sensor.read())
            assert got[:2] == (temperature, humidity)
            assert abs(got[2] - pressure) <= 1
            assert abs(got[3] - gas) <= 1 + gas // 1000
            gas = gas * 13 // 9


def test_bme680_model_can_leave_quantities_out():
    _, _, _, sensor = simulated(humidity=None, pressure=None, gas_resistance=None)
    assert finish(sensor.read()) == (2134, None, None, None)
    assert sensor.marks[3] & flags.SENSOR_ERROR
