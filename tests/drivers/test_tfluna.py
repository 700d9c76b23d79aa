from drivers import tfluna
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Uart
from host_tools.twin.sensors.tfluna import Model, frame
from pulse_fakes import CAR, LORRY, Street, listen, row_of
from support import finish, raises


def fitted(*vehicles):
    """Return (hal, uart, driver) of a lane in which these will pass."""
    hal = Hal()
    uart = Uart(Model(Street(*vehicles), {}), hal.ticks_ms, tfluna.UART[1])
    return hal, uart, tfluna.Sensor(uart, Clock(hal), {})


def test_tfluna_model_speaks_what_the_driver_reads():
    assert tfluna.parse(frame(33, 1000, 2248)) == (33, 1000, 2500)


def test_tfluna_counts_what_stands_before_it_and_how_long():
    hal, uart, sensor = fitted(*[(3 + 4 * i, 36, LORRY if i % 5 == 4 else CAR) for i in range(20)])
    listen(hal, sensor, 100, 200)
    row = row_of(tfluna, finish(sensor.read()))
    assert row["vehicles"] == row["vehicles_total"] == 20 and row["coverage"] == 100
    # 4.5 m at 10 m/s, and 9 m.
    assert abs(row["occupancy"] - (16 * 450 + 4 * 900) // 100) <= 1 and row["headway_mean"] == 40
    assert not uart.overruns
    # While the node was busy for two seconds nothing is lost.
    hal.advance(2000)
    listen(hal, sensor, 18, 200)
    assert row_of(tfluna, finish(sensor.read()))["coverage"] == 20
    assert not uart.overruns


def test_tfluna_absent_or_babbling_does_not_answer_and_recovers():
    hal, uart, sensor = fitted()
    model, uart._model = uart._model, None

    class Other:
        said = b""

        def pending(self, now_ms):
            return self.said

        def write(self, data, now_ms):
            self.heard = data

    uart._model = other = Other()
    listen(hal, sensor, 10, 200)
    assert raises(OSError, finish, sensor.read()) == "tfluna: silent"
    other.said = b"\x59\x59garbage\x59"
    listen(hal, sensor, 10, 200)
    assert raises(OSError, finish, sensor.read()) == "tfluna: silent"
    uart._model = model
    listen(hal, sensor, 10, 200)
    row = row_of(tfluna, finish(sensor.read()))
    assert (row["vehicles"], row["occupancy"]) == (0, 0) and 5 <= row["coverage"] <= 10
    # It was set up each time it had been silent.
    assert other.heard == b"\x5a\x06\x03\x64\x00\xc7"


def test_tfluna_behind_a_parked_car_is_flagged():
    hal, _, sensor = fitted((5, 1, (15000, ())))
    listen(hal, sensor, 20, 200)
    finish(sensor.read())
    assert not any(sensor.marks)
    # The bytes of five minutes say nothing new.
    hal.advance(300000)
    listen(hal, sensor, 10, 200)
    finish(sensor.read())
    assert set(sensor.marks) == {flags.STUCK}
