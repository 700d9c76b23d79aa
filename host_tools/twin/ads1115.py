"""The ADS1115's registers: one measurement when asked, of what is true on an input."""

import struct

_TAKES_MS = 125
_POWER_ON = 0x8583
# Steps for 0.01 mV, by the code of the range: numerator, denominator.
_STEPS = {1: (2, 25), 2: (4, 25)}


class Model:
    """`inputs`: the channels on inputs 0 to 3; without the first it is unplugged."""

    inputs = ()

    def __init__(self, source, address):
        self._source = source
        self.address = address
        self._settings = _POWER_ON
        self._ready_ms = 0
        self._value = 0

    def write_mem(self, register, data, now_ms):
        self._check(now_ms)
        if register != 1:
            raise OSError(5)
        self._settings = struct.unpack(">H", data)[0]
        if self._settings & 0x8000:
            self._ready_ms = now_ms + _TAKES_MS
            self._value = self._measure(now_ms)

    def read_mem(self, register, n, now_ms):
        self._check(now_ms)
        ready = now_ms >= self._ready_ms
        if register == 0:
            return struct.pack(">h", self._value if ready else 0)[:n]
        return struct.pack(">H", self._settings & 0x7FFF | (0x8000 if ready else 0))[:n]

    def read(self, n, now_ms):
        self._check(now_ms)
        return bytes(n)

    def write(self, data, now_ms):
        self._check(now_ms)

    def _check(self, now_ms):
        if self._source.value(self.inputs[0], now_ms) is None:
            # Without power it forgets.
            self._settings = _POWER_ON
            raise OSError(19)

    def _measure(self, now_ms):
        channel = self.inputs[self._settings >> 12 & 3]
        numerator, denominator = _STEPS[self._settings >> 9 & 7]
        value = self._source.value(channel, now_ms) or 0
        steps = (2 * value * numerator + denominator) // (2 * denominator)
        return min(max(steps, -32768), 32767)
