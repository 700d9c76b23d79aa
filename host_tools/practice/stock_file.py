"""A file like those of micropython.org/download, in everything but what it would do on a chip."""

import hashlib
import struct
from functools import reduce
from operator import xor

from host_tools import chips, partitions

_PIECE = 4096
STOCK_TABLE = {
    "nvs": {"type": 1, "subtype": 2, "offset": 0x9000, "size": 0x6000},
    "factory": {"type": 0, "subtype": 0, "offset": 0x10000, "size": 0x1F0000},
}


def image(ident, payload, mib=4, sha256=True):
    """Return an ESP-IDF image of two segments that hold `payload`."""
    sizes = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4}
    header = struct.pack("<BBBBI", 0xE9, 2, 2, sizes[mib] << 4, 0x400805B0)
    header += struct.pack("<B3xHBHH4xB", 0xEE, ident, 0, 0, 399, sha256)
    made, cut = header, len(payload) // 2
    for address, part in ((0x3F400020, payload[:cut]), (0x40080000, payload[cut:])):
        made += struct.pack("<II", address, len(part)) + part
    made = made.ljust(len(made) // 16 * 16 + 15, b"\0") + bytes([reduce(xor, payload, 0xEF)])
    return made + hashlib.sha256(made).digest() if sha256 else made


def application(ident, version="v1.26.1 on 2025-09-11", size=50_000, packed=1.0):
    """Return a MicroPython application of about `size` bytes, of which zlib leaves `packed`.

    `version` is what it says of itself.
    """
    start = struct.pack("<I", 0xABCD5432).ljust(256, b"\0")
    said = b"MicroPython " + version.encode() + b"; Generic module\0"
    noise = b"".join(hashlib.sha256(n.to_bytes(2, "big")).digest() for n in range(size // 32))
    noise = b"".join(
        noise[at : at + int(_PIECE * packed)].ljust(len(noise[at : at + _PIECE]), b"\0")
        for at in range(0, len(noise), _PIECE)
    )
    return image(ident, start + noise + said)


def stock(chip="esp32", **options):
    """Return the bytes of a whole file for `chip`."""
    about = chips.CHIPS[chip]
    bootloader = image(about.ident, bytes(range(256)) * 40)
    made = bootloader.ljust(0x8000 - about.bootloader, b"\xff")
    made += partitions.table(STOCK_TABLE).ljust(0x8000, b"\xff")
    return made + application(about.ident, **options)
