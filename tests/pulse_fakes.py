"""What the tests of contacts share: a pulse bus into which a test puts edges; time is the HAL's."""

from gateway.clock import Clock

MASK = 0x3FFFFFFF
SECOND = 2


class Line:
    """A bus of one or two contacts; `ahead_us`: where its clock was when the test began."""

    def __init__(self, hal, ahead_us=0):
        self._hal = hal
        self._ahead = ahead_us
        self._waiting = []
        self.lost = 0

    def now(self):
        return self._hal.ticks * 1000 + self._ahead & MASK & -4

    def close(self, *late_us, number=0, level=1):
        """A contact closes now, and again so much later each."""
        what = level | (SECOND if number else 0)
        self._waiting += [(self.now() + late & MASK & -4) | what for late in late_us or (0,)]

    def open(self, *late_us, number=0):
        self.close(*late_us, number=number, level=0)

    def readinto(self, buf):
        count = min(len(buf), len(self._waiting))
        for i in range(count):
            buf[i] = self._waiting.pop(0)
        return count


def fitted(hal, driver, options=None, ahead_us=0):
    """Return (line, sensor)."""
    line = Line(hal, ahead_us)
    return line, driver.Sensor(line, Clock(hal), options or {})


def listen(hal, sensor, seconds, step_ms=500):
    """Let time pass as the node does."""
    for _ in range(seconds * 1000 // step_ms):
        hal.advance(step_ms)
        sensor.step()
