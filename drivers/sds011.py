"""Nova SDS011: PM2.5 and PM10 by laser scattering, on a UART.

Source: Laser Dust Sensor Control Protocol V1.3 (Nova Fitness).
"""

from micropython import const

BUS = "uart"
UART = (9600, 256)
CHANNELS = (("pm2_5", "ug/m3", 10), ("pm10", "ug/m3", 10))
RANGE = ((0, 9999), (0, 9999))
# Limits for gateway/quality.py; the data sheet's are 70 %RH, and 15 % or 10 ug/m3 a sensor.
SPIKE = (1000, 2000)
STUCK_ROWS = (180, 180)
HUMIDITY_MOST = (70, 70)
PAIR = ((200, 30), (200, 30))
MIN_PERIOD_MS = 1000
# The fan needs this long until the air in the chamber is that of outside.
WARM_UP_MS = 30000
# The laser's: awake 30 s of every 150 s, a sensor lasts four and a half years.
LIFE_H = 8000
STREAMING = False

_HEAD = const(0xAA)
_TAIL = const(0xAB)
_DATA = const(0xC0)
_REPLY = const(0xC5)
_COMMAND = const(0xB4)
_FRAME_BYTES = const(10)
_MODE = const(2)
_QUERY = const(4)
_WORK = const(6)
_PERIOD = const(8)
_ANSWER_WITHIN_MS = const(500)
_LOOK_EVERY_MS = const(20)
# What does not hold a frame by now is noise.
_BUFFER_MOST = const(64)


def parse(frame):
    """Return (pm2_5, pm10) in 0.1 ug/m3 from a data frame; ValueError names the wrong part."""
    _check(frame, _DATA)
    return frame[2] | frame[3] << 8, frame[4] | frame[5] << 8


def _check(frame, kind):
    if len(frame) != _FRAME_BYTES:
        raise ValueError("length")
    if frame[0] != _HEAD or frame[1] != kind:
        raise ValueError("header")
    if frame[9] != _TAIL:
        raise ValueError("tail")
    if sum(frame[2:8]) & 0xFF != frame[8]:
        raise ValueError("checksum")


def command(number, *values):
    """Return the 19 bytes of a command to whichever sensor listens."""
    frame = bytearray(19)
    frame[0] = _HEAD
    frame[1] = _COMMAND
    frame[2] = number
    for i in range(len(values)):
        frame[3 + i] = values[i]
    frame[15] = frame[16] = 0xFF
    frame[17] = sum(frame[2:17]) & 0xFF
    frame[18] = _TAIL
    return frame


class Sensor:
    """`bus`: a UART at 9600 8N1."""

    def __init__(self, bus, clock, options):
        self._uart = bus
        self._clock = clock
        self._buffer = bytearray()
        self._ready = False

    async def read(self):
        """Return (pm2_5, pm10); OSError: silent for half a second. ValueError: only noise."""
        self._flush()
        if not self._ready:
            # A sensor may report by itself, or sleep through most of a period of its own.
            for setting in (command(_MODE, 1, 1), command(_PERIOD, 1, 0)):
                await self._ask(setting, _REPLY)
            self._ready = True
        try:
            return parse(await self._ask(command(_QUERY), _DATA))
        except OSError:
            # It may have been replaced by one that is set otherwise.
            self._ready = False
            raise

    async def wake(self):
        """Start fan and laser."""
        await self._work(1)

    async def sleep(self):
        """Stop fan and laser."""
        await self._work(0)

    async def _work(self, on):
        self._flush()
        await self._ask(command(_WORK, 1, on), _REPLY)

    async def _ask(self, request, kind):
        """Send a command; return the frame of `kind` that comes back."""
        self._uart.write(request)
        waited = 0
        while waited < _ANSWER_WITHIN_MS:
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
            frame = self._take(kind, request[2])
            if frame is not None:
                return frame
        if self._buffer:
            raise ValueError("no frame in %d bytes" % len(self._buffer))
        raise OSError("sds011: no answer")

    def _take(self, kind, number):
        """Return the first frame of `kind` that has come, or None; a reply is to one command."""
        waiting = self._uart.any()
        if waiting:
            self._buffer += self._uart.read(waiting)
        buffer = self._buffer
        for start in range(len(buffer) - _FRAME_BYTES + 1):
            frame = buffer[start : start + _FRAME_BYTES]
            try:
                _check(frame, kind)
            except ValueError:
                continue
            if kind == _REPLY and frame[2] != number:
                continue
            self._buffer = buffer[start + _FRAME_BYTES :]
            return frame
        if len(buffer) > _BUFFER_MOST:
            self._buffer = buffer[-_FRAME_BYTES:]
        return None

    def _flush(self):
        """Forget what came unasked: it is older than the question."""
        waiting = self._uart.any()
        if waiting:
            self._uart.read(waiting)
        self._buffer = bytearray()
