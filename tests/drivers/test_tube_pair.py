from drivers import tube_pair
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Pulse
from host_tools.twin.sensors.tube_pair import Model
from pulse_fakes import BICYCLE, CAR, LORRY, TRAILER, Street, fitted, listen, row_of
from support import finish


def driven(options, *vehicles):
    """Return the row of a minute in which these pass."""
    hal = Hal()
    model = Model(Street(*vehicles), options)
    bus = Pulse([model, model.second], hal.ticks_ms)
    sensor = tube_pair.Sensor(bus, Clock(hal), options)
    listen(hal, sensor, 60)
    return row_of(tube_pair, finish(sensor.read()))


def test_tube_pair_knows_vehicles_by_their_axles():
    for options in ({}, {"distance_cm": 50}):
        row = driven(
            options,
            (3, 50, CAR),
            (8, 30, LORRY),
            (20, 90, TRAILER),
            (31, 50, CAR),
            (40, 20, BICYCLE),
            # A car with a trailer of one axle is one.
            (50, 60, (850, (90, 360, 740))),
        )
        assert row["vehicles"] == row["vehicles_total"] == 6, row
        assert (row["vehicles_car_like"], row["vehicles_truck_like"]) == (3, 2)
        assert row["vehicles_unclassified"] == 1
        assert abs(row["speed_mean"] - 500) <= 2 and row["vehicles_80_up"] == 1, row


def test_tube_pair_keeps_followers_apart_and_measures_either_direction():
    # 12 m from front to front.
    row = driven({}, *[(3 + i * 0.864, 50, CAR) for i in range(20)])
    assert (row["vehicles_car_like"], row["speed_mean"]) == (20, 500)
    hal = Hal()
    line, sensor = fitted(hal, tube_pair, ahead_us=(1 << 30) - 5000000)
    for _ in range(10):
        for late in (0, 194000):
            line.close(late, late + 900, number=1)
            line.close(late + 72000)
        listen(hal, sensor, 4)
    row = row_of(tube_pair, finish(sensor.read()))
    assert (row["vehicles_car_like"], row["speed_mean"]) == (10, 500)


def test_tube_pair_one_that_is_absent_measures_nothing():
    hal = Hal()
    line, sensor = fitted(hal, tube_pair)
    for _ in range(20):
        line.close()
        listen(hal, sensor, 2)
    row = row_of(tube_pair, finish(sensor.read()))
    assert row["vehicles"] == 0 and row["speed_mean"] is None and sensor.single == 19


def test_tube_pair_that_chatters_is_flagged_until_it_is_well():
    hal = Hal()
    line, sensor = fitted(hal, tube_pair)
    line.lost = 2
    finish(sensor.read())
    assert set(sensor.marks) == {flags.SENSOR_ERROR}
    finish(sensor.read())
    assert not any(sensor.marks)
