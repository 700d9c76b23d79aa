"""The partition table of a chip's flash, as ESP-IDF's bootloader reads it.

Each entry has 32 bytes: magic, type, subtype, offset, size, label, flags. Behind the last stands
the MD5 of all; what is left of the sector stays erased (ESP-IDF, "Partition Tables").
"""

from __future__ import annotations

import hashlib
import struct

SECTOR = 4096
TABLE_OFFSET = 0x8000
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14


def table(partitions: dict[str, dict]) -> bytes:
    """Return the sector that says where these partitions are."""
    entries = b"".join(
        _ENTRY.pack(_MAGIC, p["type"], p["subtype"], p["offset"], p["size"], name.encode(), 0)
        for name, p in sorted(partitions.items(), key=lambda item: item[1]["offset"])
    )
    return (entries + _MD5_MAGIC + hashlib.md5(entries).digest()).ljust(SECTOR, b"\xff")


def read(flash, start: int = TABLE_OFFSET) -> dict[str, dict]:
    """Return the partitions that the table at `start` names; {} when there is no table."""
    found = {}
    for at in range(start, start + SECTOR, _ENTRY.size):
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack_from(flash, at)
        if magic != _MAGIC:
            break
        name = label.rstrip(b"\0").decode("ascii", "replace")
        found[name] = {"type": kind, "subtype": subtype, "offset": offset, "size": size}
    return found
