"""What the tests of contacts share: a pulse bus into which a test puts edges; time is the HAL's."""

from gateway.clock import Clock
from host_tools.twin.passing import Passage

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


class Street:
    """What a test lets pass, [(s, km/h, (cm, axles)), …]; a source of the models."""

    def __init__(self, *vehicles):
        self._vehicles = vehicles

    def passages(self, slot):
        return [
            Passage(int(s * 1000000), kmh * 10000 // 36, kind[0], kind[1])
            for s, kmh, kind in self._vehicles
            if slot * 10 <= s < slot * 10 + 10
        ]


CAR = (450, (90, 360))
LORRY = (900, (140, 640))
TRAILER = (1600, (140, 500, 1150, 1280))
BICYCLE = (180, (40, 145))


def row_of(driver, values):
    """Return a row as {channel: value}."""
    return {channel[0]: value for channel, value in zip(driver.CHANNELS, values)}
