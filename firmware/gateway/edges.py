"""Edges of one or two contacts to ground, noted with their times as they come, taken in order.

An edge is a whole number below 2**30: microseconds of a clock that wraps there, its lowest two bits
taken for what happened.
"""

from array import array

from micropython import const

CLOSED = const(1)
SECOND = const(2)
TICKS_MASK = const(0x3FFFFFFF)
_TIME = const(-4)


class Edges:
    """The ring between an interrupt and who asks later; what finds no room is counted in `lost`.

    `pins`: one or two; closed reads 0. `places`: a power of two, one of which stays free.
    """

    def __init__(self, ticks_us, pins, places):
        self._ticks_us = ticks_us
        self._ring = array("i", [0] * places)
        self._mask = places - 1
        self._head = 0
        self._tail = 0
        self._second = pins[1] if len(pins) > 1 else None
        self.lost = 0
        for pin in pins:
            if not pin.value():
                # Nobody has seen it close.
                self.note(pin)

    def note(self, pin):
        """Take down an edge of `pin`. In an interrupt: nothing of this makes an object."""
        head = self._head
        after = (head + 1) & self._mask
        if after == self._tail:
            self.lost += 1
            return
        edge = self._ticks_us() & _TIME
        if not pin.value():
            edge |= CLOSED
        if pin is self._second:
            edge |= SECOND
        self._ring[head] = edge
        self._head = after

    def readinto(self, buf):
        """Fill an array of type i with edges that wait, oldest first; return how many."""
        count = 0
        tail = self._tail
        while count < len(buf) and tail != self._head:
            buf[count] = self._ring[tail]
            tail = (tail + 1) & self._mask
            count += 1
        self._tail = tail
        return count

    def now(self):
        """Return the time of an edge that comes now."""
        return self._ticks_us() & _TIME


def parse(edge):
    """Return (microseconds, number of the contact, whether it closed); ValueError: not an edge."""
    if not 0 <= edge <= TICKS_MASK:
        raise ValueError("edge")
    return edge & _TIME, 1 if edge & SECOND else 0, bool(edge & CLOSED)
