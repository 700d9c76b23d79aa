"""The frame: rows of one stream, packed. docs/frame.md has every bit of it.

One walk over header and columns serves encoding and decoding: a coder returns what it coded, and a
decoder ignores what it is handed.
"""

import binascii
import struct

from micropython import const

from gateway import columns, priors
from gateway.rangecoder import Decoder, Probabilities
from gateway.rangecoder import Encoder as RangeEncoder

MAX_ROWS = const(1024)
MAX_CHANNELS = const(32)
SCHEMA_BYTES = const(2)
SLICE_VALUES = const(32)

_MAGIC = const(0xB0)
_MAGIC_MASK = const(0xF0)
_SYNCED = const(1)
_ANCHORED = const(2)
_NUMBERED = const(4)
_FLAGGED = const(8)
_CRC_BYTES = const(4)
_LEAST_BYTES = const(7)
_NUMBER_BITS = const(30)
_UNIX_BITS = const(46)
_FIRST_BITS = const(6)
_TIME_MOST = 1 << 48
_VALUE_MOST = 1 << 31

# Times are counted in one of these units (ms), from this moment (2010-01-01 UTC) when they are
# unix times.
_UNITS = (1000, 1, 100, 60000)
_EPOCH_S = const(1262304000)
_PERIODS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 150, 180, 300, 600, 900, 1800, 3600)
_TIME_STARTS = (0, 1, 2, 4)

# Places of the header's adaptive bits in priors.HEAD.
_ROWS = const(0)
_UNIT = const(16)
_PERIOD_LISTED = const(20)
_ALIGNED = const(21)
_LONG_TIME = const(22)
_TIME_START = const(24)
_LATTICE = const(28)
_NEGATIVE = const(29)
_MISSING = const(30)
_WIDE = const(31)
_HAS_FLAGS = const(32)
_LATTICE_KIND = const(40)
_WIDTH = const(64)
_START = const(128)
# Bits that learn within a column.
_EXACT = const(0)
_GONE = const(1)
_SAME_FLAGS = const(3)


class Frame:
    """Rows of one stream.

    schema: 2 bytes (schema.ident); seq, boot: < 2^30, or None both; quality: 1, times are unix
    ms, or 0,
    ms of that boot's uptime; anchor: unix ms at uptime 0 of that boot, or None; times: list of int;
    columns: a list of int or None for each channel; flags: None, or for each channel None or a
    list of
    masks 0..255.
    """

    def __init__(self, schema, seq, boot, quality, anchor, times, columns, flags=None):
        self.schema = schema
        self.seq = seq
        self.boot = boot
        self.quality = quality
        self.anchor = anchor
        self.times = times
        self.columns = columns
        self.flags = flags
        self.rows = len(times)
        self.channels = len(columns)

    def append(self, other):
        """Add the rows of `other`, a frame of the same stream."""
        rows = self.rows
        self.times += other.times
        self.rows += other.rows
        for i in range(self.channels):
            self.columns[i] += other.columns[i]
        if self.flags or other.flags:
            self.flags = [
                (_masks(self, i, rows) + _masks(other, i, other.rows)) for i in range(self.channels)
            ]


def _masks(frame, channel, rows):
    """Return the masks of a channel, zeros where there are none."""
    masks = frame.flags[channel] if frame.flags else None
    return masks if masks is not None else [0] * rows


class Encoder:
    """Packs a frame in slices: call `step()` until it returns the bytes."""

    def __init__(self, frame):
        _check(frame)
        self._coder = RangeEncoder()
        self._head = _head(frame)
        self._walk = _walk(self._coder, frame, self._head)

    def step(self):
        """Code at most one slice of 32 values; return None, or at the end the frame's bytes."""
        try:
            next(self._walk)
        except StopIteration:
            data = self._head + self._coder.finish()
            return data + struct.pack("<I", binascii.crc32(data))
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
    """Return a Frame of which only the header is known; ValueError like decode."""
    return _open(data)[0]


def _open(data):
    end = len(data) - _CRC_BYTES
    if end < _LEAST_BYTES - _CRC_BYTES:
        raise ValueError("frame: too short")
    if data[0] & _MAGIC_MASK != _MAGIC:
        raise ValueError("frame: not a frame, or of another version")
    if struct.unpack_from("<I", data, end)[0] != binascii.crc32(memoryview(data)[:end]):
        raise ValueError("frame: checksum")
    head = bytes(data[: 1 + SCHEMA_BYTES])
    frame = Frame(head[1:], None, None, head[0] & _SYNCED, None, [0], [[]])
    walk = _walk(Decoder(data, len(head), end), frame, head)
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
    for time in frame.times:
        _limit(time, -_TIME_MOST, _TIME_MOST - 1, "time")
    for column in frame.columns:
        if len(column) != frame.rows:
            raise ValueError("frame: columns of different length")
        for value in column:
            if value is not None:
                _limit(value, -_VALUE_MOST, _VALUE_MOST - 1, "value")
    for masks in frame.flags or ():
        if masks is not None:
            if len(masks) != frame.rows:
                raise ValueError("frame: flags of different length")
            for mask in masks:
                _limit(mask, 0, 255, "flags")


def _limit(value, least, most, what):
    if not least <= value <= most:
        raise ValueError("frame: %s %d is not within %d to %d" % (what, value, least, most))


def _walk(coder, frame, head):
    """Code header and columns; yields behind the header and between slices."""
    bits = Probabilities(priors.HEAD)
    if head[0] & _NUMBERED:
        frame.seq = _code_sized(coder, frame.seq or 0, 5)
        frame.boot = coder.raw(frame.boot or 0, _NUMBER_BITS)
    if head[0] & _ANCHORED:
        frame.anchor = coder.raw(frame.anchor or 0, _UNIX_BITS)
    width = _code_tree(coder, bits, _ROWS, columns.bits_of(frame.rows) - 1, 4)
    frame.rows = (1 << width) + coder.raw(frame.rows - (1 << width), width) if width else 1
    if frame.rows > MAX_ROWS:
        raise ValueError("frame: too many rows")
    frame.channels = 1 + coder.raw(frame.channels - 1, 5)
    residuals = columns.Residuals(frame.rows)
    unit, period = _code_time_base(coder, bits, frame)
    yield
    for _ in _code_times(coder, bits, frame, residuals, unit, period):
        yield
    residuals.forget()
    if coder.decoding:
        frame.columns = [[None] * frame.rows for _ in range(frame.channels)]
        frame.flags = [None] * frame.channels if head[0] & _FLAGGED else None
    for i in range(frame.channels):
        for _ in _code_column(coder, bits, residuals, frame.columns[i]):
            yield
        if head[0] & _FLAGGED:
            frame.flags[i] = _code_flags(coder, bits, frame.flags[i], frame.rows)
            yield


def _code_tree(coder, bits, base, value, width):
    """Code `value` of `width` bits, each bit with those above it as context."""
    node = 1
    for i in range(width - 1, -1, -1):
        node = node << 1 | coder.bit(bits, base + node, value >> i & 1)
    return node - (1 << width)


def _code_sized(coder, value, size_bits):
    """Code a number >= 0: how many bits, then the bits."""
    size = coder.raw(columns.bits_of(value), size_bits)
    return coder.raw(value, size) if size else 0


def _code_time_base(coder, bits, frame):
    """Code unit, period and first time; return (unit, period)."""
    times = frame.times
    choice = 0
    while any(time % _UNITS[choice] for time in times):
        choice += 1
    choice = _code_tree(coder, bits, _UNIT, choice, 2)
    unit = _UNITS[choice]
    period = 1
    if frame.rows > 1:
        steps = sorted(times[i + 1] - times[i] for i in range(len(times) - 1))
        period = _code_period(coder, bits, steps[len(steps) // 2] // unit if steps else 0)
    first = times[0] // unit
    if frame.quality:
        first -= _EPOCH_S * 1000 // unit
    grid = period if coder.bit(bits, _ALIGNED, first % period == 0) else 1
    first //= grid
    # Seconds from 2010 to 2044 fit into 30 bits.
    width = columns.bits_of((1 << 30) // grid)
    if coder.bit(bits, _LONG_TIME, not 0 <= first < 1 << width):
        first = _code_sized(coder, first << 1 if first >= 0 else (-first << 1) - 1, _FIRST_BITS)
        first = -(first + 1 >> 1) if first & 1 else first >> 1
    else:
        first = coder.raw(first, width)
    first *= grid
    if frame.quality:
        first += _EPOCH_S * 1000 // unit
    _limit(first * unit, -_TIME_MOST, _TIME_MOST - 1, "time")
    if coder.decoding:
        frame.times = [first * unit] * frame.rows
    return unit, period


def _code_period(coder, bits, period):
    """Code the period expected between rows, in units, from a list or as a number; return it."""
    period = min(max(period, 1), (1 << 30) - 1)
    near = min(range(len(_PERIODS)), key=lambda i: abs(_PERIODS[i] - period))
    if coder.bit(bits, _PERIOD_LISTED, abs(_PERIODS[near] - period) * 50 > period):
        return max(_code_sized(coder, period, 5), 1)
    return _PERIODS[coder.raw(near, 4)]


def _code_times(coder, bits, frame, residuals, unit, period):
    """Code the steps between the rows' times as what they differ from the period."""
    times = frame.times
    if frame.rows == 1:
        return
    start = 0
    if not coder.decoding:
        sizes = [
            abs(times[i + 1] - times[i] - period * unit) // unit for i in range(frame.rows - 1)
        ]
        mean = sum(columns.bits_of(size) for size in sizes) // len(sizes)
        start = (0, 1, 2, 2, 3)[min(mean, 4)]
    residuals.begin(_TIME_STARTS[_code_tree(coder, bits, _TIME_START, start, 2)])
    time = times[0] // unit
    for row in range(1, frame.rows):
        time += period
        time += residuals.code(coder, row, times[row] // unit - time)
        times[row] = time * unit
        _limit(times[row], -_TIME_MOST, _TIME_MOST - 1, "time")
        if row % SLICE_VALUES == 0:
            yield


def _code_column(coder, bits, residuals, column):
    """Code one channel's values; a decoder fills `column`."""
    values = [value for value in column if value is not None]
    rows = [row for row in range(len(column)) if column[row] is not None]
    local = Probabilities(priors.LOCAL)
    if coder.bit(bits, _MISSING, len(values) < len(column)):
        gone = 0
        rows = []
        for row in range(len(column)):
            gone = coder.bit(local, _GONE + gone, column[row] is None)
            if not gone:
                rows.append(row)
            if row % SLICE_VALUES == SLICE_VALUES - 1:
                yield
        if not rows:
            return
    elif coder.decoding:
        rows = range(len(column))
    lattice = columns.choose_lattice(values)
    if coder.bit(bits, _LATTICE, lattice > 0):
        lattice = _code_tree(coder, bits, _LATTICE_KIND, lattice, 3)
    numbers = [columns.to_lattice(value, lattice) for value in values] if lattice else values
    wide = coder.bit(bits, _WIDE, any(abs(value) >= columns.WIDE for value in values))
    width = _code_tree(coder, bits, _WIDTH, columns.bits_of(abs(numbers[0])) if numbers else 0, 6)
    first = _code_first(coder, bits, width, numbers[0] if numbers else 0)
    yield
    if len(rows) > 1:
        start = 0 if coder.decoding else columns.choose_start(_classes(numbers, wide))
        start = _code_tree(coder, bits, _START + 8 * min(width // 3, 5), start, 3)
        residuals.begin(columns.STARTS[start])
    guesser = columns.Predictor(first, wide)
    for i in range(len(rows)):
        row = rows[i]
        number = first
        if i:
            guess = guesser.guess()
            number = guess + residuals.code(coder, row, numbers[i] - guess if numbers else 0)
            guesser.learn(number)
        value = columns.on_lattice(number, lattice) if lattice else number
        if lattice and coder.bit(local, _EXACT, not coder.decoding and column[row] != value):
            value += coder.raw(column[row] - value + 512 if numbers else 0, 10) - 512
        _limit(value, -_VALUE_MOST, _VALUE_MOST - 1, "value")
        column[row] = value
        if i % SLICE_VALUES == SLICE_VALUES - 1:
            yield


def _classes(numbers, wide):
    """Return the classes of the first residuals, to choose where the column starts."""
    guesser = columns.Predictor(numbers[0], wide)
    classes = []
    for number in numbers[1:9]:
        classes.append(columns.bits_of(abs(number - guesser.guess())))
        guesser.learn(number)
    return classes


def _code_first(coder, bits, width, first):
    """Code a column's first number of `width` bits; the leading one goes without saying."""
    if not width:
        return 0
    size = 1 << (width - 1)
    if width > 1:
        size |= coder.raw(abs(first) & size - 1, width - 1)
    return -size if coder.bit(bits, _NEGATIVE, first < 0) else size


def _code_flags(coder, bits, masks, rows):
    """Code the flags of one channel; return them, or None when there are none."""
    if not coder.bit(bits, _HAS_FLAGS, masks is not None and any(masks)):
        return None
    local = Probabilities(priors.LOCAL)
    coded = bytearray(rows)
    mask = 0
    for row in range(rows):
        wanted = masks[row] if masks else 0
        if coder.bit(local, _SAME_FLAGS, wanted != mask):
            mask = coder.raw(wanted, 8)
        coded[row] = mask
    return list(coded)
