"""Winsen MH-Z19B and MH-Z19C: CO2 (infrared), on a UART.

Source: user's manuals MH-Z19B V1.6, MH-Z19C V1.2. Public implementations disagree with the B's on
where the range stands (bytes 3 and 4; they found it obeyed in 6 and 7), and with each other on
whether a sensor turns its self-calibration on again: all is said again twice a day. The temperature
behind the CO2 is in no manual; most read it, and it is that of the sensor's inside.
"""

from micropython import const

BUS = "uart"
UART = (9600, 256)
CHANNELS = (("co2", "ppm", 1), ("temperature_inside", "degC", 1))
RANGE = ((400, 10000), (-10, 60))
# Limits for gateway/quality.py. One is good to 50 ppm and 5 %; two differ by twice as much.
SPIKE = (1000, 0)
STUCK_ROWS = (180, 0)
PAIR = ((140, 20), 0)
MIN_PERIOD_MS = 2000
# The B's; one minute for the C. Until then it says some 400 ppm, whatever there is.
WARM_UP_MS = 180000
# Five years.
LIFE_H = 43800
STREAMING = False
OPTIONS = (("range_ppm", 2000, 10000), ("self_calibration", 0, 1))
# The command `calibrate`: from and to so many ppm, which it must have seen for so many seconds.
CALIBRATES = (400, 400, 1200)

_HEAD = const(0xFF)
_SENSOR = const(1)
_READ = const(0x86)
_SELF_CALIBRATION = const(0x79)
_RANGE = const(0x99)
_CALIBRATE = const(0x87)
_ON = const(0xA0)
_RANGE_PPM = const(5000)
_SAY_AGAIN_MS = const(12 * 3600 * 1000)
_FRAME_BYTES = const(9)
_ZERO_DEGC = const(40)
_ANSWER_WITHIN_MS = const(500)
_OBEYS_MS = const(100)
_LOOK_EVERY_MS = const(20)
# What does not hold a frame by now is noise.
_BUFFER_MOST = const(32)


def parse(frame):
    """Return (CO2 ppm, degC inside) of an answer's 9 bytes; ValueError names what is wrong."""
    if len(frame) != _FRAME_BYTES:
        raise ValueError("length")
    if frame[0] != _HEAD or frame[1] != _READ:
        raise ValueError("header")
    if frame[8] != _sum(frame):
        raise ValueError("checksum")
    # Some of the B leave it empty.
    inside = frame[4] - _ZERO_DEGC if frame[4] else None
    return frame[2] << 8 | frame[3], inside


def _sum(frame):
    return -sum(frame[1:8]) & 0xFF


def command(number, *values):
    """Return the 9 bytes of a command; `values`: from byte 3 on."""
    frame = bytearray(_FRAME_BYTES)
    frame[0] = _HEAD
    frame[1] = _SENSOR
    frame[2] = number
    for i in range(len(values)):
        frame[3 + i] = values[i]
    frame[8] = _sum(frame)
    return bytes(frame)


class Sensor:
    """`bus`: a UART at 9600 8N1. `options`: range_ppm, self_calibration."""

    def __init__(self, bus, clock, options):
        self._uart = bus
        self._clock = clock
        self._range = options.get("range_ppm", _RANGE_PPM)
        # It takes the lowest of a day for 400 ppm: wrong wherever that is not so.
        self._calibrates = options.get("self_calibration", 0)
        self._buffer = b""
        self._told_ms = None
        # What it was set to, in words.
        self.settings = ""

    async def read(self):
        """Return (CO2, temperature inside); OSError: silent for half a second.

        ValueError: only noise came.
        """
        try:
            now = self._clock.uptime_ms()
            if self._told_ms is None or now - self._told_ms >= _SAY_AGAIN_MS:
                await self._set_up()
                self._told_ms = now
            self._flush()
            self._uart.write(command(_READ))
            return await self._answer()
        except OSError:
            # What is switched on next may calibrate itself.
            self._told_ms = None
            raise

    async def _set_up(self):
        """Say the settings; the manuals know no answer, so that nothing is waited for but time."""
        on = _ON if self._calibrates else 0
        high, low = self._range >> 8, self._range & 0xFF
        for setting in (command(_SELF_CALIBRATION, on), command(_RANGE, 0, 0, 0, high, low)):
            self._uart.write(setting)
            await self._clock.sleep_ms(_OBEYS_MS)
        told = (self._range, "on" if self._calibrates else "off")
        self.settings = "range %d ppm, self-calibration %s" % told

    async def calibrate(self, ppm):
        """Let it take what it sees for 400 ppm; it does not say by how many that moves it."""
        self._uart.write(command(_CALIBRATE))
        await self._clock.sleep_ms(_OBEYS_MS)

    async def _answer(self):
        waited = 0
        while waited < _ANSWER_WITHIN_MS:
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
            values = self._take()
            if values is not None:
                return values
        if self._buffer:
            raise ValueError("no frame in %d bytes" % len(self._buffer))
        raise OSError("mhz19: no answer")

    def _take(self):
        """Return the values of the first answer that has come, or None."""
        waiting = self._uart.any()
        if waiting:
            self._buffer += self._uart.read(waiting)
        buffer = self._buffer
        for start in range(len(buffer) - _FRAME_BYTES + 1):
            try:
                return parse(buffer[start : start + _FRAME_BYTES])
            except ValueError:
                continue
        self._buffer = buffer[-_BUFFER_MOST:]
        return None

    def _flush(self):
        """Forget what came unasked: it is older than the question."""
        waiting = self._uart.any()
        if waiting:
            self._uart.read(waiting)
        self._buffer = b""
