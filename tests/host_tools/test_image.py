import hashlib
import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from pty_board import SHIMS

from host_tools import boards, build, chips, partitions, stock_image
from host_tools import image as node_image
from host_tools.errors import UserError
from host_tools.practice.stock_file import application, image, stock

NAMES = [name for name in boards.names() if name != "sim"]
CONFIG = {
    "node": "post-17",
    "broker": {"host": "192.0.2.1"},
    "network": {"wifi": [{"ssid": "open"}]},
    "streams": [
        {"name": "air", "period_ms": 2000, "sensors": [{"driver": "sds011", "bus": "uart1"}]}
    ],
}


@pytest.fixture
def micropython(tmp_path):
    """Return a function: the path of a stock file for a chip."""

    def _micropython(chip="esp32", content=None):
        path = tmp_path / f"{chip}.bin"
        path.write_bytes(stock(chip) if content is None else content)
        return path

    return _micropython


def run(made, tmp_path, code, paths=(), most_s=20):
    """Return what `code` prints inside the file system of an image."""
    path = tmp_path / "flash.bin"
    path.write_bytes(made.whole())
    part = made.parts[-1]
    script = Path(__file__).parent / "mounted.py"
    (tmp_path / "inside.py").write_text(code)
    arguments = [path, str(part.offset), str(len(part.data)), tmp_path / "inside.py"]
    result = subprocess.run(
        [*build.micropython("2M"), script, *arguments],
        env={"MICROPYPATH": ":".join([".frozen", *map(str, paths)])},
        capture_output=True,
        text=True,
        timeout=most_s,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_everything_where_the_chip_looks_for_it(name, micropython):
    board = boards.load(name)
    chip = chips.CHIPS[board["chip"]]
    made = node_image.make(board, micropython(board["chip"]))
    flash = made.whole()
    assert made.version == "1.26.1"
    assert flash[chip.bootloader] == 0xE9 and flash[0x10000] == 0xE9
    assert flash[chip.bootloader + 3] >> 4 == {4: 2, 8: 3}[board["flash"]["size"] >> 20]
    assert stock_image._image(flash[chip.bootloader : 0x8000], "it")
    entries = [struct.unpack_from("<2sBBII16sI", flash, 0x8000 + 32 * n) for n in range(7)]
    places = board["flash"]["partitions"]
    assert {entry[5].rstrip(b"\0").decode(): entry[3:5] for entry in entries[:6]} == {
        label: (place["offset"], place["size"]) for label, place in places.items()
    }
    assert [entry[3] for entry in entries[:6]] == sorted(p["offset"] for p in places.values())
    assert flash[0x80D0:0x80E0] == hashlib.md5(flash[0x8000:0x80C0]).digest()
    # What a re-flash must leave alone.
    for kept in ("nvs", "journal", "spool"):
        first, size = places[kept]["offset"], places[kept]["size"]
        assert all(p.offset + len(p.data) <= first or p.offset >= first + size for p in made.parts)
    assert len(flash) == places["vfs"]["offset"] + places["vfs"]["size"]


def test_the_same_input_makes_the_same_bytes(micropython, monkeypatch, tmp_path):
    board = boards.load("esp32_generic")
    first = node_image.make(board, micropython(), CONFIG)
    monkeypatch.setattr(node_image, "BUILD", tmp_path / "compiled afresh")
    assert node_image.make(board, micropython(), dict(reversed(CONFIG.items()))) == first


def test_only_the_drivers_of_the_configuration_are_on_it(micropython):
    board = boards.load("esp32_generic")
    everything = node_image.make(board, micropython())
    some = node_image.make(board, micropython(), CONFIG)
    assert some.drivers == ("sds011",) and {"sds011", "ld2451", "bme280"} <= {*everything.drivers}
    assert some.configured and not everything.configured
    files = node_image.device_files(board, some.drivers)
    assert [name for name in files if name.startswith("drivers/")] == [
        "drivers/sds011.mpy",
    ]


def test_the_interpreter_mounts_it_and_finds_every_file(micropython, tmp_path):
    board = boards.load("esp32_generic")
    made = node_image.make(board, micropython(), CONFIG)
    code = """
import os, json, hashlib, binascii
found = {}
for folder in ("", "gateway/", "drivers/"):
    for name, kind, *_ in os.ilistdir(folder or "."):
        if kind == 0x8000:
            with open(folder + name, "rb") as file:
                found[folder + name] = binascii.hexlify(hashlib.sha256(file.read()).digest())
print(json.dumps(found))
"""
    found = json.loads(run(made, tmp_path, code))
    files = node_image.device_files(board, made.drivers)
    told = found.pop("config.new")
    assert (
        told
        == hashlib.sha256(
            json.dumps(CONFIG, separators=(",", ":"), sort_keys=True).encode()
        ).hexdigest()
    )
    assert found == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert set(json.loads(files["board.json"])) == {"name", "buses", "led", "button"}
    assert all(data[:2] == b"M\x06" for name, data in files.items() if name.endswith(".mpy"))


@pytest.mark.skipif(not build.host_arch(), reason="no machine code for this PC's interpreter")
def test_the_node_starts_from_it_and_takes_rows(micropython, tmp_path, monkeypatch):
    # All as on the chip but its instruction set; `machine` and its like are the test board's.
    monkeypatch.setitem(build.CHIP_ARCH, "esp32", build.host_arch())
    monkeypatch.setattr(build, "ASKED_FOR", build.ASKED_FOR | {"Spool", "put"})
    made = node_image.make(boards.load("esp32_generic"), micropython(), CONFIG)
    code = """
import sys
from gateway.app import Spool
def put(*row):
    print("has taken rows")
    sys.exit(0)
Spool.put = put
open("air.json", "w").write("{}")
exec(open("main.py").read())
"""
    said = run(made, tmp_path, code, (*SHIMS, build.ROOT, build.UMQTT.parent.parent))
    assert "node post-17" in said and "has taken rows" in said, said


REFUSED = [
    (b"", "no image of an ESP32; take the .bin from micropython.org/download"),
    (b"\x7fELF" * 100, "no image of an ESP32"),
    (application(0), "only the application (.app-bin); take the .bin, with the bootloader"),
    (stock("esp32s3"), "it is for ESP32-S3, the board has ESP32"),
    (stock("esp32c6"), "it is for ESP32-C6, the board has ESP32"),
    (stock()[:12] + b"\x63\0" + stock()[14:], "it is for chip id 99, the board has ESP32"),
    (stock()[:10], "is cut short"),
    (stock()[:0x6000], "has no partition table at 0x7000, where one for ESP32 is"),
    (stock()[:0xF000], "has no application at 0xf000; take one without OTA"),
    (stock()[:0xF000] + application(5), "its application is for ESP32-C3, the board has ESP32"),
    (stock()[:-100], "the application is cut short; download the file again"),
    (stock()[:0xF010], "is cut short"),
    (stock(version="v1.23.0 on 2024-06-02"), "is MicroPython 1.23.0; the firmware needs 1.24"),
    (stock(version="none"), "is no MicroPython: no version in it"),
    (
        stock()[:100] + b"\x55" + stock()[101:],
        "the bootloader is damaged (checksum); download the file again",
    ),
    (
        stock()[:4] + b"\x55" + stock()[5:],
        "the bootloader is damaged (SHA-256); download the file again",
    ),
]


@pytest.mark.parametrize("content, said", REFUSED, ids=[said for _, said in REFUSED])
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(micropython, content, said):
    path = micropython(content=content)
    with pytest.raises(UserError) as error:
        node_image.make(boards.load("esp32_generic"), path)
    assert str(error.value).startswith(f"{path}: {said}")


def test_what_follows_the_application_in_the_file_is_left_out(micropython):
    board = boards.load("esp32_generic")
    plain = node_image.make(board, micropython())
    assert node_image.make(board, micropython(content=stock() + b"\xff" * 5000)) == plain


def test_an_image_without_sha256_is_taken_by_its_checksum(micropython):
    part = image(0, b"12345", sha256=False)
    assert stock_image._image(part + b"more", "it") == part
    assert stock_image.sized(part, 8 << 20)[3] >> 4 == 3


def test_what_does_not_fit_is_refused(micropython):
    board = boards.load("esp32_generic")
    small = {**board, "flash": json.loads(json.dumps(board["flash"]))}
    small["flash"]["partitions"]["factory"]["size"] = 4096
    with pytest.raises(UserError, match=r"its application has \d+ bytes, partition factory of boa"):
        node_image.make(small, micropython())
    small = {**board, "flash": json.loads(json.dumps(board["flash"]))}
    small["flash"]["partitions"]["vfs"]["size"] = 16 * 4096
    with pytest.raises(UserError, match=r"\d+ files of \d+ bytes do not fit into the 65536 of par"):
        node_image.make(small, micropython())


def test_a_configuration_that_the_node_would_refuse_is_refused(micropython):
    board = boards.load("esp32_generic")
    wrong = {**CONFIG, "node": "Post 17"}
    with pytest.raises(UserError, match="configuration: node: 'Post 17' has 'P' in it"):
        node_image.make(board, micropython(), wrong)
    with pytest.raises(UserError, match="board sim is simulated; there is nothing to flash"):
        node_image.make(boards.load("sim"), micropython())
    secret = {**CONFIG, "network": {"wifi": [{"ssid": "city", "password": "hush-hush"}]}}
    with pytest.raises(UserError) as error:
        node_image.make(board, micropython(), secret)
    assert str(error.value) == "configuration: holds a password; no image does"
    assert b"hush" not in node_image.make(board, micropython(), secret, False).whole()
    assert os.listdir(node_image.BUILD)


def test_the_table_is_the_stock_tools_table():
    # Made by ESP-IDF's gen_esp32part.py; it stands in the stock image of MicroPython 1.24.1.
    stock_table = {
        "nvs": {"type": 1, "subtype": 2, "offset": 0x9000, "size": 0x6000},
        "phy_init": {"type": 1, "subtype": 1, "offset": 0xF000, "size": 0x1000},
        "factory": {"type": 0, "subtype": 0, "offset": 0x10000, "size": 0x1F0000},
        "vfs": {"type": 1, "subtype": 129, "offset": 0x200000, "size": 0x200000},
    }
    made = partitions.table(stock_table)
    assert made[144:160].hex() == "fcbb2b925747711e3b24bc188f657bac"
    assert len(made) == 4096 and set(made[160:]) == {0xFF}
