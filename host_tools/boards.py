"""Boards are data: one JSON file each in `boards/`, checked before anything is built from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from host_tools import build
from host_tools.errors import UserError

FOLDER = build.ROOT / "boards"
SECTOR = 4096
CHIPS = ("twin", "esp32")
NEEDED = {"twin": ("journal", "spool"), "esp32": ("nvs", "factory", "vfs", "journal", "spool")}
BUS_PINS = {"uart": {"tx", "rx"}, "i2c": {"sda", "scl"}, "pulse": {"in"}}
DRIVEN = {"tx", "sda", "scl", "led"}
# ESP32: GPIO 34 to 39 have no output stage, 6 to 11 are wired to the flash, 0, 2, 5, 12 and 15 say
# at reset how the chip starts (data sheet, 2.2 and 2.4), 1 and 3 are the console.
PIN_MOST = 39
INPUT_ONLY = set(range(34, 40))
FLASH_PINS = set(range(6, 12))
STRAPPING = {0, 2, 5, 12, 15}
CONSOLE = {1, 3}
# Which controllers there are; UART 0 is the console.
NUMBERS = {"uart": (1, 2), "i2c": (0, 1)}
# ESP-IDF: the partition table fills the sector at 0x8000, an application begins at a multiple of
# 64 KiB, a label has at most 16 characters.
PARTITIONS_FROM = 0x9000
APP_ALIGNMENT = 0x10000
LABEL_MOST = 16
KINDS = {dict: "an object", str: "text", int: "a whole number"}


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
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        _check(board, path.stem)
    except ValueError as error:
        raise UserError(f"{path.name}: {error}") from None
    return board


def _check(board: object, name: str) -> None:
    if not isinstance(board, dict):
        raise ValueError("needs a JSON object")
    if _get(board, "", "name", str) != name:
        raise ValueError(f"name: is {board['name']!r}, the file says {name!r}")
    _get(board, "", "title", str)
    chip = _get(board, "", "chip", str)
    if chip not in CHIPS:
        raise ValueError(f"chip: {chip!r} is none of {', '.join(CHIPS)}")
    _check_flash(_get(board, "", "flash", dict), chip)
    pins: dict[int, str] = {}
    numbers: dict[tuple[str, int], str] = {}
    buses = _get(board, "", "buses", dict)
    for bus_name in buses:
        field = f"buses.{bus_name}"
        bus = _get(buses, "buses", bus_name, dict)
        _check_bus(bus, field, chip, pins)
        if chip == "esp32" and bus["kind"] in NUMBERS:
            _check_number(bus, field, numbers)
    for role in ("led", "button"):
        if role in board:
            _check_pin(_get(board, "", role, dict), role, "pin", role, chip, pins)


def _get(holder: dict, field: str, key: str, kind: type) -> Any:
    """Return holder[key]; ValueError names the field when it is not there, or not of that kind."""
    field = f"{field}.{key}" if field else key
    if key not in holder:
        raise ValueError(f"{field}: is missing")
    value = holder[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{field}: needs {KINDS[kind]}, not {value!r}")
    return value


def _check_flash(flash: dict, chip: str) -> None:
    size = _get(flash, "flash", "size", int)
    partitions = _get(flash, "flash", "partitions", dict)
    for needed in NEEDED[chip]:
        _get(partitions, "flash.partitions", needed, dict)
    places = []
    for name in partitions:
        field = f"flash.partitions.{name}"
        part = _get(partitions, "flash.partitions", name, dict)
        places.append((*_place(part, field), field))
        if chip == "esp32":
            _check_esp32_partition(part, name, field)
    end, before = PARTITIONS_FROM if chip == "esp32" else 0, "the partition table"
    for offset, length, field in sorted(places):
        if offset < end:
            raise ValueError(f"{field}: overlaps {before}")
        end, before = offset + length, field
        if end > size:
            raise ValueError(f"{field}: ends behind the flash of {size} bytes")


def _place(part: dict, field: str) -> tuple[int, int]:
    """Return (offset, size) of a partition, checked one by one."""
    offset, size = _get(part, field, "offset", int), _get(part, field, "size", int)
    if offset % SECTOR or offset < 0:
        raise ValueError(f"{field}.offset: {offset} is not a multiple of {SECTOR}")
    if size % SECTOR or size <= 0:
        raise ValueError(f"{field}.size: {size} is not a multiple of {SECTOR}")
    return offset, size


def _check_esp32_partition(part: dict, name: str, field: str) -> None:
    for key in ("type", "subtype"):
        if not 0 <= _get(part, field, key, int) <= 255:
            raise ValueError(f"{field}.{key}: needs a number from 0 to 255")
    if part["type"] == 0 and part["offset"] % APP_ALIGNMENT:
        raise ValueError(f"{field}.offset: an application begins at a multiple of {APP_ALIGNMENT}")
    if len(name.encode()) > LABEL_MOST:
        raise ValueError(f"{field}: a partition's name has at most {LABEL_MOST} characters")


def _check_bus(bus: dict, field: str, chip: str, pins: dict[int, str]) -> None:
    kind = _get(bus, field, "kind", str)
    if kind not in BUS_PINS:
        raise ValueError(f"{field}.kind: {kind!r} is none of {', '.join(BUS_PINS)}")
    roles = _get(bus, field, "pins", dict)
    if set(roles) != BUS_PINS[kind]:
        needed = ", ".join(sorted(BUS_PINS[kind]))
        raise ValueError(f"{field}.pins: a bus of kind {kind} has exactly {needed}")
    for role in roles:
        _check_pin(roles, f"{field}.pins", role, role, chip, pins)


def _check_number(bus: dict, field: str, numbers: dict[tuple[str, int], str]) -> None:
    kind = bus["kind"]
    number = _get(bus, field, "number", int)
    if number not in NUMBERS[kind]:
        raise ValueError(f"{field}.number: {number} is none of {NUMBERS[kind]}")
    if (kind, number) in numbers:
        raise ValueError(f"{field}.number: {number} is already {numbers[kind, number]}")
    numbers[kind, number] = field


def _check_pin(holder: dict, field: str, key: str, role: str, chip: str, pins: dict) -> None:
    pin = _get(holder, field, key, int)
    field = f"{field}.{key}"
    if pin in pins:
        raise ValueError(f"{field}: pin {pin} is already {pins[pin]}")
    pins[pin] = field
    if chip != "esp32":
        return
    if not 0 <= pin <= PIN_MOST or pin in FLASH_PINS | CONSOLE:
        raise ValueError(f"{field}: the ESP32 has no free pin {pin}")
    if role in DRIVEN and pin in INPUT_ONLY:
        raise ValueError(f"{field}: pin {pin} can only read")
    if role not in ("led", "button") and pin in STRAPPING:
        raise ValueError(f"{field}: pin {pin} decides at reset how the chip starts; use another")
