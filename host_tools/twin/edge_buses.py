"""The node's ends of simulated buses that few sensors are on: loaded when one is asked for."""

import uctypes

from host_tools.twin.contacts import edges
from host_tools.twin.hal import UART_READ


class I2s:
    """The left channel of I2S, 16 bits a sample; the world's end of it is a serial line."""

    def __init__(self, hal, place):
        self._hal = hal
        self._place = place
        self._data = b""

    def readinto(self, buf):
        data = self._data or self._hal.ask(UART_READ, self._place)
        size = min(len(data), 2 * len(buf))
        uctypes.bytearray_at(uctypes.addressof(buf), size)[:] = data[:size]
        self._data = data[size:]
        return size


class Pulse:
    """The edges of one or two contacts; the world's end of each is a serial line."""

    def __init__(self, hal, places, now_us):
        self._hal = hal
        self._places = places
        self._edges = []
        self.now = now_us
        self.lost = 0

    def readinto(self, buf):
        if not self._edges:
            data = [self._hal.ask(UART_READ, place) for place in self._places]
            self._edges = edges(data, self.now()) if any(data) else []
        count = min(len(buf), len(self._edges))
        for i in range(count):
            buf[i] = self._edges[i]
        self._edges = self._edges[count:]
        return count
