"""Plantower PMS5003, PMS7003, PMSA003: particles by laser scattering, on a UART.

Source: data sheets PMS5003 V2.3, PMS7003 V2.5. They do not say what a sensor answers to a command:
public implementations wait for 8 bytes, for a reading or for nothing, so nothing is demanded here.
Nor do they agree on the mode of one that wakes: it is set again.
"""

from micropython import const

from gateway import flags, plantower

BUS = "uart"
UART = (9600, 256)
CHANNELS = plantower.CHANNELS
RANGE = plantower.RANGE
SPIKE = plantower.SPIKE
STUCK_ROWS = plantower.STUCK_ROWS
HUMIDITY_MOST = plantower.HUMIDITY_MOST
PAIR = plantower.PAIR
# What a reading is in calm air: 2.3 s apart.
MIN_PERIOD_MS = 2300
# From waking until the fan has brought the air of outside.
WARM_UP_MS = 30000
# Mean time to failure of three years (PMS5003, PMS7003).
LIFE_H = 26280
STREAMING = False
# "active": it reports by itself, as after power-on; "passive": when it is asked.
OPTIONS = (("mode", ("passive", "active")),)

_MODE = const(0xE1)
_READ = const(0xE2)
_WORK = const(0xE4)
_LOOK_EVERY_MS = const(20)
_OBEYS_WITHIN_MS = const(200)
_ANSWERS_WITHIN_MS = const(1000)
_REPORTS_WITHIN_MS = const(3000)
_REPLY_BYTES = const(8)
# What does not hold a frame by now is noise.
_BUFFER_MOST = const(64)

parse = plantower.parse


def command(number, value):
    """Return the 7 bytes of a command."""
    frame = bytearray(plantower.HEAD)
    frame += bytes((number, 0, value))
    total = sum(frame)
    return bytes(frame) + bytes((total >> 8, total & 0xFF))


class Sensor:
    """`bus`: a UART at 9600 8N1. `options`: mode."""

    def __init__(self, bus, clock, options):
        self._uart = bus
        self._clock = clock
        self._asks = options.get("mode", "passive") == "passive"
        self._buffer = b""
        self._ready = False
        self.marks = (0,) * len(CHANNELS)

    async def read(self):
        """Return the values of CHANNELS; OSError: silent for 1 s, 3 s when it reports by itself.

        ValueError: only noise came.
        """
        self._flush()
        try:
            if not self._ready:
                await self._begin()
            if self._asks:
                self._uart.write(command(_READ, 0))
            frame = await self._frame(_ANSWERS_WITHIN_MS if self._asks else _REPORTS_WITHIN_MS)
        except OSError:
            # It may have been replaced by one in another mode.
            self._ready = False
            raise
        mark = flags.SENSOR_ERROR if plantower.has_failed(frame) else 0
        self.marks = (mark,) * len(CHANNELS)
        return parse(frame)

    async def wake(self):
        """Start fan and laser."""
        self._ready = False
        self._uart.write(command(_WORK, 1))

    async def sleep(self):
        """Stop fan and laser."""
        self._uart.write(command(_WORK, 0))

    async def _begin(self):
        """Set the mode; give it the time in which most answer."""
        self._uart.write(command(_MODE, 0 if self._asks else 1))
        waited = 0
        while waited < _OBEYS_WITHIN_MS and self._uart.any() < _REPLY_BYTES:
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
        self._flush()
        self._ready = True

    async def _frame(self, within_ms):
        waited = 0
        while waited < within_ms:
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
            frame = self._take()
            if frame is not None:
                return frame
        if self._buffer:
            raise ValueError("no frame in %d bytes" % len(self._buffer))
        raise OSError("pms5003: no answer")

    def _take(self):
        """Return the first whole frame that has come, or None."""
        waiting = self._uart.any()
        if waiting:
            self._buffer += self._uart.read(waiting)
        buffer = self._buffer
        start = buffer.find(plantower.HEAD)
        while 0 <= start <= len(buffer) - plantower.FRAME_BYTES:
            frame = buffer[start : start + plantower.FRAME_BYTES]
            try:
                parse(frame)
                return frame
            except ValueError:
                start = buffer.find(plantower.HEAD, start + 1)
        self._buffer = buffer[-_BUFFER_MOST:]
        return None

    def _flush(self):
        """Forget what came before: it is older than the question."""
        waiting = self._uart.any()
        if waiting:
            self._uart.read(waiting)
        self._buffer = b""
