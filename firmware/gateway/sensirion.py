"""What Sensirion's I2C sensors share: commands of 16 bits, data in words with a CRC-8 each.

The CRC has the polynomial 0x31 and begins with 0xFF; that of 0xBEEF is 0x92 (all data sheets).
"""

from micropython import const

WORD_BYTES = const(3)
# Sensors without work obey at once; the data sheets allow this long.
SOON_MS = const(20)

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

    async def ask(self, number, wait_ms, count):
        """Send a command; return the bytes of the `count` words that it answers.

        They hold until the next.
        """
        await self.tell(number, wait_ms)
        data = self._data[: WORD_BYTES * count]
        self._i2c.readfrom_into(self._address, data)
        return data
