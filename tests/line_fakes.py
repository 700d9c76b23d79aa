"""What the tests of drivers on a serial line share: a line into which a test puts bytes."""

from fakes import Hal
from gateway.clock import Clock
from host_tools.twin.buses import Uart
from support import finish

START_MS = 1790000000000 - 1790000000000 % 300000


class Line:
    """A UART; `sent`: what the driver wrote, a piece each time."""

    def __init__(self):
        self.waiting = b""
        self.sent = []

    def any(self):
        return len(self.waiting)

    def read(self, n):
        data = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return data or None

    def write(self, data):
        self.sent.append(bytes(data))


class Recorded:
    """A recording of one period of so many seconds."""

    def __init__(self, seconds, **values):
        self.end = START_MS + seconds * 1000
        self.values = values

    def interval(self, t_ms):
        if START_MS < t_ms <= self.end:
            return START_MS, self.end, self.values
        return None


def fitted(driver, options=None):
    """Return (hal, line, sensor) with nothing on the line."""
    hal = Hal()
    line = Line()
    return hal, line, driver.Sensor(line, Clock(hal), options or {})


def played(driver, model, options, seconds, **values):
    """Return (row, sensor) of a recorded period."""
    hal = Hal()
    end = model.Model(Recorded(seconds, **values), options)
    uart = Uart(end, lambda: START_MS + hal.ticks, driver.UART[1])
    sensor = driver.Sensor(uart, Clock(hal), options)
    for _ in range(seconds * 1000 // driver.STEP_MS):
        hal.advance(driver.STEP_MS)
        sensor.step()
    row = row_of(driver, finish(sensor.read()))
    assert not uart.overruns
    return row, sensor


def row_of(driver, values):
    """Return a row as {channel: value}."""
    return {channel[0]: value for channel, value in zip(driver.CHANNELS, values)}
