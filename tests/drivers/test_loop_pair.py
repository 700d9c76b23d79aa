from drivers import loop_pair
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Pulse
from host_tools.twin.sensors.loop_pair import Model
from pulse_fakes import CAR, LORRY, TRAILER, Street, fitted, listen, row_of
from support import finish


def driven(options, *vehicles):
    """Return the row of a minute in which these pass."""
    hal = Hal()
    model = Model(Street(*vehicles), options)
    bus = Pulse([model, model.second], hal.ticks_ms)
    sensor = loop_pair.Sensor(bus, Clock(hal), options)
    listen(hal, sensor, 60)
    return row_of(loop_pair, finish(sensor.read()))


def test_loop_pair_counts_by_class_and_measures_speeds():
    for options in ({}, {"distance_cm": 250, "loop_cm": 100, "truck_cm": 800}):
        row = driven(options, (3, 50, CAR), (8, 30, LORRY), (20, 90, TRAILER), (31, 50, CAR))
        assert row["vehicles"] == row["vehicles_total"] == 4
        assert (row["vehicles_car_like"], row["vehicles_truck_like"]) == (2, 2)
        assert abs(row["speed_mean"] - 550) <= 2 and abs(row["speed_p85"] - 900) <= 10
        assert row["vehicles_30_40"] + row["vehicles_20_30"] == 1 and row["vehicles_80_up"] == 1
        assert row["coverage"] == 60 and abs(row["headway_mean"] - 93) <= 1


def test_loop_pair_one_that_is_absent_leaves_the_count():
    hal = Hal()
    for number in (0, 1):
        line, sensor = fitted(hal, loop_pair)
        for _ in range(10):
            line.close(number=number)
            line.open(468000, number=number)
            listen(hal, sensor, 4)
        row = row_of(loop_pair, finish(sensor.read()))
        assert (row["vehicles"], row["vehicles_unclassified"]) == (10, 10)
        assert row["speed_mean"] is None and not any(sensor.marks)


def test_loop_pair_that_hangs_or_chatters_is_flagged_until_it_is_well():
    for number in (0, 1):
        hal = Hal()
        line, sensor = fitted(hal, loop_pair)
        line.close(number=number)
        listen(hal, sensor, 1000)
        finish(sensor.read())
        assert set(sensor.marks) == {flags.STUCK}
        line.open(number=number)
        line.lost = 1
        listen(hal, sensor, 10)
        finish(sensor.read())
        assert set(sensor.marks) == {flags.SENSOR_ERROR}
        listen(hal, sensor, 10)
        finish(sensor.read())
        assert not any(sensor.marks)
