"""The file that `kista image` wrote, as the parts that are to be written, and for which board."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import NamedTuple

from host_tools import chips, image, partitions, stock_image
from host_tools.errors import UserError

_MAGIC = 0xE9
_IDENT = struct.Struct("<H")
_MIB = 1 << 20
_FILE_SYSTEM = (1, 129)
_APPLICATION = 0


class FlashImage(NamedTuple):
    """`size`: of the flash that it needs, bytes. `parts`: all that is written, by offset."""

    board: str
    chip: str
    size: int
    micropython: str
    parts: tuple[image.Part, ...]
    sha256: str


def read(path: Path) -> FlashImage:
    """Return what is in a file; `UserError` when `kista image` did not write it."""
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        return of(whole)
    except ValueError as error:
        raise UserError(f"{path}: {error}; make one with kista image") from None


def of(whole: bytes) -> FlashImage:
    """Return the parts of a flash from 0 on; ValueError when it is not one of ours."""
    chip = _chip(whole)
    places = partitions.read(whole.ljust(partitions.TABLE_OFFSET + partitions.SECTOR, b"\xff"))
    about = chips.CHIPS[chip]
    end = partitions.TABLE_OFFSET
    parts = [image.Part(about.bootloader, _cut(whole[about.bootloader : end]), "boot")]
    parts.append(image.Part(end, whole[end : end + partitions.SECTOR], "table"))
    for name, place in places.items():
        data = whole[place["offset"] : place["offset"] + place["size"]]
        if place["type"] == _APPLICATION:
            parts.append(image.Part(place["offset"], _cut(data), name))
        elif (place["type"], place["subtype"]) == _FILE_SYSTEM and len(data) == place["size"]:
            parts.append(image.Part(place["offset"], data, name))
    named = {part.name: part.data for part in parts}
    if "vfs" not in named or not named.get("factory"):
        raise ValueError("has no firmware in it")
    try:
        board = json.loads(image.files_in(named["vfs"])["board.json"])["name"]
    except (ValueError, KeyError, TypeError):
        raise ValueError("does not say for which board it is") from None
    size = _MIB << (whole[about.bootloader + 3] >> 4)
    version = stock_image.version_in(named["factory"])
    parts.sort()
    return FlashImage(board, chip, size, version, tuple(parts), hashlib.sha256(whole).hexdigest())


def _chip(whole: bytes) -> str:
    for name, chip in chips.CHIPS.items():
        header = whole[chip.bootloader : chip.bootloader + 16]
        if len(header) == 16 and (header[0], *_IDENT.unpack_from(header, 12)) == (
            _MAGIC,
            chip.ident,
        ):
            return name
    raise ValueError("is no image of a board")


def _cut(data: bytes) -> bytes:
    """Return the data without the erased bytes behind it."""
    return data.rstrip(b"\xff")
