"""Frames after the serial protocol V1.00 in any pieces; recorded periods counted again."""

from drivers import ld2451
from fakes import Hal
from gateway.clock import Clock
from host_tools.twin.buses import Uart
from host_tools.twin.sensors.ld2451 import Model
from support import finish, raises

PERIOD_MS = 300000
CAR = b"\xf4\xf3\xf2\xf1\x07\x00\x01\x01\x80\x32\x01\x3c\x28\xf8\xf7\xf6\xf5"


class Recording:
    """A street on which every period saw the same."""

    def __init__(self, vehicles, speed_kmh):
        self.row = {"vehicles": vehicles, "speed_mean": speed_kmh * 10}

    def interval(self, t_ms):
        end = -(-t_ms // PERIOD_MS) * PERIOD_MS
        return end - PERIOD_MS, end, self.row


class Line:
    """A UART that hands over one piece a look."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.sent = []

    def any(self):
        return len(self.pieces[0]) if self.pieces else 0

    def read(self, n):
        return self.pieces.pop(0)

    def write(self, data):
        self.sent.append(bytes(data))


def test_ld2451_reads_a_frame_and_names_what_is_wrong():
    assert ld2451.parse(CAR) == [(0, 50, 1, 60, 40)]
    assert ld2451.parse(ld2451.EMPTY) == []
    for frame, part in (
        (CAR[1:], "header"),
        (CAR[:-1], "length"),
        (CAR[:-1] + b"\0", "tail"),
        (CAR[:6] + b"\2" + CAR[7:], "target count"),
        (CAR[:9] + b"\xff" + CAR[10:], "distance"),
        (CAR[:10] + b"\2" + CAR[11:], "direction"),
    ):
        assert raises(ValueError, ld2451.parse, frame) == part


def test_ld2451_finds_every_frame_however_the_bytes_come():
    for cut in range(1, len(CAR) * 2):
        both = CAR + CAR
        sensor = ld2451.Sensor(Line(both[:cut], both[cut:]), Clock(Hal()), {})
        for _ in range(3):
            sensor.step()
        assert (sensor._frames, sensor._buffer) == (2, b""), cut


def test_ld2451_keeps_nothing_of_a_frame_that_it_took():
    sensor = ld2451.Sensor(Line(b"\xf4\xf3" * 9 + CAR, ld2451.EMPTY * 10), Clock(Hal()), {})
    sensor.step()
    assert sensor._buffer == b""
    sensor.step()
    assert sensor._frames == 11


def test_ld2451_counts_a_recorded_period_exactly():
    for vehicles, speed in ((0, 50), (1, 5), (7, 115), (37, 74), (60, 5), (60, 130)):
        hal = Hal(2 * PERIOD_MS)
        uart = Uart(Model(Recording(vehicles, speed), {}), hal.ticks_ms, 1024)
        sensor = ld2451.Sensor(uart, Clock(hal), {})
        for _ in range(PERIOD_MS // ld2451.STEP_MS):
            hal.advance(ld2451.STEP_MS)
            sensor.step()
        result = finish(sensor.read())
        speed = speed * 10 if vehicles else None
        assert result[:5] == (vehicles, vehicles, 0, speed, speed), result
        assert result[5] >= 299 and not uart.overruns


def test_ld2451_silence_is_an_error_and_sets_it_up_again():
    line = Line()
    sensor = ld2451.Sensor(line, Clock(Hal()), {})
    raises(OSError, finish, sensor.read())
    raises(OSError, finish, sensor.read())
    assert len(line.sent) == 6
