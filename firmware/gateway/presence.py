"""Whether something stands over a detector: contacts without their bouncing, and what follows."""

from array import array

from micropython import const

_TICKS_MASK = const(0x3FFFFFFF)
_TIME = const(-4)
_CLOSED = const(1)
_SECOND = const(2)
_PIECE = const(16)
_TICKS_A_MS = const(1000)


class _Input:
    """One contact. It has changed when it has kept its new level long enough; `at`: since when."""

    def __init__(self, stable):
        self._stable = stable
        self._level = 0
        self._edge = 0
        self._first = 0
        self.closed = 0
        self.at = 0

    def edge(self, at, level):
        """Take an edge; return whether the time before it has made a change."""
        changed = self.settle(at)
        if level != self._level:
            if (at - self._edge & _TICKS_MASK) >= self._stable:
                # What bounces has changed when it began to.
                self._first = at
            self._level = level
            self._edge = at
        return changed

    def settle(self, now):
        """Return whether the contact has changed by now."""
        if self._level == self.closed or (now - self._edge & _TICKS_MASK) < self._stable:
            return False
        self.closed = self._level
        self.at = self._first
        return True


class Contacts:
    """One or two contacts on a pulse bus that notes both ways.

    `changed(number, closed, ticks, ms)` hears of each change, with its time in ticks of the bus and
    in ms of uptime.
    """

    def __init__(self, bus, clock, count, stable_ms, changed):
        self._bus = bus
        self._clock = clock
        self._inputs = [_Input(stable_ms * _TICKS_A_MS) for _ in range(count)]
        self._changed = changed
        self._edges = array("i", [0] * _PIECE)
        self._lost = 0

    def step(self):
        """Take the edges that wait."""
        edges = self._edges
        inputs = self._inputs
        while True:
            count = self._bus.readinto(edges)
            now = self._bus.now()
            for i in range(count):
                number = 1 if edges[i] & _SECOND else 0
                at = edges[i] & _TIME
                # The other one may have changed before: in order of time.
                for other in range(len(inputs)):
                    if other != number and inputs[other].settle(at):
                        self._tell(other, now)
                if inputs[number].edge(at, edges[i] & _CLOSED):
                    self._tell(number, now)
            if not count:
                break
        for number in range(len(inputs)):
            if inputs[number].settle(now):
                self._tell(number, now)

    def _tell(self, number, now):
        one = self._inputs[number]
        ms = self._clock.uptime_ms() - (now - one.at & _TICKS_MASK) // _TICKS_A_MS
        self._changed(number, one.closed, one.at, ms)

    def overran(self):
        """Return whether edges were lost since the last time it was asked."""
        lost, self._lost = self._lost, self._bus.lost
        return lost != self._lost


class Presence:
    """What stands over one detector; a `period` (traffic.Period of one lane) hears how long.

    `stuck_ms`: nothing stands there so long; it is the detector, or a parked car.
    """

    def __init__(self, period, stuck_ms):
        self._period = period
        self._stuck_ms = stuck_ms
        self.taken = False
        self._told_ms = 0
        self._since_ms = 0

    def change(self, taken, ms):
        """It was taken, or given free."""
        if self.taken and self._period:
            self._period.occupy(0, ms - self._told_ms)
        self.taken = taken
        self._told_ms = self._since_ms = ms

    def finish(self, ms):
        """A period ends; return whether the detector is stuck."""
        if not self.taken:
            return False
        if self._period:
            self._period.occupy(0, ms - self._told_ms)
        self._told_ms = ms
        return ms - self._since_ms >= self._stuck_ms
