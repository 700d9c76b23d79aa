"""A stock MicroPython image: bootloader, partition table and application in one file.

Its layout is that of `ports/esp32/makeimg.py`, an image's that of ESP-IDF's `esp_app_format.h`: a
header of 24 bytes, segments with a header of 8 bytes each, zeros up to a byte that is the sum of
their bytes (exclusive or, from 0xEF) and ends a block of 16, SHA-256 of all that.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor
from pathlib import Path

from host_tools import chips
from host_tools.errors import UserError
from host_tools.partitions import TABLE_OFFSET

APPLICATION_OFFSET = 0x10000
_MAGIC = 0xE9
_HEADER = 24
_CHECKSUM_FROM = 0xEF
_SHA256 = 32
_TABLE_MAGIC = b"\xaa\x50"
_APPLICATION_MAGIC = struct.pack("<I", 0xABCD5432)
_MIB = 1 << 20
_VERSION = re.compile(rb"v(\d+)\.(\d+)\.(\d+)(-[\w.]+)? on \d{4}-\d\d-\d\d")
# What the firmware is made for (`hal_esp32.py`).
_OLDEST = (1, 24)


@dataclass(frozen=True)
class Stock:
    """`version`: MicroPython's, like 1.26.1. Both parts are checked, without what follows them."""

    version: str
    bootloader: bytes
    application: bytes


def read(path: Path, chip: chips.Chip) -> Stock:
    """Return the parts of a file for `chip`; `UserError` says why it cannot be used."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        return _parts(data, chip)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _parts(data: bytes, chip: chips.Chip) -> Stock:
    if data[:1] != bytes([_MAGIC]):
        raise ValueError("no image of an ESP32; take the .bin from micropython.org/download")
    if data[_HEADER + 8 :][:4] == _APPLICATION_MAGIC:
        raise ValueError("only the application (.app-bin); take the .bin, with the bootloader")
    _check_chip(data, chip, "it")
    table, application = TABLE_OFFSET - chip.bootloader, APPLICATION_OFFSET - chip.bootloader
    if data[table : table + 2] != _TABLE_MAGIC:
        raise ValueError(f"has no partition table at 0x{table:x}, where one for {chip.title} is")
    bootloader = _image(data[:table], "the bootloader")
    if data[application : application + 1] != bytes([_MAGIC]):
        raise ValueError(f"has no application at 0x{application:x}; take one without OTA")
    _check_chip(data[application:], chip, "its application")
    whole = _image(data[application:], "the application")
    found = _VERSION.search(whole)
    if not found:
        raise ValueError("is no MicroPython: no version in it")
    version = tuple(int(part) for part in found.groups()[:3])
    name = ".".join(map(str, version)) + (found[4] or b"").decode()
    if version[:2] < _OLDEST:
        raise ValueError(f"is MicroPython {name}; the firmware needs 1.24 or newer")
    return Stock(name, bootloader, whole)


def _check_chip(header: bytes, chip: chips.Chip, what: str) -> None:
    if len(header) < _HEADER:
        raise ValueError("is cut short")
    ident = struct.unpack_from("<H", header, 12)[0]
    if ident != chip.ident:
        raise ValueError(f"{what} is for {chips.title_of(ident)}, the board has {chip.title}")


def _image(data: bytes, what: str) -> bytes:
    """Return the image at the start of `data` and nothing behind it; ValueError if damaged."""
    cut = f"{what} is cut short; download the file again"
    if len(data) < _HEADER:
        raise ValueError(cut)
    end, sums = _HEADER, _CHECKSUM_FROM
    for _ in range(data[1]):
        if end + 8 > len(data):
            raise ValueError(cut)
        start = end + 8
        end = start + struct.unpack_from("<I", data, end + 4)[0]
        sums = reduce(xor, data[start:end], sums)
    end = end // 16 * 16 + 16
    has_sha256 = data[_HEADER - 1] == 1
    if end + _SHA256 * has_sha256 > len(data):
        raise ValueError(cut)
    if data[end - 1] != sums:
        raise ValueError(f"{what} is damaged (checksum); download the file again")
    if not has_sha256:
        return data[:end]
    if hashlib.sha256(data[:end]).digest() != data[end : end + _SHA256]:
        raise ValueError(f"{what} is damaged (SHA-256); download the file again")
    return data[: end + _SHA256]


def version_in(application: bytes) -> str:
    """Return MicroPython's version in an application, "" when there is none."""
    found = _VERSION.search(application)
    return found[0].decode().split()[0].lstrip("v") if found else ""


def sized(bootloader: bytes, flash_size: int) -> bytes:
    """Return the bootloader for a flash of that many bytes, a power of two of MiB.

    What it says of the size is what ESP-IDF believes, whatever the flash says.
    """
    changed = bytearray(bootloader)
    changed[3] = changed[3] & 0x0F | ((flash_size // _MIB).bit_length() - 1) << 4
    if changed[_HEADER - 1] == 1:
        changed[-_SHA256:] = hashlib.sha256(changed[:-_SHA256]).digest()
    return bytes(changed)
