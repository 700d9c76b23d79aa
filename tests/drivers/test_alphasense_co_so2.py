from drivers import alphasense_co_so2, alphasense_no2_o3
from fakes import Hal
from gateway import ads1115, flags
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors import sht3x
from host_tools.twin.sensors.alphasense_co_so2 import Model
from i2c_fakes import World
from support import finish, raises

OPTIONS = {
    "climate": "sht3x",
    "co_we_offset_mv": 340,
    "co_ae_offset_mv": 330,
    "co_we_zero_mv": 30,
    "co_ae_zero_mv": 20,
    "co_uv_per_ppb": 450,
    "so2_we_offset_mv": 345,
    "so2_ae_offset_mv": 340,
    "so2_we_zero_mv": -6,
    "so2_ae_zero_mv": 2,
    "so2_uv_per_ppb": 300,
}
# 30 degC: CO by the first way, factor 3.5; SO2 by the fourth, 20 mV.
WORLD = {"co_we": 58750, "co_ae": 32500, "so2_we": 37400, "so2_ae": 34200}


def simulated(options=OPTIONS, **changed):
    """Return (world, driver): the cells, and a humidity sensor beside them."""
    hal = Hal()
    world = World(temperature=3000, humidity=5000, **WORLD)
    world.values.update(changed)
    models = [Model(world, {}), sht3x.Model(world, {})]
    return world, alphasense_co_so2.Sensor(I2c(models, hal.ticks_ms), Clock(hal), options)


def test_alphasense_co_so2_reads_electrodes_and_makes_concentrations_of_them():
    _, sensor = simulated()
    # CO: 247.5 + 3.5 * 5 mV at 0.45; SO2: 29 + 6 - 20 mV at 0.3.
    assert finish(sensor.read()) == (58750, 32500, 37400, 34200, 3000, 5888, 500)
    assert sensor.marks == (0,) * 7
    _, sensor = simulated(so2_we=37400 - 3000)
    assert finish(sensor.read())[6] == -500


def test_alphasense_co_so2_takes_the_algorithm_that_it_is_told():
    options = dict(OPTIONS)
    options.update({"co_algorithm": "2", "so2_algorithm": "1"})
    _, sensor = simulated(options)
    # 247.5 + 1.2 * 30/20 * 5 mV at 0.45; 29 - 1.9 * 2 mV at 0.3.
    assert finish(sensor.read())[5:] == (5700, 840)


def test_alphasense_co_so2_measures_co_up_to_twice_as_much():
    _, sensor = simulated(co_we=409588, so2_we=300000)
    got = finish(sensor.read())
    assert got[0] == 409588 and got[2] == 204794
    # Both are at their ends, which is out of range.
    assert got[0] > alphasense_co_so2.RANGE[0][1] and got[2] > alphasense_co_so2.RANGE[2][1]
    assert alphasense_co_so2.parse(b"\x7f\xff", ads1115.UP_TO_4096_MV) == 409588
    assert alphasense_co_so2.parse(b"\x7f\xff") == 204794
    assert raises(ValueError, alphasense_co_so2.parse, b"") == "length"


def test_alphasense_co_so2_shares_a_bus_with_the_other_pair_and_recovers():
    assert alphasense_co_so2.ADDRESSES[0] != alphasense_no2_o3.ADDRESSES[0]
    assert set(alphasense_co_so2.ADDRESSES) == set(alphasense_no2_o3.ADDRESSES)
    world, sensor = simulated({})
    assert finish(sensor.read()) == (58750, 32500, 37400, 34200, None, None, None)
    assert sensor.marks == (0, 0, 0, 0) + (flags.NO_ANSWER,) * 3
    world.values["co_we"] = None
    raises(OSError, finish, sensor.read())
    world.values["co_we"] = 50000
    assert finish(sensor.read())[0] == 50000
