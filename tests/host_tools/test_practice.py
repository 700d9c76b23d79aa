import hashlib
import json
import os
import subprocess
import sys

import pytest
from flashed import esptool, node_image

from host_tools.practice import pty_board
from host_tools.practice.board import Faults, PracticeBoard
from host_tools.practice.rom import CHIPS, Rom, framed
from host_tools.serial_node import SerialNode

MAC = "02:00:00:00:00:2a"
DATA = hashlib.sha256(b"some").digest() * 3000


@pytest.fixture
def some(tmp_path):
    path = tmp_path / "some.bin"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("stub", [(), ("--no-stub",)], ids=["stub", "ROM only"])
def test_real_esptool_writes_verifies_and_reads_back(tmp_path, some, stub):
    with PracticeBoard(tmp_path / "board", MAC) as board:
        code, said = esptool(board.port, *stub, "write-flash", "0x20000", some)
        assert code == 0 and "Hash of data verified" in said and MAC in said, said
        assert board.flash[0x20000 : 0x20000 + len(DATA)] == DATA
        assert board.flash[:0x20000].count(0xFF) == 0x20000
        back = tmp_path / "back.bin"
        code, said = esptool(board.port, *stub, "read-flash", "0x20000", "8192", back)
        assert code == 0 and back.read_bytes() == DATA[:8192], said


@pytest.fixture
def processes(monkeypatch):
    """The processes of boards, as they are started."""
    started = []
    popen = subprocess.Popen

    def noting(*arguments, **more):
        started.append(popen(*arguments, **more))
        return started[-1]

    monkeypatch.setattr(pty_board.subprocess, "Popen", noting)
    return started


def test_no_process_is_left_of_a_board_that_could_not_start(tmp_path, processes, monkeypatch):
    def fails(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pty_board.threading.Thread, "start", fails)
    with pytest.raises(RuntimeError), pty_board.PtyBoard(tmp_path):
        pass
    assert len(processes) == 1 and processes[0].poll() is not None


def test_a_board_that_has_ended_starts_no_process(tmp_path, processes):
    with pty_board.PtyBoard(tmp_path) as board:
        assert processes[0].poll() is None
    # Its thread may just have seen that the node has reset.
    board._boot()
    assert len(processes) == 1 and processes[0].poll() is not None


@pytest.mark.parametrize("chip", sorted(CHIPS))
def test_each_chip_says_what_it_is(tmp_path, chip):
    with PracticeBoard(tmp_path / "board", MAC, chip, 8 << 20) as board:
        code, said = esptool(board.port, "flash-id", chip="auto")
    assert code == 0 and f"Connected to {CHIPS[chip].title} on" in said, said
    assert MAC in said and "Detected flash size: 8MB" in said


@pytest.mark.slow(12)
def test_what_is_flashed_is_read_back_and_starts_and_answers_mpremote(tmp_path):
    image, made = node_image(tmp_path)
    with PracticeBoard(tmp_path / "board", MAC) as board:
        assert b"invalid header" in board.said and board.boots == 0
        code, said = esptool(board.port, "write-flash", "0x1000", _from(image, 0x1000))
        assert code == 0, said
        with SerialNode(board.port) as node:
            report = node.health()
            assert report["board"] == "esp32_generic" and report["configuration"] == "none"
            node.interrupt()
            assert json.loads(node.get_file("board.json"))["name"] == "esp32_generic"
            node.put_secret("secrets_a", b"hush")
            node.put_file("note", b"kept")
        assert b"hush" not in board.said
        # Everything but the erased rest of the application's partition.
        vfs = made.board["flash"]["partitions"]["vfs"]
        first, second = tmp_path / "first.bin", tmp_path / "second.bin"
        for path, where in ((first, (0, 0x20000)), (second, (vfs["offset"], vfs["size"]))):
            code, said = esptool(board.port, "read-flash", *map(hex, where), path)
            assert code == 0, said
    back = first.read_bytes().ljust(vfs["offset"], b"\xff") + second.read_bytes()
    for part in made.parts[:-1]:
        assert back[part.offset :][: len(part.data)] == part.data, part.name
    # Another board with that memory is the same node.
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "flash.bin").write_bytes(back.ljust(4 << 20, b"\xff"))
    with PracticeBoard(tmp_path / "twin", MAC) as board:
        with SerialNode(board.port) as node:
            assert node.health()["board"] == "esp32_generic"
            node.interrupt()
            assert node.get_file("note") == b"kept"
            node.run("import json", "begin")
            secret = node.run(
                "from gateway.hal_esp32 import Store\nprint(Store().get('secrets_a'))", "read"
            )
            assert "b'hush'" in secret
        assert "boot.py" in _mpremote(board.port, "fs", "ls", ":")
        assert _mpremote(board.port, "fs", "cat", ":note") == "kept"


def _mpremote(port, *arguments):
    """Return what the real mpremote prints; a pty takes no soft reset."""
    command = [sys.executable, "-m", "mpremote", "connect", port, "resume", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _from(image, offset):
    path = image.with_suffix(".part")
    path.write_bytes(image.read_bytes()[offset:])
    return path


FAULTY = [
    ({"faults": Faults(silent=True)}, 0x10000, "Failed to connect"),
    ({"faults": Faults(flips_at=0)}, 0x10000, "MD5 of file does not match"),
    ({"faults": Faults(unplugged_at=50)}, 0x10000, "serial exception error occurred: [Errno 2]"),
    ({"faults": Faults(secure=True)}, 0x1000, "Secure Boot V1 detected"),
    ({"chip": "esp32s3"}, 0x10000, "This chip is ESP32-S3, not ESP32"),
    ({"size": 1 << 20}, 0xF0000, "will not fit in 1048576 bytes of flash"),
]


@pytest.mark.parametrize("about, offset, sentence", FAULTY, ids=[row[2] for row in FAULTY])
def test_a_faulty_board_fails_as_a_real_one(tmp_path, some, about, offset, sentence):
    with PracticeBoard(tmp_path / "board", MAC, **about) as board:
        code, said = esptool(board.port, "write-flash", hex(offset), some)
    assert code and sentence in said, said


def test_rubbish_before_its_first_answers_is_got_over(tmp_path):
    with PracticeBoard(tmp_path / "board", MAC, faults=Faults(noisy=2)) as board:
        code, said = esptool(board.port, "--connect-attempts", "7", "read-mac")
    assert code == 0 and MAC in said, said


def test_the_loader_survives_what_no_tool_would_send():
    rom = Rom("esp32", bytes(6), bytearray(b"\xff" * 8192))
    for data in (b"\xc0" * 9, os.urandom(3000), b"\xc0\0\x09\x04\0\0\0\0\0\0\0\0\0\xc0", b"\xc0"):
        assert isinstance(rom.take(data), bytes)
    sync = framed(b"\0\x08\x24\0" + bytes(4 + 36))
    assert rom.take(sync)[:4] == b"\xc0\x01\x08\x04"
    for at in range(len(sync)):
        assert not rom.is_foreign(sync[at:]), at
        rom.take(sync[at : at + 1])
    assert rom.is_foreign(b"health\r")
