from drivers import alphasense_no2_o3
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors import sht4x
from host_tools.twin.sensors.alphasense_no2_o3 import Model
from i2c_fakes import World
from support import finish, raises

OPTIONS = {
    "climate": "sht4x",
    "climate_address": 0x45,
    "no2_we_offset_mv": 230,
    "no2_ae_offset_mv": 225,
    "no2_we_zero_mv": -5,
    "no2_ae_zero_mv": 3,
    "no2_uv_per_ppb": 250,
    "ox_we_offset_mv": 240,
    "ox_ae_offset_mv": 244,
    "ox_we_zero_mv": 2,
    "ox_ae_zero_mv": 4,
    "ox_uv_per_ppb": 400,
    "ox_uv_per_ppb_no2": 500,
}
# 20 degC: factors 0.6 and 1.7. NO2: 12.5 mV + 0.6 * 10 mV; OX: 25 mV of NO2, 20 mV of ozone.
CLEAN = {"no2_we": 24850, "no2_ae": 23500, "ox_we": 28500, "ox_ae": 24400}


class Dying(I2c):
    """The operation numbered `dies` and all behind it find nobody."""

    dies = 1000
    done = 0

    def _at(self, address):
        if self.done >= self.dies:
            raise OSError(19)
        self.done += 1
        return I2c._at(self, address)


def simulated(options=OPTIONS, **changed):
    """Return (world, bus, driver): the cells, and a humidity sensor beside them."""
    hal = Hal()
    world = World(temperature=2000, humidity=5000, **CLEAN)
    world.values.update(changed)
    models = [Model(world, {}), sht4x.Model(world, {"address": 0x45})]
    bus = Dying(models, hal.ticks_ms)
    return world, bus, alphasense_no2_o3.Sensor(bus, Clock(hal), options)


def test_alphasense_no2_o3_reads_electrodes_and_makes_concentrations_of_them():
    _, _, sensor = simulated()
    electrodes = (24850, 23500, 28500, 24400)
    assert finish(sensor.read()) == electrodes + (2000, 500, 500)
    assert sensor.marks == (0,) * 7
    # 10 ppb more NO2 move both cells, and the ozone stays what it was.
    _, _, sensor = simulated(no2_we=25100, ox_we=29000)
    assert finish(sensor.read())[5:] == (600, 500)
    # Ozone alone.
    _, _, sensor = simulated(ox_we=28500 + 400)
    assert finish(sensor.read())[5:] == (500, 600)


def test_alphasense_no2_o3_takes_the_algorithm_that_it_is_told():
    options = dict(OPTIONS)
    options.update({"no2_algorithm": "3", "ox_algorithm": "3"})
    _, _, sensor = simulated(options)
    # 18.5 + 8 - 10 mV at 0.25; 45 + 2 - 33 of NO2, 14 mV at 0.4.
    assert finish(sensor.read())[5:] == (660, 350)


def test_alphasense_no2_o3_keeps_the_electrodes_when_the_rest_is_missing():
    electrodes = (24850, 23500, 28500, 24400)
    nothing = flags.NO_ANSWER
    world, _, sensor = simulated({})
    assert finish(sensor.read()) == electrodes + (None,) * 3
    assert sensor.marks == (0, 0, 0, 0, nothing, nothing, nothing)
    # The climate answers, but the OX cell's figures were forgotten.
    options = dict(OPTIONS)
    del options["ox_uv_per_ppb_no2"]
    _, _, sensor = simulated(options)
    assert finish(sensor.read()) == electrodes + (2000, 500, None)
    assert sensor.marks == (0,) * 6 + (nothing,)
    world, _, sensor = simulated()
    world.values["temperature"] = None
    assert finish(sensor.read()) == electrodes + (None,) * 3
    assert sensor.marks[4:] == (nothing,) * 3
    world.values["temperature"] = 2000
    assert finish(sensor.read())[4:] == (2000, 500, 500)


def test_alphasense_no2_o3_says_when_the_climate_is_garbage():
    _, bus, sensor = simulated()
    read = bus.readfrom_into

    def garbage(address, buf):
        read(address, buf)
        buf[2] ^= 1

    bus.readfrom_into = garbage
    assert finish(sensor.read())[4:] == (None,) * 3
    assert sensor.marks[4:] == (flags.BAD_DATA,) * 3


def test_alphasense_no2_o3_survives_a_bus_that_dies_at_any_operation():
    good = (24850, 23500, 28500, 24400, 2000, 500, 500)
    for dies in range(14):
        _, bus, sensor = simulated()
        bus.dies = dies
        if dies < 12:
            raises(OSError, finish, sensor.read())
        else:
            assert finish(sensor.read()) == good[:4] + (None,) * 3
        bus.dies = 1000
        assert finish(sensor.read()) == good


def test_alphasense_no2_o3_model_says_what_is_true_to_a_step():
    world, _, sensor = simulated({})
    for i in range(40):
        value = i * 204793 // 39
        for name in CLEAN:
            world.values[name] = value
        got = finish(sensor.read())
        assert all(abs(one - value) <= 4 for one in got[:4]), (value, got)
    world.values["no2_we"] = None
    raises(OSError, finish, sensor.read())
    world.values["no2_we"] = 23000
    assert finish(sensor.read())[0] == 23000
    assert alphasense_no2_o3.parse(b"\x7f\xff") == 204794
    assert raises(ValueError, alphasense_no2_o3.parse, b"\x7f") == "length"
