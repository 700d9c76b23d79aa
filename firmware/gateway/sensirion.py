"""What Sensirion's I2C sensors share: commands of 16 bits, data in words with a CRC-8 each.

The CRC has the polynomial 0x31 and begins with 0xFF; that of 0xBEEF is 0x92 (all data sheets).
"""

from micropython import const

from gateway import flags

WORD_BYTES = const(3)
# Sensors without work obey at once; the data sheets allow this long.
SOON_MS = const(20)

_IS_READY = const(0x0202)
_NEW_WITHIN_MS = const(20000)
_KNOWN_WITHIN_MS = const(60000)
_EXPONENT_OF_22_BITS = const(127 + 21)
# What a forced calibration answers: a failure; no change.
_REFUSED = const(0xFFFF)
_NOT_MOVED = const(0x8000)
# The CRC's change by four bits.
_STEPS = b"\x00\x31\x62\x53\xc4\xf5\xa6\x97\xb9\x88\xdb\xea\x7d\x4c\x1f\x2e"


def crc8(data):
    """Return the checksum of `data`; a word's is that of its two bytes."""
    value = 0xFF
    for byte in data:
        value ^= byte
        value = value << 4 & 0xFF ^ _STEPS[value >> 4]
        value = value << 4 & 0xFF ^ _STEPS[value >> 4]
    return value


def words(data):
    """Return the 16-bit numbers in `data`, three bytes each; ValueError names what is wrong."""
    if len(data) % WORD_BYTES:
        raise ValueError("length")
    found = []
    for i in range(0, len(data), WORD_BYTES):
        if crc8(data[i : i + 2]) != data[i + 2]:
            raise ValueError("checksum")
        found.append(data[i] << 8 | data[i + 1])
    return tuple(found)


def packed(values):
    """Return words as the bus carries them."""
    data = b""
    for value in values:
        word = bytes((value >> 8, value & 0xFF))
        data += word + bytes((crc8(word),))
    return data


def scaled(high, low, scale):
    """Return a float's two words times `scale` (at most 127), rounded; None for no usable number.

    Whole numbers below 2**30 all the way: what is 4 million or more counts as none.
    """
    exponent = high >> 7 & 0xFF
    # Of the 24 bits of the mantissa 22 are enough, and leave room for the scale.
    mantissa = (high & 0x7F | 0x80) << 14 | low >> 2
    shift = _EXPONENT_OF_22_BITS - exponent
    if shift < 0:
        return None
    value = 0
    if shift <= 30:
        value = mantissa * scale
        if shift:
            value = value + (1 << shift - 1) >> shift
    return -value if high & 0x8000 else value


def floats(data, channels):
    """Return a float of `data` for each channel, in the channel's integers; ValueError."""
    if len(data) != 2 * WORD_BYTES * len(channels):
        raise ValueError("length")
    halves = words(data)
    return tuple(
        [scaled(halves[2 * i], halves[2 * i + 1], one[2]) for i, one in enumerate(channels)]
    )


class Port:
    """A sensor on a bus: `most` words are the longest that it answers."""

    def __init__(self, bus, clock, address, most):
        self._i2c = bus
        self._clock = clock
        self._address = address
        self._data = memoryview(bytearray(WORD_BYTES * most))

    async def tell(self, number, wait_ms, *values):
        """Send a command with its words; come back when it is obeyed."""
        head = bytes((number >> 8, number & 0xFF))
        self._i2c.writeto(self._address, head + packed(values))
        await self._clock.sleep_ms(wait_ms)

    async def ask(self, number, wait_ms, count, *values):
        """Send a command with its words; return the bytes of the `count` words that it answers.

        They hold until the next.
        """
        await self.tell(number, wait_ms, *values)
        data = self._data[: WORD_BYTES * count]
        self._i2c.readfrom_into(self._address, data)
        return data

    async def calibrate(self, number, wait_ms, ppm):
        """Let a sensor take what it sees for `ppm`; return by how many that moves it, OSError."""
        moved = words(await self.ask(number, wait_ms, 1, ppm))[0]
        if moved == _REFUSED:
            raise OSError("refuses")
        return moved - _NOT_MOVED


def told(calibrates, altitude, pressure):
    """Return in words what a CO2 sensor was set to."""
    where = "pressure %d hPa" % pressure if pressure else "altitude %d m" % altitude
    return "self-calibration %s, %s" % ("on" if calibrates else "off", where)


class Continuous:
    """A sensor that measures by itself: a driver adds `_start()` and `_faults()`.

    `command`, `count`, `parse`: how its `channels` values are read. When none is new for
    `new_within_ms` it is started again.
    """

    def __init__(
        self, bus, clock, address, command, count, parse, channels, new_within_ms=_NEW_WITHIN_MS
    ):
        self._clock = clock
        self._port = Port(bus, clock, address, count)
        self._command = command
        self._count = count
        self._parse = parse
        self._nothing = (None,) * channels
        self._new_within_ms = new_within_ms
        self._since = None
        self._last = self._nothing
        self._last_ms = 0
        self.marks = ()

    async def read(self):
        """Return the latest values: None what the sensor does not know, marked stale if not new.

        OSError: nobody there, or nothing new for long. ValueError names what is wrong.
        """
        try:
            if self._since is None:
                await self._start()
                self._last = self._nothing
                self._since = self._last_ms = self._clock.uptime_ms()
            return await self._latest()
        except OSError:
            # What is plugged in next must be set up and started.
            self._since = None
            raise

    async def _latest(self):
        ask = self._port.ask
        now = self._clock.uptime_ms()
        known = 0
        if words(await ask(_IS_READY, SOON_MS, 1))[0] & 1:
            self._last = self._parse(await ask(self._command, SOON_MS, self._count))
            self._last_ms = now
        elif now - self._last_ms > self._new_within_ms:
            raise OSError("measures nothing")
        else:
            known = flags.STALE
        unknown = flags.NO_ANSWER if now - self._since > _KNOWN_WITHIN_MS else flags.WARM_UP
        faults = await self._faults()
        self.marks = tuple(
            [(unknown if v is None else known) | faults[i] for i, v in enumerate(self._last)]
        )
        return self._last
