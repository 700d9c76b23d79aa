import copy
import json

import pytest

from host_tools import boards, build, chips
from host_tools.errors import UserError

GOOD = boards.load("esp32_generic")
SHARED = {"kind": "i2c", "number": 1, "pins": {"sda": 26, "scl": 25}, "shares": ["uart2"]}
ALL = [name for name in boards.names() if name != "sim"]
REMOVE = object()
OPTIONAL = {
    "flash.partitions.phy_init",
    "led",
    "button",
    "buses.uart1",
    "buses.uart2",
    "buses.i2c0",
    "buses.i2s0",
    *(f"buses.pulse{i}" for i in range(1, 5)),
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
        with pytest.raises(UserError, match=r"there are esp32_generic, .*, sim"):
            boards.load(name)


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("colour", "red", "colour: is none of buses, button, chip"),
        ("psram", 1, "psram: needs yes or no, not 1"),
        ("name", "other", "name: is 'other', the file says 'esp32_generic'"),
        ("chip", "z80", "chip: 'z80' is none of twin, esp32"),
        ("flash.size", 0x300000, "flash.size: 3145728 bytes is none of 1, 2, 4, 8"),
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
        ("flash.partitions.spool.type", 64, "flash.partitions.spool.type: is 64, spool has 65"),
        ("flash.partitions.vfs.subtype", 2, "flash.partitions.vfs.subtype: is 2, vfs has 129"),
        ("flash.partitions.factory.offset", 0x11000, "flash.partitions.factory.offset: an appl"),
        (
            "flash.partitions.a_name_of_17_char",
            {"type": 66, "subtype": 0, "offset": 0x3FF000, "size": 4096},
            "flash.partitions.a_name_of_17_char: a partition's name has at most 16",
        ),
        ("buses.uart1.kind", "spi", "buses.uart1.kind: 'spi' is none of uart, i2c, pulse, adc"),
        ("buses.uart1.pins.rx", REMOVE, "buses.uart1.pins: a bus of kind uart has exactly rx, tx"),
        ("buses.uart1.pins.cts", 4, "buses.uart1.pins: a bus of kind uart has exactly rx, tx"),
        ("buses.i2c0.kind", "uart", "buses.i2c0.pins: a bus of kind uart has exactly rx, tx"),
        (
            "buses.uart2.pins.tx",
            17,
            "buses.uart2.pins.tx: pin 17 is already buses.uart1.pins.tx",
        ),
        ("button.pin", 21, "buses.i2c0.pins.sda: pin 21 is already button.pin"),
        ("buses.uart2.pins.tx", 34, "buses.uart2.pins.tx: pin 34 can only read"),
        ("buses.i2c0.pins.scl", 39, "buses.i2c0.pins.scl: pin 39 can only read"),
        ("led.pin", 35, "led.pin: pin 35 can only read"),
        ("buses.uart2.pins.rx", 6, "buses.uart2.pins.rx: pin 6 belongs to the flash"),
        ("buses.uart2.pins.rx", 3, "buses.uart2.pins.rx: pin 3 is the console"),
        ("buses.uart2.pins.rx", 40, "buses.uart2.pins.rx: the ESP32 has no pin 40"),
        ("buses.uart2.pins.rx", -1, "buses.uart2.pins.rx: the ESP32 has no pin -1"),
        ("buses.uart2.pins.rx", 12, "buses.uart2.pins.rx: pin 12 decides at reset"),
        ("psram", True, "buses.uart1.pins.tx: pin 17 belongs to the PSRAM"),
        ("led.on", 2, "led.on: 2 is none of 0, 1"),
        ("led.kind", "neon", "led.kind: 'neon' is none of ws2812"),
        ("buses.uart2.number", 1, "buses.uart2.number: 1 is already buses.uart1"),
        ("buses.uart2.number", 0, "buses.uart2.number: 0 is none of 1, 2"),
        ("buses.i2c0.number", 2, "buses.i2c0.number: 2 is none of 0, 1"),
    ],
)
def test_an_impossible_board_is_refused_with_the_field(refuse, field, value, said):
    assert refuse(field, value).startswith(said)


def test_pins_that_can_only_read_may_read():
    assert boards._check(changed(GOOD, "buses.uart2.pins.rx", 34), "esp32_generic") is None
    assert boards._check(changed(GOOD, "button.pin", 36), "esp32_generic") is None


def test_one_pin_may_serve_two_buses_that_say_so(refuse):
    board = changed(GOOD, "buses.i2c1", SHARED)
    boards._check(board, "esp32_generic")
    alone = {key: value for key, value in SHARED.items() if key != "shares"}
    assert refuse("buses.i2c1", alone).startswith(
        "buses.i2c1.pins.sda: pin 26 is already buses.uart2.pins.tx"
    )
    for other in ("spi0", "i2c1", 7):
        message = refuse("buses.i2c1", {**SHARED, "shares": [other]})
        assert message == f"buses.i2c1.shares: {other!r} is no other bus"


@pytest.mark.parametrize(
    "name, kind, pin, said",
    [
        ("esp32_generic", "adc", 13, "belongs to ADC2, which Wi-Fi needs; use one of ADC1"),
        ("esp32_generic", "adc", 18, "measures no voltage; use one of ADC1"),
        ("esp32_generic", "adc", 34, ""),
        ("esp32_generic", "pulse", 34, ""),
        ("esp32_generic", "pulse", 24, "the ESP32 has no pin 24"),
        ("esp32s3_generic", "adc", 11, "belongs to ADC2"),
        ("esp32s3_generic", "adc", 1, ""),
        ("esp32s3_generic", "pulse", 45, "decides at reset how the chip starts"),
        ("esp32s3_generic", "pulse", 30, "belongs to the flash"),
        ("esp32s3_generic", "pulse", 35, "belongs to the PSRAM"),
        ("esp32s3_generic", "pulse", 19, "is USB"),
        ("esp32s3_generic", "pulse", 43, "is the console"),
        ("esp32s3_generic", "pulse", 23, "the ESP32-S3 has no pin 23"),
        ("esp32c3_generic", "pulse", 2, "decides at reset how the chip starts"),
        ("esp32c3_generic", "pulse", 12, "belongs to the flash"),
        ("esp32c3_generic", "pulse", 18, "is USB"),
        ("esp32c3_generic", "adc", 10, "measures no voltage"),
        ("esp32c3_generic", "pulse", 22, "the ESP32-C3 has no pin 22"),
        ("esp32c6_generic", "pulse", 15, "decides at reset how the chip starts"),
        ("esp32c6_generic", "pulse", 24, "belongs to the flash"),
        ("esp32c6_generic", "pulse", 13, "is USB"),
        ("esp32c6_generic", "adc", 0, ""),
        ("olimex_esp32_poe", "pulse", 21, "belongs to Ethernet"),
        ("olimex_esp32_poe", "pulse", 17, "is already ethernet.pins.clock"),
        ("lilygo_t_sim7000g", "pulse", 16, "belongs to the PSRAM"),
        ("lilygo_t_sim7000g", "pulse", 27, "is already lte.pins.tx"),
    ],
)
def test_every_chip_has_its_own_rules_for_pins(name, kind, pin, said):
    board = changed(boards.load(name), "buses.x", {"kind": kind, "pins": {"in": pin}})
    if not said:
        return boards._check(board, name)
    with pytest.raises(ValueError, match=f"buses.x.pins.in: .*{said}"):
        boards._check(board, name)


@pytest.mark.parametrize(
    "name, field, value, said",
    [
        ("esp32c3_generic", "buses.uart1.number", 2, "buses.uart1.number: 2 is none of 1"),
        ("olimex_esp32_poe", "chip", "esp32c3", "ethernet: the ESP32-C3 has none of its own"),
        ("olimex_esp32_poe", "ethernet.phy", "W5500", "ethernet.phy: 'W5500' is none of LAN8710"),
        ("olimex_esp32_poe", "ethernet.clock", "up", "ethernet.clock: 'up' is none of in, out"),
        ("olimex_esp32_poe", "ethernet.address", 32, "ethernet.address: needs a number from 0 to"),
        ("olimex_esp32_poe", "ethernet.pins.mdc", 36, "ethernet.pins.mdc: pin 36 can only read"),
        ("olimex_esp32_poe", "ethernet.pins.mdc", REMOVE, "ethernet.pins: are mdc, mdio, clock"),
        ("olimex_esp32_poe", "ethernet.pins.wake", 14, "ethernet.pins: are mdc, mdio, clock"),
        ("lilygo_t_sim7000g", "lte.number", 2, "buses.uart2.number: 2 is already lte"),
        ("lilygo_t_sim7000g", "lte.baudrate", 0, "lte.baudrate: needs a number above 0"),
        ("lilygo_t_sim7000g", "lte.pins.power_key", 39, "lte.pins.power_key: pin 39 can only"),
        ("lilygo_t_sim7000g", "lte.pins.rx", REMOVE, "lte.pins: a modem has exactly power_key"),
    ],
)
def test_impossible_networks_are_refused_with_the_field(name, field, value, said):
    with pytest.raises(ValueError) as error:
        boards._check(changed(boards.load(name), field, value), name)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("name", ALL)
def test_every_board_has_room_for_what_it_needs(name):
    places = boards.load(name)["flash"]["partitions"]
    # 60 days of 8 channels need 1 MiB; stock applications have grown to 1.75 MB.
    assert places["spool"]["size"] >= 1 << 20 and places["factory"]["size"] >= 1_900_000
    # What is flashed from 0 ends before what is to survive it.
    assert places["vfs"]["offset"] < places["journal"]["offset"] < places["spool"]["offset"]


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


def spans(pins):
    """Return pins as the page writes them: single numbers and first–last."""
    found = []
    for pin in sorted(pins):
        if found and found[-1][1] == pin - 1 and pin - 1 in pins:
            found[-1][1] = pin
        else:
            found.append([pin, pin])
    return ", ".join(
        f"{first}–{last}" if last > first + 1 else ", ".join(map(str, sorted({first, last})))
        for first, last in found
    )


def test_the_page_says_what_the_rules_are():
    page = (build.ROOT / "docs" / "boards.md").read_text()
    known = chips.CHIPS.values()
    rows = {
        "wired to the flash": [spans(chip.flash) for chip in known],
        "with `psram`": [spans(chip.psram) for chip in known],
        "the console": [spans(chip.console) for chip in known],
        "USB": [spans(chip.usb) for chip in known],
        "with `ethernet`": [spans(chip.rmii) or "none" for chip in known],
        "can only read": [spans(chip.input_only) for chip in known],
        "says at reset how the chip starts; not on a bus": [spans(c.strapping) for c in known],
        "measures a voltage (`adc`)": [spans(chip.adc1) for chip in known],
        "belongs to ADC2, which Wi-Fi needs": [spans(chip.adc2) for chip in known],
        "UARTs, I²C controllers": [
            "; ".join(", ".join(map(str, numbers)) for numbers in (chip.uarts, chip.i2cs))
            for chip in known
        ],
    }
    assert "| | " + " | ".join(chip.title for chip in known) + " |" in page
    for what, cells in rows.items():
        line = f"| {what} | " + " | ".join(cells) + " |"
        assert line.replace("  ", " ") in page.replace("|  |", "| |"), line
    for name in ALL:
        assert f"| `{name}` |" in page
