"""Simulated time: coroutines wake in order, and the clock jumps from one to the next."""

import heapq
import time

from micropython import const

# Never sleep longer at a stretch: Ctrl-C and a broker's answer should be noticed.
_NAP_MS = const(20)


class Scheduler:
    """`speed`: simulated ms for each real one; 0 runs as fast as the machine can."""

    def __init__(self, start_ms, speed=0):
        self.now_ms = start_ms
        self._speed = speed
        self._start_ms = start_ms
        self._real_start = time.ticks_ms() if hasattr(time, "ticks_ms") else 0
        self._wake_ms = None
        self._ended = StopIteration()

    def sleep_ms(self, n):
        """Return an awaitable that ends `n` simulated milliseconds from now; await it at once."""
        self._wake_ms = self.now_ms + max(0, int(n))
        return self

    # What a coroutine awaits, one object for all: it tells `run` when the one that has just asked
    # wants to go on; asked again, that time has come.
    def __iter__(self):
        return self

    __await__ = __iter__

    def __next__(self):
        if self._wake_ms is None:
            # Always the same one, and its traceback with it: nothing is left behind.
            self._ended.__traceback__ = None
            raise self._ended
        wake_ms, self._wake_ms = self._wake_ms, None
        return wake_ms

    def run(self, coroutines):
        """Run all until the first returns or raises; return what that one returned."""
        queue = []
        for order, coroutine in enumerate(coroutines):
            heapq.heappush(queue, [self.now_ms, order, coroutine])
        first = heapq.heappop(queue)
        while True:
            if first[0] > self.now_ms:
                self._wait_until(first[0])
            try:
                first[0] = first[2].send(None)
            except StopIteration as stop:
                return stop.value
            # Most only let others pass, and nobody wants to.
            if queue and queue[0] < first:
                heapq.heappush(queue, first)
                first = heapq.heappop(queue)

    def _wait_until(self, due):
        self.now_ms = due
        if not self._speed:
            return
        while True:
            ahead = (self.now_ms - self._start_ms) // self._speed - self._real_ms()
            if ahead <= 0:
                return
            time.sleep_ms(min(ahead, _NAP_MS))

    def _real_ms(self):
        return time.ticks_diff(time.ticks_ms(), self._real_start)
