"""CRCs: the check value of every data sheet, and words printed in those of SCD4x and SCD30."""

import struct

from fakes import Hal
from gateway import sensirion
from gateway.clock import Clock
from support import finish, raises

WORDS = (
    (0xBEEF, 0x92),
    (0x0000, 0x81),
    (0x0001, 0xB0),
    (0x079E, 0x09),
    (0x6667, 0xA2),
    (0x43DB, 0xCB),
    (0x8C2E, 0x8F),
)


class Bus:
    """One that answers with what it is given."""

    def __init__(self, answer):
        self.answer = answer
        self.log = []

    def writeto(self, address, data):
        self.log.append((address, bytes(data)))

    def readfrom_into(self, address, buf):
        self.log.append((address, len(buf)))
        buf[:] = self.answer


def test_sensirion_words_have_the_data_sheets_crc():
    for word, crc in WORDS:
        data = bytes((word >> 8, word & 0xFF, crc))
        assert sensirion.crc8(data[:2]) == crc
        assert sensirion.packed((word,)) == data and sensirion.words(data) == (word,)
    many = tuple(word for word, _ in WORDS)
    assert sensirion.words(sensirion.packed(many)) == many
    assert sensirion.words(b"") == () and sensirion.packed(()) == b""


def test_sensirion_words_with_a_flipped_bit_or_two_in_one_word_are_refused():
    good = sensirion.packed((0xBEEF, 0x0102))
    for first in range(48):
        for second in range(first, first // 24 * 24 + 24):
            wrong = bytearray(good)
            wrong[first // 8] ^= 1 << first % 8
            if second != first:
                wrong[second // 8] ^= 1 << second % 8
            assert raises(ValueError, sensirion.words, wrong) == "checksum"
    for size in (1, 2, 4, 5):
        assert raises(ValueError, sensirion.words, good[:size]) == "length"


def test_sensirion_floats_become_whole_numbers():
    # The three of the SCD30's example, and what bounds the numbers.
    for high, low, scale, wanted in (
        (0x43DB, 0x8C2E, 1, 439),
        (0x43DB, 0x8C2E, 10, 4391),
        (0x41D9, 0xE7FF, 100, 2724),
        (0x4243, 0x3A1B, 100, 4881),
        (0x0000, 0x0000, 100, 0),
        (0x8000, 0x0000, 100, 0),
        (0x0000, 0x0001, 100, 0),
        (0x7FC0, 0x0000, 100, None),
        (0x7F80, 0x0000, 100, None),
        (0xFF80, 0x0000, 100, None),
        (0x4A80, 0x0000, 1, None),
        (0x4A7F, 0xFFFC, 1, 4194303),
    ):
        assert sensirion.scaled(high, low, scale) == wanted, (high, low)
    for scale in (1, 10, 100, 127):
        for value in list(range(-700, 700)) + list(range(-30000, 1000000, 77777)):
            high, low = struct.unpack(">HH", struct.pack(">f", value / scale))
            assert sensirion.scaled(high, low, scale) == value, (value, scale)


def test_sensirion_port_tells_waits_and_asks():
    hal = Hal()
    bus = Bus(sensirion.packed((0xBEEF, 1)))
    port = sensirion.Port(bus, Clock(hal), 0x62, 3)
    finish(port.tell(0x2427, 2, 1950))
    assert bus.log == [(0x62, b"\x24\x27\x07\x9e\x09")] and hal.ticks == 2
    data = finish(port.ask(0xE4B8, 20, 2))
    assert sensirion.words(data) == (0xBEEF, 1) and hal.ticks == 22
    assert bus.log[1:] == [(0x62, b"\xe4\xb8"), (0x62, 6)]
