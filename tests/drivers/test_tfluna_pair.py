from drivers import tfluna_pair
from fakes import Hal
from gateway.clock import Clock
from host_tools.twin.buses import Nobody, Uart
from host_tools.twin.sensors.tfluna_pair import Model
from pulse_fakes import CAR, LORRY, TRAILER, Street, listen, row_of
from support import finish, raises


def fitted(options, *vehicles):
    """Return (hal, both UARTs, driver) of a lane in which these will pass."""
    hal = Hal()
    model = Model(Street(*vehicles), options)
    uarts = [Uart(end, hal.ticks_ms, tfluna_pair.UART[1]) for end in (model, model.second)]
    return hal, uarts, tfluna_pair.Sensor(uarts, Clock(hal), options)


def test_tfluna_pair_counts_by_class_and_measures_speeds():
    for options in ({}, {"distance_cm": 400, "truck_cm": 800}):
        hal, uarts, sensor = fitted(
            options, (3, 50, CAR), (8, 30, LORRY), (20, 90, TRAILER), (31, 50, CAR)
        )
        listen(hal, sensor, 60, 200)
        row = row_of(tfluna_pair, finish(sensor.read()))
        assert row["vehicles"] == row["vehicles_total"] == 4
        assert (row["vehicles_car_like"], row["vehicles_truck_like"]) == (2, 2)
        assert abs(row["speed_mean"] - 550) <= 25 and row["coverage"] == 60, row
        assert not uarts[0].overruns


def test_tfluna_pair_does_not_answer_when_one_is_absent_and_recovers():
    hal, uarts, sensor = fitted({}, *[(3 + 3 * i, 50, CAR) for i in range(30)])
    listen(hal, sensor, 20, 200)
    finish(sensor.read())
    for uart in uarts:
        model, uart._model = uart._model, Nobody()
        listen(hal, sensor, 10, 200)
        assert raises(OSError, finish, sensor.read()) == "tfluna_pair: silent"
        uart._model = model
    listen(hal, sensor, 20, 200)
    finish(sensor.read())
    listen(hal, sensor, 20, 200)
    row = row_of(tfluna_pair, finish(sensor.read()))
    assert row["vehicles"] == row["vehicles_car_like"] and abs(row["speed_mean"] - 500) <= 25, row
