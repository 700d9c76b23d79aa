from drivers import rain_gauge
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Pulse
from host_tools.twin.sensors.rain_gauge import Model
from i2c_fakes import World
from pulse_fakes import fitted, listen
from support import finish, raises


def test_rain_gauge_knows_the_makers_buckets():
    assert rain_gauge.parse(5, 2000) == 10000
    assert rain_gauge.parse(3, 2794) == 8382
    assert rain_gauge.parse(0, 2000) == 0
    assert raises(ValueError, rain_gauge.parse, -1, 2000) == "tips"


def test_rain_gauge_counts_a_tip_once_as_the_magnet_comes_and_goes():
    hal = Hal()
    line, sensor = fitted(hal, rain_gauge, {"tip": 2794}, ahead_us=(1 << 30) - 3000000)
    for _ in range(7):
        line.close(0, 400, 1100, 90000, 90700)
        listen(hal, sensor, 2)
    assert finish(sensor.read()) == (7 * 2794, 7 * 2794)
    assert finish(sensor.read()) == (0, 7 * 2794)


def test_rain_gauge_total_goes_on_where_a_row_is_lost_and_wraps():
    hal = Hal()
    line, sensor = fitted(hal, rain_gauge)
    line.close(0)
    finish(sensor.read())
    hal.advance(1000)
    line.close(0)
    assert finish(sensor.read()) == (2000, 4000)
    sensor._total = 0x3FFFFFFF
    hal.advance(1000)
    line.close(0)
    assert finish(sensor.read()) == (2000, 1999)


def test_rain_gauge_absent_is_dry_and_one_that_chatters_is_flagged_until_it_rests():
    hal = Hal()
    line, sensor = fitted(hal, rain_gauge)
    listen(hal, sensor, 60)
    assert finish(sensor.read()) == (0, 0) and sensor.marks == (0, 0)
    line.lost = 3
    finish(sensor.read())
    assert sensor.marks == (flags.SENSOR_ERROR, flags.SENSOR_ERROR)
    finish(sensor.read())
    assert sensor.marks == (0, 0)


def test_rain_gauge_model_rains_as_much_as_it_is_told():
    for rate, options in ((0, {}), (400, {}), (6000, {"tip": 2794}), (20000, {})):
        hal = Hal()
        model = Model(World(rain_rate=rate), options)
        sensor = rain_gauge.Sensor(Pulse([model], hal.ticks_ms), Clock(hal), options)
        listen(hal, sensor, 1800, 2000)
        _, total = finish(sensor.read())
        assert total == model.tips * options.get("tip", 2000)
        # Half an hour of 0.01 mm/h in 0.0001 mm, but for the bucket that is not full yet.
        assert rate * 50 - 2800 <= total <= rate * 50, (rate, total)
    model = Model(World(), {})
    assert model.pending(0) == model.pending(100000) == b""
