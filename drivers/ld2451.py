"""Hi-Link HLK-LD2451: 24 GHz vehicle radar on a UART. Source: HLK-LD2451 serial protocol V1.00.

Sources disagree on which direction byte means approaching; the option `approaching` (0 or 1)
settles it. The sensor numbers no targets: which echoes belong together is the tracker's work.
"""

from micropython import const

from gateway import tracker, traffic

BUS = "uart"
UART = (115200, 2048)
CHANNELS = traffic.Channels(tracker.DIRECTIONS)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
OPTIONS = (
    ("approaching", 0, 1),
    ("range_m", 10, 120),
    ("speed_least_kmh", 0, 120),
    ("line_m", 10, 80),
    ("yaw_deg", -45, 45),
    ("height_m", 0, 15),
)
# Ten frames a second of at most 47 bytes: two steps fit into the receive buffer.
STEP_MS = 2000

_HEAD = b"\xf4\xf3\xf2\xf1"
_TAIL = b"\xf8\xf7\xf6\xf5"
EMPTY = _HEAD + b"\0\0" + _TAIL
_FRAME_MS = const(100)
_TARGET_BYTES = const(5)
_TARGETS_MOST = const(8)
_OVERHEAD = const(10)
_BUFFER_MOST = const(2048)
_DISTANCE_MOST_M = const(120)


def parse(frame):
    """Return [(angle deg, distance m, direction byte, speed km/h, SNR), …] of one whole frame.

    The protocol has no checksum: a flipped bit is found where a length, a count, a limit or a
    frame's end does not fit, and not elsewhere. ValueError names the part.
    """
    if len(frame) < _OVERHEAD or bytes(frame[:4]) != _HEAD:
        raise ValueError("header")
    size = frame[4] | frame[5] << 8
    if len(frame) != _OVERHEAD + size:
        raise ValueError("length")
    if bytes(frame[6 + size :]) != _TAIL:
        raise ValueError("tail")
    if not size:
        return []
    count = frame[6]
    if size != 2 + count * _TARGET_BYTES or count > _TARGETS_MOST:
        raise ValueError("target count")
    targets = []
    for i in range(8, 8 + count * _TARGET_BYTES, _TARGET_BYTES):
        if frame[i + 1] > _DISTANCE_MOST_M:
            raise ValueError("distance")
        if frame[i + 2] > 1:
            raise ValueError("direction")
        targets.append((frame[i] - 0x80, frame[i + 1], frame[i + 2], frame[i + 3], frame[i + 4]))
    return targets


def command(number, data=b""):
    """Return the bytes of a configuration command."""
    body = bytes((number & 0xFF, number >> 8)) + data
    return b"\xfd\xfc\xfb\xfa" + bytes((len(body), 0)) + body + b"\x04\x03\x02\x01"


class Sensor:
    """`bus`: a UART at 115200 8N1. `options`: see OPTIONS."""

    def __init__(self, bus, clock, options):
        self._uart = bus
        self._clock = clock
        self._approaching = options.get("approaching", 1)
        self._range_m = options.get("range_m", 100)
        self._speed_least = options.get("speed_least_kmh", 5)
        self._period = traffic.Period(CHANNELS)
        self._tracker = tracker.Tracker(
            self._period,
            options.get("line_m", 30),
            options.get("yaw_deg", 0),
            options.get("height_m", 0),
        )
        self._buffer = b""
        self._frames = 0
        self._configured = False
        self.broken = 0

    def step(self):
        """Eat the bytes that wait."""
        if not self._configured:
            self._configure()
        waiting = self._uart.any()
        if not waiting:
            return
        data = self._uart.read(waiting)
        if self._buffer:
            data = self._buffer + data
        count = data.count(EMPTY)
        if count * _OVERHEAD == len(data):
            # Nothing on the road, most of the night.
            self._buffer = b""
            self._frames += count
            self._tracker.expire(self._clock.uptime_ms())
            return
        self._take(data)

    def _take(self, data):
        """Take every whole frame of `data`; keep what may be the beginning of the next."""
        # Where they begin: the targets of a busy road's would fill a small heap all at once.
        starts = []
        start = 0
        while True:
            found = data.find(_HEAD, start)
            if found < 0:
                # Not back into the frame just taken: the next batch would miss the short way.
                start = max(start, len(data) - 3)
                break
            start = found
            end = start + _OVERHEAD
            if end > len(data):
                break
            size = data[start + 4] | data[start + 5] << 8
            if size > 2 + _TARGETS_MOST * _TARGET_BYTES:
                start += 1
                self.broken += 1
                continue
            if end + size > len(data):
                break
            try:
                parse(data[start : end + size])
                starts.append(start)
                start = end + size
            except ValueError:
                start += 1
                self.broken += 1
        self._buffer = data[start:][-_BUFFER_MOST:]
        self._frames += len(starts)
        self._observe(data, starts)

    def _observe(self, data, starts):
        # The frames have come one after the other, the last just now.
        at = self._clock.uptime_ms() - _FRAME_MS * len(starts)
        for start in starts:
            at += _FRAME_MS
            end = start + _OVERHEAD + (data[start + 4] | data[start + 5] << 8)
            targets = parse(data[start:end])
            # Empty frames as well: a track may cross the line in them.
            self._tracker.observe(
                at, [(t[1], t[3], t[2] != self._approaching, t[0]) for t in targets]
            )

    def _configure(self):
        """Set range, both directions and least speed; the answers pass as noise between frames."""
        self._configured = True
        settings = bytes((self._range_m, 2, self._speed_least, 0))
        for number, data in ((0xFF, b"\x01\0"), (0x02, settings), (0xFE, b"")):
            self._uart.write(command(number, data))

    async def read(self):
        """Return what the period gathered, in the order of CHANNELS; OSError when no frame came."""
        self.step()
        frames = self._frames
        self._frames = 0
        self._tracker.expire(self._clock.uptime_ms())
        row = self._period.finish(frames * _FRAME_MS)
        if not frames:
            self._period.interrupt()
            # It may have been replaced: set it up again.
            self._configured = False
            raise OSError("ld2451: silent")
        return row
