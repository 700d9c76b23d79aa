from drivers import loop
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import Pulse
from host_tools.twin.sensors.loop import Model
from pulse_fakes import CAR, LORRY, Street, fitted, listen, row_of
from support import finish, raises


def test_loop_counts_what_stands_over_it_and_how_long():
    hal = Hal()
    street = Street(*[(3 + 4 * i, 36, LORRY if i % 5 == 4 else CAR) for i in range(20)])
    sensor = loop.Sensor(Pulse([Model(street, {})], hal.ticks_ms), Clock(hal), {})
    listen(hal, sensor, 100)
    row = row_of(loop, finish(sensor.read()))
    # 6.5 m at 10 m/s, and 11 m.
    taken = 16 * 650 + 4 * 1100
    assert row["vehicles"] == row["vehicles_total"] == 20 and row["coverage"] == 100
    assert abs(row["occupancy"] - taken // 100) <= 1 and row["headway_mean"] == 40
    listen(hal, sensor, 60)
    row = row_of(loop, finish(sensor.read()))
    assert (row["vehicles"], row["occupancy"], row["vehicles_total"]) == (0, 0, 20)
    assert row["headway_mean"] is None


def test_loop_that_hangs_is_flagged_and_one_that_is_absent_is_free():
    hal = Hal()
    line, sensor = fitted(hal, loop)
    listen(hal, sensor, 60)
    assert row_of(loop, finish(sensor.read()))["vehicles"] == 0
    line.close()
    listen(hal, sensor, 600)
    assert row_of(loop, finish(sensor.read()))["occupancy"] == 1000 and not any(sensor.marks)
    listen(hal, sensor, 600)
    assert row_of(loop, finish(sensor.read()))["vehicles"] == 0
    assert set(sensor.marks) == {flags.STUCK} and len(sensor.marks) == len(loop.CHANNELS)
    line.open()
    line.lost = 9
    listen(hal, sensor, 60)
    assert row_of(loop, finish(sensor.read()))["occupancy"] == 0
    assert set(sensor.marks) == {flags.SENSOR_ERROR}
    listen(hal, sensor, 60)
    finish(sensor.read())
    assert not any(sensor.marks)


def test_loop_edge_has_no_checksum_each_flipped_bit_is_another_edge():
    edge = 123456 | 1
    assert loop.parse(edge) == (123456, 0, True)
    assert loop.parse(edge ^ 1) == (123456, 0, False) and loop.parse(edge ^ 2)[1] == 1
    for bit in range(2, 30):
        assert loop.parse(edge ^ 1 << bit)[0] != 123456
    assert raises(ValueError, loop.parse, -1) == raises(ValueError, loop.parse, 1 << 30) == "edge"
