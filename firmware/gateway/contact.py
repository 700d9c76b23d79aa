"""Closings of a contact, or of two, without the bouncing: how wind, rain and axles are counted."""

from array import array

from micropython import const

_TICKS_MASK = const(0x3FFFFFFF)
_TIME = const(-4)
_SECOND = const(2)
_PIECE = const(16)
_TICKS_A_MS = const(1000)


class Contact:
    """`bus`: a pulse bus that notes closing. `dead_ms`: what comes so soon is bouncing.

    `number`: which of two it was.
    """

    def __init__(self, bus, dead_ms):
        self._bus = bus
        self._dead = dead_ms * _TICKS_A_MS
        self._edges = array("i", [0] * _PIECE)
        self._count = 0
        self._at = 0
        self._last = [None, None]
        self._lost = 0
        self.number = 0

    def next(self):
        """Return when the next closing that waits came, in ticks of the bus; -1: none waits."""
        while True:
            if self._at == self._count:
                self._at = 0
                self._count = self._bus.readinto(self._edges)
                if not self._count:
                    return -1
            edge = self._edges[self._at]
            self._at += 1
            at = edge & _TIME
            number = 1 if edge & _SECOND else 0
            last = self._last[number]
            if last is None or (at - last & _TICKS_MASK) >= self._dead:
                self._last[number] = at
                self.number = number
                return at

    def overran(self):
        """Return whether edges were lost since the last time it was asked."""
        lost, self._lost = self._lost, self._bus.lost
        return lost != self._lost
