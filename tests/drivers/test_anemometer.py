from drivers import anemometer
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Pulse
from host_tools.twin.sensors.anemometer import Model
from i2c_fakes import World
from pulse_fakes import fitted, listen
from support import finish, raises


def simulated(speed, options=None):
    """Return (hal, world, driver) with cups in such a wind."""
    hal = Hal()
    world = World(wind_speed=speed)
    bus = Pulse([Model(world, options or {})], hal.ticks_ms)
    sensor = anemometer.Sensor(bus, Clock(hal), options or {})
    sensor.step()
    return hal, world, sensor


def turn(hal, line, sensor, closings, ms):
    for _ in range(closings):
        hal.advance(ms)
        line.close(0, 300, 900)
        sensor.step()


def test_anemometer_has_the_makers_factors():
    # SparkFun: 2.4 km/h at one a second. Davis: 2.25 mph at one a second, 22.5 in the example of
    # its sheet: 10 closings in a second.
    assert anemometer.parse(60, 60000, 667) == 67
    assert anemometer.parse(10, 1000, 1006) == 1006
    assert anemometer.parse(0, 10000, 1006) == 0
    assert raises(ValueError, anemometer.parse, 5, 0, 667) == "no time"


def test_anemometer_counts_a_closing_once_however_it_bounces():
    hal = Hal()
    for ahead in (0, (1 << 30) - 5000000):
        line, sensor = fitted(hal, anemometer, ahead_us=ahead)
        turn(hal, line, sensor, 100, 100)
        assert finish(sensor.read()) == (667, 667)
        assert sensor.marks == (0, 0)


def test_anemometer_a_gust_is_the_greatest_mean_of_three_seconds():
    hal = Hal()
    line, sensor = fitted(hal, anemometer, {"mm_per_pulse": 1000})
    turn(hal, line, sensor, 30, 1000)
    turn(hal, line, sensor, 30, 100)
    turn(hal, line, sensor, 27, 1000)
    mean, gust = finish(sensor.read())
    assert mean == 145 and 967 <= gust <= 1000, (mean, gust)
    # Half a gust is half of it.
    turn(hal, line, sensor, 30, 1000)
    turn(hal, line, sensor, 15, 100)
    listen(hal, sensor, 10)
    mean, gust = finish(sensor.read())
    assert 500 <= gust <= 567, gust
    listen(hal, sensor, 600)
    assert finish(sensor.read()) == (0, 0)


def test_anemometer_takes_what_came_while_the_node_was_busy():
    hal = Hal()
    line, sensor = fitted(hal, anemometer)
    for _ in range(100):
        line.close(0)
        hal.advance(20)
    mean, gust = finish(sensor.read())
    assert (mean, gust) == (3335, 3335), (mean, gust)


def test_anemometer_that_stands_or_is_absent_reads_no_wind():
    hal = Hal()
    _, sensor = fitted(hal, anemometer)
    listen(hal, sensor, 10)
    assert finish(sensor.read()) == (0, 0)


def test_anemometer_that_chatters_is_flagged_and_recovers():
    hal = Hal()
    line, sensor = fitted(hal, anemometer)
    line.lost = 17
    listen(hal, sensor, 10)
    finish(sensor.read())
    assert sensor.marks == (flags.SENSOR_ERROR, flags.SENSOR_ERROR)
    turn(hal, line, sensor, 10, 1000)
    assert finish(sensor.read()) == (67, 67) and sensor.marks == (0, 0)


def test_anemometer_chattering_without_end_counts_what_the_dead_time_lets_through():
    hal = Hal()
    line, sensor = fitted(hal, anemometer, {"debounce_ms": 10})
    for _ in range(1000):
        hal.advance(10)
        line.close(0, 500, 1000, 1500, 2000, 9000)
        sensor.step()
    assert finish(sensor.read())[0] == 6670


def test_anemometer_model_turns_with_the_wind():
    for speed in (0, 310, 5000):
        for options in ({}, {"mm_per_pulse": 1006}):
            hal, _, sensor = simulated(speed, options)
            listen(hal, sensor, 20)
            mean, gust = finish(sensor.read())
            assert abs(mean - speed) <= 6 and abs(gust - speed) <= 35, (speed, mean, gust)
