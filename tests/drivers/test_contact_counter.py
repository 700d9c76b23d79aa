from drivers import contact_counter
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Pulse
from host_tools.twin.sensors.contact_counter import Model
from pulse_fakes import BICYCLE, CAR, TRAILER, Street, fitted, listen
from support import finish


def driven(options, *vehicles):
    """Return the row of a minute in which these pass."""
    hal = Hal()
    model = Model(Street(*vehicles), options)
    sensor = contact_counter.Sensor(Pulse([model], hal.ticks_ms), Clock(hal), options)
    listen(hal, sensor, 60)
    return finish(sensor.read())


def test_contact_counter_of_a_tube_counts_two_axles_as_a_vehicle():
    cars = [(3 + i, 30 + 5 * i, CAR) for i in range(20)]
    assert driven({}, *cars) == (20, 40, 10, 20)
    # A lorry of four axles is two.
    assert driven({}, (3, 80, TRAILER), (9, 80, CAR))[:2] == (3, 6)


def test_contact_counter_of_bicycles_counts_each_closing():
    options = {"closings": 1, "debounce_ms": 300}
    assert driven(options, *[(1 + 2 * i, 18, BICYCLE) for i in range(25)]) == (25, 25, 20, 25)


def test_contact_counter_keeps_an_odd_axle_for_the_next_period():
    hal = Hal()
    line, sensor = fitted(hal, contact_counter, ahead_us=(1 << 30) - 9000000)
    for closings, row in ((3, (1, 3, None, 1)), (3, (2, 3, 20, 3)), (0, (0, 0, None, 3))):
        for _ in range(closings):
            line.close(0, 900, 9700)
            listen(hal, sensor, 1)
        assert finish(sensor.read()) == row


def test_contact_counter_absent_counts_nothing_and_one_that_chatters_is_flagged():
    hal = Hal()
    line, sensor = fitted(hal, contact_counter)
    listen(hal, sensor, 60)
    assert finish(sensor.read()) == (0, 0, None, 0) and not any(sensor.marks)
    line.lost = 4
    finish(sensor.read())
    assert set(sensor.marks) == {flags.SENSOR_ERROR}
    finish(sensor.read())
    assert not any(sensor.marks)
