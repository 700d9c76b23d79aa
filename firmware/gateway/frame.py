"""The frame: rows of one stream, packed. docs/frame.md has every bit of it.

One walk over header and columns serves encoding and decoding: a coder returns what it coded, and a
decoder ignores what it is handed.
"""

import struct
from binascii import crc32

from micropython import const

from gateway import columns, rangecoder, workplace

MAX_ROWS = const(1024)
MAX_CHANNELS = const(32)
SCHEMA_BYTES = const(2)
# Magic, what follows, schema: the same in all frames of an archive.
HEAD_BYTES = const(3)

_MAGIC = const(0xB0)
_MAGIC_MASK = const(0xF0)
_SYNCED = const(1)
_ANCHORED = const(2)
_NUMBERED = const(4)
_FLAGGED = const(8)
_CRC_BYTES = const(4)
_NUMBER_BITS = const(30)
_UNIX_BITS = const(46)
_TIME_MOST = 1 << 48

# Times are counted in one of these units (ms), from this moment (2010-01-01 UTC) when they are
# unix times.
_UNITS = (1000, 1, 100, 60000)
_EPOCH_S = const(1262304000)
_ROWS = (96, 90, 16, 6, 3, 1, 64)
_PERIODS = (10, 300, 150, 60, 1, 2, 5, 15, 20, 30, 120, 600, 900, 1800, 3600)
_UNLISTED_PERIOD = const(15)
# Long frames pay for the true period, short ones take a listed one within 2 %.
_ROUGH_ROWS = const(32)
# How the steps between times are coded.
_REGULAR = const(0)
_ON_GRID = const(1)
_JITTER = const(2)
_FAR = const(3)

# Places of the header's adaptive bits in priors.HEAD.
_ROWS_TREE = const(0)
_CHANNELS_TREE = const(8)
_UNIT_TREE = const(40)
_MODE_TREE = const(44)
_PERIOD_TREE = const(48)
_ALIGNED = const(64)
_FAR_OFF = const(66)
# Banks of steps.
_GRID_BANK = const(0)
_JITTER_BANK = const(1)


class Frame:
    """Rows of one stream.

    schema: 2 bytes (schema.ident); seq, boot: < 2^30, or None both; quality: 1, times are unix
    ms, or 0, ms of that boot's uptime; anchor: unix ms at uptime 0 of that boot, or None; times:
    list of int, or what is like one; columns: for each channel a list of int or None, or an array
    of int; flags: None, or for each channel None or masks 0..255; missing: None, or for each
    channel None or 1 where an array, which has no None, has no number.
    """

    def __init__(
        self, schema, seq, boot, quality, anchor, times, columns, flags=None, missing=None
    ):
        self.schema = schema
        self.seq = seq
        self.boot = boot
        self.quality = quality
        self.anchor = anchor
        self.times = times
        self.columns = columns
        self.flags = flags
        self.missing = missing
        self.rows = len(times)
        self.channels = len(columns)


class Encoder:
    """Packs a frame in slices: call `step()` until it returns the bytes."""

    def __init__(self, frame):
        _check(frame)
        head = _head(frame)
        self._coder = rangecoder.Coder(head)
        self._walk = _walk(self._coder, frame, head)

    def step(self):
        """Code at most one slice of 32 values; return None, or at the end the frame's bytes."""
        try:
            next(self._walk)
        except StopIteration:
            data = self._coder.finish()
            return data + struct.pack("<I", crc32(data))
        return None


def encode(frame):
    """Return the frame's bytes; ValueError when it has more than a frame can carry."""
    encoder = Encoder(frame)
    while True:
        data = encoder.step()
        if data is not None:
            return data


def decode(data):
    """Return the Frame in `data`, at most 1,024 rows of 32 channels; else ValueError."""
    frame, walk = _open(data)
    for _ in walk:
        pass
    return frame


def peek(data):
    """Return a Frame of which only header and times are known; ValueError like decode."""
    frame, walk = _open(data)
    while len(frame.times) < frame.rows:
        next(walk)
    return frame


def is_whole(data):
    """Return whether `data` ends in the checksum of what is before."""
    end = len(data) - _CRC_BYTES
    if end < HEAD_BYTES:
        return False
    return struct.unpack_from("<I", data, end)[0] == crc32(memoryview(data)[:end])


def _open(data):
    end = len(data) - _CRC_BYTES
    if end < HEAD_BYTES:
        raise ValueError("frame: too short")
    if data[0] & _MAGIC_MASK != _MAGIC:
        raise ValueError("frame: not a frame, or of another version")
    if not is_whole(data):
        raise ValueError("frame: checksum")
    head = bytes(data[:HEAD_BYTES])
    frame = Frame(head[1:], None, None, head[0] & _SYNCED, None, [0], [[]])
    walk = _walk(rangecoder.Coder(head, data, end), frame, head)
    next(walk)
    return frame, walk


def _head(frame):
    first = _MAGIC | (_SYNCED if frame.quality else 0)
    if frame.anchor is not None:
        first |= _ANCHORED
    if frame.seq is not None:
        first |= _NUMBERED
    if frame.flags and any(masks and any(masks) for masks in frame.flags):
        first |= _FLAGGED
    return bytes((first,)) + frame.schema


def _check(frame):
    if len(frame.schema) != SCHEMA_BYTES:
        raise ValueError("frame: schema must be %d bytes" % SCHEMA_BYTES)
    if not 1 <= frame.rows <= MAX_ROWS:
        raise ValueError("frame: %d rows, not 1 to %d" % (frame.rows, MAX_ROWS))
    if not 1 <= frame.channels <= MAX_CHANNELS:
        raise ValueError("frame: %d channels, not 1 to %d" % (frame.channels, MAX_CHANNELS))
    if (frame.seq is None) != (frame.boot is None):
        raise ValueError("frame: seq and boot go together")
    if frame.seq is not None:
        _limit(frame.seq, 0, (1 << _NUMBER_BITS) - 1, "seq")
        _limit(frame.boot, 0, (1 << _NUMBER_BITS) - 1, "boot")
    if frame.anchor is not None:
        _limit(frame.anchor, 0, (1 << _UNIX_BITS) - 1, "anchor")
    _limit_all(frame.times, -_TIME_MOST, _TIME_MOST - 1, "time")
    for masks in frame.flags or ():
        if masks is not None:
            if len(masks) != frame.rows:
                raise ValueError("frame: flags of different length")
            _limit_all(masks, 0, 255, "flags")


def _limit_all(values, least, most, what):
    if values:
        _limit(min(values), least, most, what)
        _limit(max(values), least, most, what)


def _limit(value, least, most, what):
    if not least <= value <= most:
        raise ValueError("frame: %s %d is not within %d to %d" % (what, value, least, most))


def _walk(coder, frame, head):
    """Code header and columns; yields behind the header and between slices."""
    if head[0] & _NUMBERED:
        frame.seq = _code_sized(coder, frame.seq or 0, 5)
        frame.boot = coder.raw(frame.boot or 0, _NUMBER_BITS)
    if head[0] & _ANCHORED:
        frame.anchor = coder.raw(frame.anchor or 0, _UNIX_BITS)
    frame.rows = _code_listed(coder, _ROWS_TREE, _ROWS, frame.rows)
    frame.channels = 1 + coder.tree(_CHANNELS_TREE, frame.channels - 1, 5)
    yield from _code_times(coder, frame)
    coder.side = bytearray(bytes((rangecoder.NOTHING,)) * frame.rows)
    if coder.decoding:
        frame.columns = [[None] * frame.rows for _ in range(frame.channels)]
        frame.flags = [None] * frame.channels if head[0] & _FLAGGED else None
    for i in range(frame.channels):
        column = frame.columns[i]
        if len(column) != frame.rows:
            raise ValueError("frame: columns of different length")
        yield from columns.code_column(coder, column, frame.missing and frame.missing[i])
        if head[0] & _FLAGGED:
            masks = columns.code_flags(coder, frame.flags[i], frame.rows)
            if coder.decoding:
                frame.flags[i] = masks
            yield
    if coder.decoding:
        coder.release()


def _code_listed(coder, base, listed, value):
    """Code a number of rows from a list of usual ones, or as it is; return it."""
    choice = listed.index(value) if value in listed else len(listed)
    choice = coder.tree(base, choice, 3)
    return listed[choice] if choice < len(listed) else 1 + coder.raw(value - 1, 10)


def _code_sized(coder, value, size_bits):
    """Code a number >= 0: how many bits, then the bits."""
    size = coder.raw(rangecoder.bits_of(value), size_bits)
    return coder.raw(value, size)


def _code_signed(coder, value):
    """Code a number of up to 62 bits."""
    value = _code_sized(coder, value << 1 if value >= 0 else (-value << 1) - 1, 6)
    return -(value + 1 >> 1) if value & 1 else value >> 1


def _code_times(coder, frame):
    """Code the rows' times; a decoder fills them in. Yields first when the first one is known."""
    unit, period, mode, steps = _code_time_base(coder, frame)
    yield
    yield from _code_steps(coder, frame, unit, period, mode, steps)


def _code_time_base(coder, frame):
    """Code unit, period, the way the steps are coded, first time; return these and the steps."""
    times = frame.times
    # Steps are small integers where times are not: arithmetic on them makes no objects.
    if max(times) - min(times) < 1 << 31:
        steps = workplace.row_numbers(coder, 0, len(times) - 1)
    else:
        steps = [0] * (len(times) - 1)
    for i in range(len(steps)):
        steps[i] = times[i + 1] - times[i]
    choice = 0
    while times[0] % _UNITS[choice] or any(step % _UNITS[choice] for step in steps):
        choice += 1
    unit = _UNITS[coder.tree(_UNIT_TREE, choice, 2)]
    for i in range(len(steps)):
        steps[i] //= unit
    period = 1
    mode = _REGULAR
    if frame.rows > 1:
        period = _code_period(coder, _usual(steps))
        mode = coder.tree(_MODE_TREE, _mode(steps, period), 2)
    first = times[0] // unit
    if frame.quality:
        first -= _EPOCH_S * 1000 // unit
    grid = period if coder.tree(_ALIGNED, first % period == 0, 1) else 1
    first //= grid
    # Seconds from 2010 to 2044 fit into 30 bits.
    width = rangecoder.bits_of((1 << 30) // grid)
    if coder.tree(_FAR_OFF, not 0 <= first < 1 << width, 1):
        first = _code_signed(coder, first)
    else:
        first = coder.raw(first, width)
    first *= grid
    if frame.quality:
        first += _EPOCH_S * 1000 // unit
    _limit(first * unit, -_TIME_MOST, _TIME_MOST - 1, "time")
    if coder.decoding:
        frame.times = [first * unit]
    return unit, period, mode, steps


def _usual(steps):
    """Return the period to expect between rows, in units: their median or a listed one near it."""
    if not steps:
        return 1
    period = steps[0]
    if any(step != period for step in steps):
        period = sorted(steps)[len(steps) // 2]
    period = min(max(period, 1), (1 << 30) - 1)
    if len(steps) < _ROUGH_ROWS:
        near = min(_PERIODS, key=lambda listed: abs(listed - period))
        if abs(near - period) * 50 <= period:
            return near
    return period


def _code_period(coder, period):
    """Code the period from a list, or as a number; return it."""
    choice = _PERIODS.index(period) if period in _PERIODS else _UNLISTED_PERIOD
    choice = coder.tree(_PERIOD_TREE, choice, 4)
    if choice < _UNLISTED_PERIOD:
        return _PERIODS[choice]
    return max(_code_sized(coder, period, 5), 1)


def _mode(steps, period):
    """Return how `steps` are best coded."""
    mode = _REGULAR
    for step in steps:
        if step != period:
            if not -rangecoder.FULL < step - period < rangecoder.FULL:
                return _FAR
            if step % period:
                mode = _JITTER
            elif mode == _REGULAR:
                mode = _ON_GRID
    return mode


def _code_steps(coder, frame, unit, period, mode, steps):
    """Code the steps between the rows' times; a decoder fills in the times."""
    count = frame.rows - 1
    if coder.decoding:
        steps = [period] * count
    if mode == _FAR:
        for row in range(count):
            steps[row] = _code_signed(coder, steps[row])
            if row % columns.SLICE_VALUES == 0:
                yield
    elif mode != _REGULAR:
        grid = period if mode == _ON_GRID else 1
        cells = workplace.row_numbers(coder, 1, count)
        for row in range(count):
            cells[row] = (steps[row] - period) // grid + rangecoder.BIAS
        coder.begin_steps(_GRID_BANK if mode == _ON_GRID else _JITTER_BANK)
        yield from columns.slices(coder, cells, 0)
        if coder.decoding:
            steps = [(cell - rangecoder.BIAS) * grid + period for cell in cells]
    if coder.decoding:
        times = frame.times
        for step in steps:
            times.append(times[-1] + step * unit)
            _limit(times[-1], -_TIME_MOST, _TIME_MOST - 1, "time")
