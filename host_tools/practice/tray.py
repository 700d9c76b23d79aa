"""Practice boards by the dozen: a folder of memories, a port each that is always named the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.errors import UserError
from host_tools.practice.board import Faults, PracticeBoard
from host_tools.practice.stock_file import stock

BOARDS_MOST = 64
# What a fault is called → what it does; N is how much of the application is written by then.
FAULTS = {
    "chip": "another chip than the image's",
    "small": "too small a flash",
    "secure": "secure boot is on",
    "silent": "its loader does not answer",
    "noise": "rubbish before its answers",
    "dies@N": "stops answering at N %",
    "corrupt@N": "writes a bit wrong at N %",
    "unplugged@N": "its cable is out at N %",
}
OTHER_CHIP = {"esp32": "esp32c3"}
MICROPYTHON = "micropython.bin"
# As of ESP32_GENERIC 1.24.1: bytes of application, and what part of them zlib leaves.
SIZE, PACKED = 1_630_000, 0.67


@dataclass
class Kind:
    """What a practice board is: chip, bytes of flash, faults."""

    chip: str
    size: int
    faults: Faults = field(default_factory=Faults)


def kind(chip: str, size: int, fault: str = "") -> Kind:
    """Return the kind of board with a fault of FAULTS, "" for none; UserError when it is none."""
    name, _, number = fault.partition("@")
    if not fault:
        return Kind(chip, size)
    if name == "chip":
        return Kind(OTHER_CHIP.get(chip, "esp32"), size)
    if name == "small":
        return Kind(chip, size >> 2)
    try:
        percent = float(number or 50)
        faults = {
            "secure": Faults(secure=True),
            "silent": Faults(silent=True),
            "noise": Faults(noisy=2),
            "dies": Faults(dies_at=percent),
            "corrupt": Faults(flips_at=percent),
            "unplugged": Faults(unplugged_at=percent),
        }[name]
    except (KeyError, ValueError):
        raise UserError(f"{fault}: no fault; there are {', '.join(FAULTS)}") from None
    return Kind(chip, size, faults)


@contextlib.contextmanager
def plugged_in(
    folder: Path, kinds: list[Kind], air: dict[str, str], paced: bool
) -> Iterator[dict[str, PracticeBoard]]:
    """Yield {port: board}; the ports are links in `folder`, and gone afterwards."""
    with contextlib.ExitStack() as stack:
        boards = {}
        for number, one in enumerate(kinds, 1):
            link = folder / f"board-{number}"
            board = PracticeBoard(
                folder / "memory" / str(number),
                f"02:4b:69:73:74:{number:02x}",
                one.chip,
                one.size,
                air,
                one.faults,
                paced,
            )
            stack.enter_context(board)
            link.unlink(missing_ok=True)
            link.symlink_to(board.port)
            stack.callback(link.unlink, missing_ok=True)
            boards[str(link)] = board
        yield boards


def write_micropython(folder: Path, chip: str) -> Path:
    """Return the path of what stands in `folder` for a stock image of MicroPython."""
    path = folder / MICROPYTHON
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(stock(chip, size=SIZE, packed=PACKED))
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    return path
