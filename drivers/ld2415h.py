"""Hi-Link HLK-LD2415H: 24 GHz speed radar on a UART; how fast the strongest vehicle is, each way.

Source: HLK-LD2415H data sheet and serial protocol V1.0. It says V+001.9 some 22 times a second
while something moves, and nothing while nothing does. Plus is approaching. Public implementations
disagree: one knows speeds without a sign only, one shows V+0012 (refused here), one ends the
question for the settings without 0D 0A (as here; the commands have it). The sensor's
own correction for the angle stays off: the node makes it.
"""

from micropython import const

from gateway import doppler, traffic

BUS = "uart"
# Five seconds of lines of nine bytes.
UART = (9600, 1024)
CHANNELS = traffic.Channels(doppler.DIRECTIONS)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = doppler.STEP_MS
OPTIONS = doppler.OPTIONS + (("sensitivity", 0, 15),)

_LINE_MS = const(45)
_HITS_LEAST = const(3)
_SPEED_MOST = const(2400)
_LINE_BYTES = const(7)
_USUAL_SENSITIVITY = const(5)
_USUAL_SPEED_LEAST = const(5)
# The answer has ten of X1:01, blanks between them, and X0 last: 1 is the protocol of these lines.
_SETTINGS = b"1234567890"
_SETTING_BYTES = const(6)
_HEX = b"0123456789abcdefABCDEF"
ASK = b"CF\x07" + bytes(10)


def parse(line):
    """Return the speed in 0.1 km/h, above 0 for plus; ValueError names the part that is wrong.

    The protocol has no checksum: a flipped bit that makes one digit of another passes.
    """
    if len(line) != _LINE_BYTES:
        raise ValueError("length")
    if line[:1] != b"V":
        raise ValueError("header")
    if line[1:2] not in (b"+", b"-"):
        raise ValueError("sign")
    if line[5:6] != b"." or not (line[2:5] + line[6:]).isdigit():
        raise ValueError("number")
    speed = doppler.tenths(line[1:])
    if abs(speed) > _SPEED_MOST:
        raise ValueError("speed")
    return speed


def parse_settings(line):
    """Return the ten settings X1 … X9, X0 of an answer as bytes; ValueError names what is wrong."""
    line = line.strip()
    if len(line) != len(_SETTINGS) * _SETTING_BYTES - 1:
        raise ValueError("length")
    values = bytearray(len(_SETTINGS))
    for i in range(len(_SETTINGS)):
        part = line[i * _SETTING_BYTES : (i + 1) * _SETTING_BYTES]
        if part[:3] != b"X%c:" % _SETTINGS[i] or part[5:] not in (b" ", b""):
            raise ValueError("setting")
        for digit in part[3:5]:
            if digit not in _HEX:
                raise ValueError("number")
        values[i] = int(part[3:5], 16)
    return bytes(values)


def command(number, *values):
    """Return the eight bytes that set three settings."""
    return b"CF" + bytes((number,)) + bytes(values) + b"\r\n"


class Sensor(doppler.Sensor):
    """`bus`: a UART at 9600 8N1. `options`: see OPTIONS."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, options, CHANNELS, _LINE_MS, _HITS_LEAST, ASK)
        least = options.get("speed_least_kmh", _USUAL_SPEED_LEAST)
        # No correction of the angle; both directions, as often as it can, in km/h.
        self._wanted = bytes((least, 0, options.get("sensitivity", _USUAL_SENSITIVITY), 0, 0, 0))

    def setup(self):
        """Return the question for its settings: it keeps them, and need not write them again."""
        return [ASK]

    def say(self, line):
        """Return the speed of a line, None for another word; ValueError for noise."""
        if line[:1] == b"X":
            if parse_settings(line)[:6] != self._wanted:
                self.tell([command(1, *self._wanted[:3]), command(2, *self._wanted[3:])])
            return None
        if line[:4] == b"No.:":
            return None
        return parse(line)
