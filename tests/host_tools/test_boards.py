import copy
import json

import pytest

from host_tools import boards
from host_tools.errors import UserError

GOOD = boards.load("esp32_generic")
REMOVE = object()
OPTIONAL = {
    "flash.partitions.phy_init",
    "led",
    "button",
    "buses.uart1",
    "buses.uart2",
    "buses.i2c0",
}
HARMLESS = [("title", "x"), ("buses", {})]


@pytest.fixture
def refuse(tmp_path):
    """Return a function: the message with which GOOD is refused when one field of it is changed."""

    def _refuse(field, value):
        board = changed(GOOD, field, value)
        path = tmp_path / "esp32_generic.json"
        path.write_text(json.dumps(board))
        with pytest.raises(UserError) as error:
            boards.read(path)
        message = str(error.value)
        assert message.startswith("esp32_generic.json: ") and "\n" not in message
        return message.removeprefix("esp32_generic.json: ")

    return _refuse


def changed(board, field, value):
    """Return a copy of a board in which one field, given by its path, is another."""
    board = copy.deepcopy(board)
    *path, last = field.split(".")
    holder = board
    for key in path:
        holder = holder[key]
    if value is REMOVE:
        del holder[last]
    else:
        holder[last] = value
    return board


def fields(value, path=()):
    """Yield (path, value) of everything in a board."""
    for key in value:
        yield ".".join((*path, key)), value[key]
        if isinstance(value[key], dict):
            yield from fields(value[key], (*path, key))


def test_every_board_there_is_can_be_loaded():
    assert {"sim", "esp32_generic"} <= set(boards.names())
    for name in boards.names():
        assert boards.load(name)["name"] == name


def test_a_board_that_is_not_there_is_refused_with_those_that_are():
    for name in ("nothing", "", "../boards/sim", "sim.json"):
        with pytest.raises(UserError, match="there are esp32_generic, sim"):
            boards.load(name)


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("name", "other", "name: is 'other', the file says 'esp32_generic'"),
        ("chip", "z80", "chip: 'z80' is none of twin, esp32"),
        ("flash.size", 0x200000, "flash.partitions.vfs: ends behind the flash of 2097152 bytes"),
        ("flash.partitions.spool", REMOVE, "flash.partitions.spool: is missing"),
        ("flash.partitions.nvs", REMOVE, "flash.partitions.nvs: is missing"),
        (
            "flash.partitions.journal.offset",
            0x200000,
            "flash.partitions.vfs: overlaps flash.partitions.journal",
        ),
        (
            "flash.partitions.nvs.offset",
            0x8000,
            "flash.partitions.nvs: overlaps the partition table",
        ),
        (
            "flash.partitions.spool.offset",
            3145729,
            "flash.partitions.spool.offset: 3145729 is not a multiple of 4096",
        ),
        ("flash.partitions.spool.offset", -4096, "flash.partitions.spool.offset: -4096 is not"),
        ("flash.partitions.spool.size", 0, "flash.partitions.spool.size: 0 is not"),
        ("flash.partitions.spool.size", -4096, "flash.partitions.spool.size: -4096 is not"),
        ("flash.partitions.spool.type", 256, "flash.partitions.spool.type: needs a number from 0"),
        ("flash.partitions.factory.offset", 0x11000, "flash.partitions.factory.offset: an appl"),
        (
            "flash.partitions.a_name_of_17_char",
            {"type": 66, "subtype": 0, "offset": 0x3FF000, "size": 4096},
            "flash.partitions.a_name_of_17_char: a partition's name has at most 16",
        ),
        ("buses.uart1.kind", "spi", "buses.uart1.kind: 'spi' is none of uart, i2c, pulse"),
        ("buses.uart1.pins.rx", REMOVE, "buses.uart1.pins: a bus of kind uart has exactly rx, tx"),
        ("buses.uart1.pins.cts", 4, "buses.uart1.pins: a bus of kind uart has exactly rx, tx"),
        ("buses.i2c0.kind", "uart", "buses.i2c0.pins: a bus of kind uart has exactly rx, tx"),
        (
            "buses.uart2.pins.tx",
            17,
            "buses.uart2.pins.tx: pin 17 is already buses.uart1.pins.tx",
        ),
        ("button.pin", 21, "button.pin: pin 21 is already buses.i2c0.pins.sda"),
        ("buses.uart2.pins.tx", 34, "buses.uart2.pins.tx: pin 34 can only read"),
        ("buses.i2c0.pins.scl", 39, "buses.i2c0.pins.scl: pin 39 can only read"),
        ("led.pin", 35, "led.pin: pin 35 can only read"),
        ("buses.uart2.pins.rx", 6, "buses.uart2.pins.rx: the ESP32 has no free pin 6"),
        ("buses.uart2.pins.rx", 3, "buses.uart2.pins.rx: the ESP32 has no free pin 3"),
        ("buses.uart2.pins.rx", 40, "buses.uart2.pins.rx: the ESP32 has no free pin 40"),
        ("buses.uart2.pins.rx", -1, "buses.uart2.pins.rx: the ESP32 has no free pin -1"),
        ("buses.uart2.pins.rx", 12, "buses.uart2.pins.rx: pin 12 decides at reset"),
        ("buses.uart2.number", 1, "buses.uart2.number: 1 is already buses.uart1"),
        ("buses.uart2.number", 0, "buses.uart2.number: 0 is none of (1, 2)"),
        ("buses.i2c0.number", 2, "buses.i2c0.number: 2 is none of (0, 1)"),
    ],
)
def test_an_impossible_board_is_refused_with_the_field(refuse, field, value, said):
    assert refuse(field, value).startswith(said)


def test_pins_that_can_only_read_may_read():
    assert boards._check(changed(GOOD, "buses.uart2.pins.rx", 34), "esp32_generic") is None
    assert boards._check(changed(GOOD, "button.pin", 36), "esp32_generic") is None


@pytest.mark.parametrize(
    "junk",
    [None, [], {}, "x", 1.5, True, pytest.param(REMOVE, id="nothing")],
    ids=str,
)
def test_junk_in_any_field_is_refused_by_that_fields_name(refuse, junk):
    for field, _ in fields(GOOD):
        if (junk is REMOVE and field in OPTIONAL) or (field, junk) in HARMLESS:
            continue
        message = refuse(field, junk)
        named = message.split(":")[0]
        # Of an empty object the first thing missing is named; of a missing pin, the bus's pins.
        assert named.startswith(field) or field.startswith(named), (field, message)


def test_a_file_that_is_no_board_is_refused(tmp_path):
    path = tmp_path / "odd.json"
    for text in (b"", b"{", b"\xff\xfe", b"[]", b"null", b'"odd"', b"7"):
        path.write_bytes(text)
        with pytest.raises(UserError, match=r"odd\.json: (not JSON|needs a JSON object)"):
            boards.read(path)
    with pytest.raises(UserError, match=r"none\.json"):
        boards.read(tmp_path / "none.json")
