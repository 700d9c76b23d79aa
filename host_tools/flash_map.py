"""The flash of a board as a picture in text."""

from __future__ import annotations

from host_tools import chips
from host_tools.partitions import TABLE_OFFSET

CELLS = 64
SECTOR = 4096
_KIB = 1 << 10
_MIB = 1 << 20


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    for unit, name in ((_MIB, "MiB"), (_KIB, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def draw(board: dict, written: dict[str, bytes] | None = None) -> list[str]:
    """Return the lines of the picture: offset, name, size, a bar to scale.

    `written`: what an image has of each partition; the others are marked as left alone.
    """
    flash = board["flash"]
    rows = [(part["offset"], name, part["size"]) for name, part in flash["partitions"].items()]
    chip = chips.CHIPS.get(board["chip"])
    if chip:
        rows += [(chip.bootloader, "boot", TABLE_OFFSET - chip.bootloader)]
        rows += [(TABLE_OFFSET, "table", SECTOR)]
    lines, end = [], 0
    for offset, name, length in sorted(rows):
        if offset > end:
            lines.append(_line(end, "", offset - end, flash["size"], "·", "free"))
        data = None if written is None else written.get(name)
        if written is None:
            lines.append(_line(offset, name, length, flash["size"], "█", ""))
        elif data is None:
            lines.append(_line(offset, name, length, flash["size"], "░", "left alone"))
        else:
            lines.append(_written(offset, name, length, flash["size"], data))
        end = offset + length
    if end < flash["size"]:
        lines.append(_line(end, "", flash["size"] - end, flash["size"], "·", "free"))
    return [*lines, f"0x{flash['size']:06x}"]


def _cells(length: int, whole: int) -> int:
    return max(1, round(length * CELLS / whole))


def _line(offset: int, name: str, length: int, whole: int, cell: str, note: str) -> str:
    bar = cell * _cells(length, whole)
    return f"0x{offset:06x}  {name:<9} {size(length):>8}  {bar} {note}".rstrip()


def _written(offset: int, name: str, length: int, whole: int, data: bytes) -> str:
    sectors = [data[at : at + SECTOR] for at in range(0, len(data), SECTOR)]
    used = SECTOR * sum(sector.strip(b"\xff") != b"" for sector in sectors)
    cells = _cells(length, whole)
    full = min(cells, max(1, round(cells * used / length)))
    bar = "█" * full + "░" * (cells - full)
    return f"0x{offset:06x}  {name:<9} {size(length):>8}  {bar} {100 * used / length:.0f} % used"
