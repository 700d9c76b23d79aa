"""OmniPreSense OPS243-A: 24 GHz Doppler radar on a UART; how fast the strongest vehicle is.

Source: OmniPreSense AN-010-X (API) and UM-003-A (OPS243-A user's manual). A report is a line: a
number, or with magnitude or unit before it, or JSON; numbers in JSON come bare, and in quotes from
older firmware, which also says the direction in a word of its own. Sources disagree on which sign
is inbound, so `approaching_sign` settles it; AN-010 filters inbound by R+. Public implementations
open it at 9600 as well (an OPS241's) or at any rate (USB); the UART of an OPS243 begins at 19200.
"""

from micropython import const

from gateway import doppler, traffic

BUS = "uart"
# A second and a half of lines in JSON.
UART = (19200, 1024)
CHANNELS = traffic.Channels(doppler.DIRECTIONS)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
STEP_MS = doppler.STEP_MS
OPTIONS = doppler.OPTIONS + (("magnitude_least", 0, 5000), ("json", 0, 1))

_LINE_MS = const(100)
_HITS_LEAST = const(2)
# What 20,000 samples a second can tell, and no vehicle.
_SPEED_MOST = const(2500)
_UNIT = b"kmph"
ASK = b"??"


def parse(line):
    """Return the speed in 0.1 km/h with its sign, or None for an answer to a command.

    There is no checksum: a flipped bit that makes one digit of another passes. ValueError names
    the part that is wrong.
    """
    if line[:1] == b"{":
        if line[-1:] != b"}":
            raise ValueError("brace")
        text = _field(line, b"speed")
        if text is None:
            return None
        unit = _field(line, b"unit")
        outbound = _field(line, b"direction") == b"outbound"
    else:
        parts = line.split(b",")
        text = parts.pop()
        unit = None
        outbound = False
        for part in parts:
            if part[:1] == b'"':
                unit = part.strip(b'"')
            else:
                doppler.tenths(part)
    if unit is not None and unit != _UNIT:
        raise ValueError("unit")
    speed = doppler.tenths(text)
    if abs(speed) > _SPEED_MOST:
        raise ValueError("speed")
    return -speed if outbound and speed > 0 else speed


def _field(line, name):
    """Return the value of `name` in a line of JSON, bare; of a list the first; None: not there."""
    start = line.find(b'"' + name + b'":')
    if start < 0:
        return None
    rest = line[start + len(name) + 3 :].lstrip(b" [")
    end = 0
    while rest[end : end + 1] not in (b",", b"]", b"}", b""):
        end += 1
    value = rest[:end].strip()
    if (value[:1] == b'"') != (value[-1:] == b'"'):
        raise ValueError("quote")
    return value.strip(b'"')


class Sensor(doppler.Sensor):
    """`bus`: a UART at 19200 8N1. `options`: see OPTIONS."""

    def __init__(self, bus, clock, options):
        super().__init__(bus, clock, options, CHANNELS, _LINE_MS, _HITS_LEAST, ASK)
        self._json = options.get("json", 1)
        self._least = options.get("speed_least_kmh", 5), options.get("magnitude_least", 20)

    def setup(self):
        """Return what it forgets without power: km/h, 20,000 samples a second (10,000 end at 112
        km/h), magnitudes, one speed a report, both ways, a zero when nothing moves.
        """
        says = b"OJ" if self._json else b"Oj"
        commands = [b"UK", b"S2", says, b"OM", b"OU", b"O1", b"OS", b"R|", b"BZ", b"??"]
        return commands + [b"R>%d\r" % self._least[0], b"M>%d\r" % self._least[1]]

    def say(self, line):
        """Return the speed of a line, None for another word; ValueError for noise."""
        return parse(line)
