"""Closings of one contact, without the bouncing: what wind, rain and bicycles are counted by."""

from array import array

from micropython import const

_TICKS_MASK = const(0x3FFFFFFF)
_TIME = const(-4)
_PIECE = const(16)
_TICKS_A_MS = const(1000)


class Contact:
    """`bus`: a pulse bus that notes closing. `dead_ms`: what comes so soon is bouncing."""

    def __init__(self, bus, dead_ms):
        self._bus = bus
        self._dead = dead_ms * _TICKS_A_MS
        self._edges = array("i", [0] * _PIECE)
        self._count = 0
        self._at = 0
        self._last = None
        self._lost = 0

    def next(self):
        """Return when the next closing that waits came, in ticks of the bus; -1: none waits."""
        while True:
            if self._at == self._count:
                self._at = 0
                self._count = self._bus.readinto(self._edges)
                if not self._count:
                    return -1
            at = self._edges[self._at] & _TIME
            self._at += 1
            if self._last is None or (at - self._last & _TICKS_MASK) >= self._dead:
                self._last = at
                return at

    def overran(self):
        """Return whether edges were lost since the last time it was asked."""
        lost, self._lost = self._lost, self._bus.lost
        return lost != self._lost
