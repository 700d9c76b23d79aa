"""Boards are data: one JSON file each in `boards/`, checked before anything is built from it."""

from __future__ import annotations

import json
from pathlib import Path

from host_tools import build
from host_tools.errors import UserError

FOLDER = build.ROOT / "boards"
SECTOR = 4096
CHIPS = ("twin", "esp32")
BUS_PINS = {"uart": {"tx", "rx"}, "i2c": {"sda", "scl"}, "pulse": {"in"}}
DRIVEN = {"tx", "sda", "scl"}
# ESP32: GPIO 34 to 39 have no output stage, 6 to 11 are wired to the flash, 0, 2, 5, 12 and 15
# say at
# reset how the chip starts (data sheet, 2.2 and 2.4).
INPUT_ONLY = set(range(34, 40))
FLASH_PINS = set(range(6, 12))
STRAPPING = {0, 2, 5, 12, 15}


def names() -> list[str]:
    """Return the names of the boards there are."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict:
    """Return a board's data; `UserError` names the board, or the field of it that is impossible."""
    path = FOLDER / f"{name}.json"
    if name not in names():
        raise UserError(f"there is no board {name!r}; there are {', '.join(names())}")
    return read(path)


def read(path: Path) -> dict:
    """Return the data of a board's file, checked."""
    try:
        board = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path.name}: not JSON ({error})") from None
    try:
        _check(board, path.stem)
    except KeyError as error:
        raise UserError(f"{path.name}: has no {error.args[0]!r}") from None
    except ValueError as error:
        raise UserError(f"{path.name}: {error}") from None
    return board


def _check(board: dict, name: str) -> None:
    if board["name"] != name:
        raise ValueError(f"name: is {board['name']!r}, the file says {name!r}")
    if board["chip"] not in CHIPS:
        raise ValueError(f"chip: {board['chip']!r} is none of {', '.join(CHIPS)}")
    _check_flash(board["flash"])
    _check_pins(board)


def _check_flash(flash: dict) -> None:
    partitions = flash["partitions"]
    for needed in ("journal", "spool"):
        if needed not in partitions:
            raise ValueError(f"flash.partitions: has no {needed!r}")
    end, before = 0, "the beginning"
    for name, part in sorted(partitions.items(), key=lambda item: item[1]["offset"]):
        field = f"flash.partitions.{name}"
        if part["offset"] % SECTOR or part["size"] % SECTOR or part["size"] <= 0:
            raise ValueError(f"{field}: offset and size must be multiples of {SECTOR}")
        if part["offset"] < end:
            raise ValueError(f"{field}: overlaps {before}")
        end, before = part["offset"] + part["size"], name
        if end > flash["size"]:
            raise ValueError(f"{field}: ends behind the flash of {flash['size']} bytes")


def _check_pins(board: dict) -> None:
    taken: dict[int, str] = {}
    wanted = []
    for name, bus in board["buses"].items():
        if bus["kind"] not in BUS_PINS:
            raise ValueError(f"buses.{name}.kind: {bus['kind']!r} is none of {', '.join(BUS_PINS)}")
        if set(bus["pins"]) != BUS_PINS[bus["kind"]]:
            needed = ", ".join(sorted(BUS_PINS[bus["kind"]]))
            raise ValueError(f"buses.{name}.pins: a {bus['kind']} bus has exactly {needed}")
        wanted += [(f"buses.{name}.pins.{role}", pin, role) for role, pin in bus["pins"].items()]
    for name in ("led", "button"):
        if name in board:
            wanted.append((name, board[name]["pin"], name))
    for field, pin, role in wanted:
        if pin in taken:
            raise ValueError(f"{field}: pin {pin} is already {taken[pin]}")
        taken[pin] = field
        if board["chip"] == "esp32":
            _check_esp32_pin(field, pin, role)


def _check_esp32_pin(field: str, pin: int, role: str) -> None:
    if not 0 <= pin <= 39 or pin in FLASH_PINS:
        raise ValueError(f"{field}: the ESP32 has no free pin {pin}")
    if role in DRIVEN | {"led"} and pin in INPUT_ONLY:
        raise ValueError(f"{field}: pin {pin} can only read")
    if role in BUS_PINS["uart"] | BUS_PINS["i2c"] and pin in STRAPPING:
        raise ValueError(f"{field}: pin {pin} decides at reset how the chip starts; use another")
