"""Boards are data: one JSON file each in `boards/`, checked before anything is built from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from host_tools import build, chips
from host_tools.errors import UserError
from host_tools.pins import Pins

FOLDER = build.ROOT / "boards"
SECTOR = 4096
CHIPS = ("twin", *chips.CHIPS)
KEYS = {
    "name",
    "title",
    "source",
    "chip",
    "psram",
    "flash",
    "buses",
    "led",
    "button",
    "ethernet",
    "lte",
}
BUS_PINS = {
    "uart": {"tx", "rx"},
    "i2c": {"sda", "scl"},
    "pulse": {"in"},
    "adc": {"in"},
    "i2s": {"sck", "ws", "sd"},
}
# What a chip's flash must hold, and as what: (type, subtype) as ESP-IDF numbers them; the last two
# are types of our own, so that nothing else takes them for its own (hal_esp32.py finds them so).
NEEDED = {
    "nvs": (1, 2),
    "factory": (0, 0),
    "vfs": (1, 129),
    "journal": (0x40, 0),
    "spool": (0x41, 0),
}
TWIN_NEEDED = ("journal", "spool")
# ESP-IDF: the partition table fills the sector at 0x8000, an application begins at a multiple of
# 64 KiB, a label has at most 16 characters, a flash one of these sizes.
PARTITIONS_FROM = 0x9000
APP_ALIGNMENT = 0x10000
LABEL_MOST = 16
SIZES = tuple(mib << 20 for mib in (1, 2, 4, 8, 16, 32))
# What stock MicroPython knows (ports/esp32/network_lan.c).
PHYS = ("LAN8710", "LAN8720", "IP101", "RTL8201", "DP83848", "KSZ8041", "KSZ8081")
ADDRESS_MOST = 31
KINDS = {dict: "an object", list: "a list", str: "text", int: "a whole number", bool: "yes or no"}


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
    for key in board:
        if key not in KEYS:
            raise ValueError(f"{key}: is none of {', '.join(sorted(KEYS))}")
    if _get(board, "", "chip", str) not in CHIPS:
        raise ValueError(f"chip: {board['chip']!r} is none of {', '.join(CHIPS)}")
    chip = chips.CHIPS.get(board["chip"])
    _check_flash(_get(board, "", "flash", dict), chip)
    buses = _get(board, "", "buses", dict)
    shares = {bus: _shares(buses, bus) for bus in buses}
    psram = "psram" in board and _get(board, "", "psram", bool)
    pins = Pins(chip, psram, "ethernet" in board, shares)
    numbers: dict[tuple[str, int], str] = {}
    # What the board's maker has wired comes first: it is not what to change.
    if "ethernet" in board:
        _check_ethernet(_get(board, "", "ethernet", dict), chip, pins)
    if "lte" in board:
        _check_lte(_get(board, "", "lte", dict), chip, pins, numbers)
    if "led" in board:
        _check_led(_get(board, "", "led", dict), pins)
    if "button" in board:
        _check_button(_get(board, "", "button", dict), pins)
    for bus in buses:
        _check_bus(_get(buses, "buses", bus, dict), bus, chip, pins, numbers)


def _get(holder: dict, field: str, key: str, kind: type) -> Any:
    """Return holder[key]; ValueError names the field when it is not there, or not of that kind."""
    field = f"{field}.{key}" if field else key
    if key not in holder:
        raise ValueError(f"{field}: is missing")
    value = holder[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{field}: needs {KINDS[kind]}, not {value!r}")
    return value


def _one_of(holder: dict, field: str, key: str, kind: type, known: Any) -> Any:
    """Return holder[key]; ValueError when it is none of what is known."""
    value = _get(holder, field, key, kind)
    if value not in known:
        raise ValueError(f"{field}.{key}: {value!r} is none of {', '.join(map(str, known))}")
    return value


# Flash


def _check_flash(flash: dict, chip: chips.Chip | None) -> None:
    size = _get(flash, "flash", "size", int)
    if chip and size not in SIZES:
        raise ValueError(f"flash.size: {size} bytes is none of 1, 2, 4, 8, 16, 32 MiB")
    partitions = _get(flash, "flash", "partitions", dict)
    for needed in NEEDED if chip else TWIN_NEEDED:
        _get(partitions, "flash.partitions", needed, dict)
    places = []
    for name in partitions:
        field = f"flash.partitions.{name}"
        part = _get(partitions, "flash.partitions", name, dict)
        places.append((*_place(part, field), field))
        if chip:
            _check_chip_partition(part, name, field)
    end, before = PARTITIONS_FROM if chip else 0, "the partition table"
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


def _check_chip_partition(part: dict, name: str, field: str) -> None:
    for place, key in enumerate(("type", "subtype")):
        value = _get(part, field, key, int)
        if not 0 <= value <= 255:
            raise ValueError(f"{field}.{key}: needs a number from 0 to 255")
        if name in NEEDED and value != NEEDED[name][place]:
            raise ValueError(f"{field}.{key}: is {value}, {name} has {NEEDED[name][place]}")
    if part["type"] == 0 and part["offset"] % APP_ALIGNMENT:
        raise ValueError(f"{field}.offset: an application begins at a multiple of {APP_ALIGNMENT}")
    if len(name.encode()) > LABEL_MOST:
        raise ValueError(f"{field}: a partition's name has at most {LABEL_MOST} characters")


# Pins


def _shares(buses: dict, name: str) -> list:
    """Return the buses with which this one says that it shares pins."""
    bus = _get(buses, "buses", name, dict)
    shares = _get(bus, f"buses.{name}", "shares", list) if "shares" in bus else []
    for other in shares:
        if other not in buses or other == name:
            raise ValueError(f"buses.{name}.shares: {other!r} is no other bus")
    return shares


def _check_bus(bus: dict, name: str, chip, pins: Pins, numbers: dict) -> None:
    field = f"buses.{name}"
    kind = _one_of(bus, field, "kind", str, BUS_PINS)
    roles = _get(bus, field, "pins", dict)
    if set(roles) != BUS_PINS[kind]:
        needed = ", ".join(sorted(BUS_PINS[kind]))
        raise ValueError(f"{field}.pins: a bus of kind {kind} has exactly {needed}")
    _claim(roles, f"{field}.pins", name, pins, kind)
    if chip and kind in ("uart", "i2c", "i2s"):
        _check_number(bus, field, kind, chip, numbers)


def _check_number(bus: dict, field: str, kind: str, chip: chips.Chip, numbers: dict) -> None:
    known = {"uart": chip.uarts, "i2c": chip.i2cs, "i2s": chip.i2ss}[kind]
    number = _one_of(bus, field, "number", int, known)
    if (kind, number) in numbers:
        raise ValueError(f"{field}.number: {number} is already {numbers[kind, number]}")
    numbers[kind, number] = field


def _claim(roles: dict, field: str, owner: str, pins: Pins, kind: str = "") -> None:
    for role in roles:
        pins.claim(_get(roles, field, role, int), f"{field}.{role}", owner, role, kind)


def _check_led(led: dict, pins: Pins) -> None:
    if "kind" in led:
        _one_of(led, "led", "kind", str, ("ws2812",))
    if "on" in led:
        _one_of(led, "led", "on", int, (0, 1))
    pins.claim(_get(led, "led", "pin", int), "led.pin", "led", "led")


def _check_button(button: dict, pins: Pins) -> None:
    pins.claim(_get(button, "button", "pin", int), "button.pin", "button", "button")


def _check_ethernet(ethernet: dict, chip: chips.Chip | None, pins: Pins) -> None:
    if chip and not chip.rmii:
        raise ValueError(f"ethernet: the {chip.title} has none of its own")
    _one_of(ethernet, "ethernet", "phy", str, PHYS)
    if not 0 <= _get(ethernet, "ethernet", "address", int) <= ADDRESS_MOST:
        raise ValueError(f"ethernet.address: needs a number from 0 to {ADDRESS_MOST}")
    _one_of(ethernet, "ethernet", "clock", str, ("in", "out"))
    roles = _get(ethernet, "ethernet", "pins", dict)
    needed = {"mdc", "mdio", "clock"}
    if not needed <= set(roles) <= needed | {"power", "reset"}:
        raise ValueError("ethernet.pins: are mdc, mdio, clock, and power or reset if there are any")
    _claim(roles, "ethernet.pins", "ethernet", pins)


def _check_lte(lte: dict, chip: chips.Chip | None, pins: Pins, numbers: dict) -> None:
    _get(lte, "lte", "modem", str)
    for key in ("baudrate", "press_ms"):
        if _get(lte, "lte", key, int) <= 0:
            raise ValueError(f"lte.{key}: needs a number above 0")
    roles = _get(lte, "lte", "pins", dict)
    if set(roles) != {"tx", "rx", "power_key"}:
        raise ValueError("lte.pins: a modem has exactly power_key, rx, tx")
    _claim(roles, "lte.pins", "lte", pins)
    if chip:
        _check_number(lte, "lte", "uart", chip, numbers)
