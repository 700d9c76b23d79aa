import contextlib
import fcntl
import os
import pty
import subprocess
import sys
import termios
import threading
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from flashed import node_image

from host_tools import cli
from host_tools.errors import UserError
from host_tools.practice.board import Faults, PracticeBoard
from host_tools.serial_node import SerialNode
from host_tools.workshop import image_file, inventory, ports, writer
from host_tools.workshop.bench import Bench
from host_tools.workshop.tray import Board, Tray


def kista(*arguments):
    """Return (exit code, output) of one command."""
    result = CliRunner().invoke(cli.kista, [str(one) for one in arguments], standalone_mode=False)
    if isinstance(result.exception, UserError):
        return 1, str(result.exception)
    if result.exception:
        raise result.exception
    return result.return_value or 0, result.output


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return node_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def hasty(tmp_path, monkeypatch):
    """esptool that waits for no chip as long as for a real one."""
    path = tmp_path / "esptool.cfg"
    path.write_text("[esptool]\ntimeout = 1\nconnect_attempts = 1\nwrite_block_attempts = 1\n")
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(path))


@contextlib.contextmanager
def tray_of(folder, *abouts):
    """Yield practice boards, each with a MAC address of its own."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(PracticeBoard(folder / f"b{n}", f"02:00:00:00:00:{n:02x}", **about))
            for n, about in enumerate(abouts)
        ]


TRAY = [
    ({}, "runs firmware 0.1.0"),
    ({"chip": "esp32c3"}, "has an ESP32-C3, the image is for an ESP32; take the image of its"),
    ({}, "runs firmware 0.1.0"),
    ({"faults": Faults(dies_after=40_000)}, "stopped answering at "),
    ({"faults": Faults(noisy=2)}, "runs firmware 0.1.0"),
    ({"faults": Faults(flips_after=60_000)}, "reads back other than written; try again"),
    ({}, "runs firmware 0.1.0"),
    ({}, "runs firmware 0.1.0"),
]


@pytest.mark.slow
def test_eight_boards_with_three_faulty_ones_end_as_they_should(made, hasty, tmp_path):
    file = tmp_path / "inventory.db"
    with tray_of(tmp_path, *(about for about, _ in TRAY)) as boards:
        arguments = [argument for board in boards for argument in ("--port", board.port)]
        code, said = kista("flash", "--image", made[0], "--inventory", file, *arguments)
        assert code == 1
        lines = said.splitlines()
        for board, (_, sentence) in zip(boards, TRAY, strict=True):
            assert any(line.startswith(f"{board.port}: ") and sentence in line for line in lines), (
                said
            )
        for board, (_, sentence) in zip(boards, TRAY, strict=True):
            if sentence.startswith("runs"):
                for part in made[1].parts:
                    if part.name != "vfs":
                        assert board.flash[part.offset :][: len(part.data)] == part.data
    with inventory.Inventory(file) as store:
        events = store.events()
    assert len(events) == 8 and len({event.id for event in events}) == 8
    good = [event for event in events if event.outcome == "ok"]
    assert {event.mac[-2:] for event in good} == {"00", "02", "04", "06", "07"}
    assert all(event.micropython == "1.26.1" and float(event.seconds) > 0 for event in good)
    assert all(event.why for event in events if event.outcome == "failed")


ALONE = [
    ({"faults": Faults(silent=True)}, writer.NO_LOADER),
    ({"faults": Faults(secure=True)}, writer.LOCKED),
    ({"size": 1 << 20}, "has a flash of 1 MiB, too small for this image"),
]


@pytest.mark.parametrize("about, sentence", ALONE, ids=[sentence[:20] for _, sentence in ALONE])
def test_a_board_that_cannot_be_flashed_says_why(made, hasty, tmp_path, about, sentence):
    with tray_of(tmp_path, about) as (board,), flashing(made) as tray:
        (turn,) = tray.flash([board.port])
        assert not turn.good and turn.why == sentence
        assert set(board.flash[:0x10000]) == {0xFF}


@contextlib.contextmanager
def flashing(made, **options):
    with Tray(image_file.read(made[0]), lambda board: None, **options) as tray:
        yield tray


def test_a_port_that_is_not_there_or_taken_is_one_sentence(made, tmp_path):
    with tray_of(tmp_path, {}) as (board,), flashing(made) as tray:
        holder = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(holder, termios.TIOCEXCL)
        fcntl.flock(holder, fcntl.LOCK_EX)
        taken, absent = tray.flash([board.port, str(tmp_path / "ttyUSB9")])
        os.close(holder)
    for turn in (taken, absent):
        assert turn.why == "cannot be opened; is the cable in, does another program hold it?"


@pytest.mark.slow
def test_unsent_data_is_said_and_kept_and_lost_only_when_told(made, tmp_path):
    with tray_of(tmp_path, {}) as (board,), flashing(made) as tray:
        (turn,) = tray.flash([board.port])
        assert turn.good, turn.why
        with SerialNode(board.port) as node:
            node.interrupt()
            node.put_file("config.json", CONFIG)
            node.reset()
            wait(lambda: node.health()["rows"] > 0)
            # A start closes what the one before it had begun.
            node.interrupt()
            node.reset()
            waiting = node.health()["waiting"]
        assert waiting > 0
        (turn,) = tray.flash([board.port])
        assert turn.good and turn.waiting == waiting and turn.node == "post-17", board.said[-3000:]
        with SerialNode(board.port) as node:
            report = node.health()
        assert report["waiting"] >= waiting and report["configuration"] == "proven"
        with flashing(made, erase_all=True) as eraser:
            (turn,) = eraser.flash([board.port])
        assert turn.why.startswith("node post-17 has ")
        assert turn.why.endswith("add --lose-unsent") and not turn.mac
        with flashing(made, erase_all=True, lose_unsent=True) as eraser:
            (turn,) = eraser.flash([board.port])
        assert turn.good and turn.node == "unnamed", turn
        spool = made[1].board["flash"]["partitions"]["spool"]
        with SerialNode(board.port) as node:
            assert node.health()["waiting"] == 0
        assert board.flash[spool["offset"] : spool["offset"] + 4096].count(0xFF) > 4000


CONFIG = b"""{"node": "post-17", "broker": {"host": "127.0.0.1", "port": 1}, "streams": [
{"name": "air", "period_ms": 1000, "sensors": [{"driver": "sds011", "bus": "uart1"}]}],
"network": {"wifi": [{"ssid": "none"}]}}"""


@pytest.mark.slow
def test_the_watching_bench_flashes_each_board_that_is_plugged_in(made, tmp_path):
    plugged, turns, gone = set(), [], []
    with tray_of(tmp_path, {}, {}) as (first, second), flashing(made) as tray:
        bench = Bench(tray, lambda: set(plugged), turns.append, gone.append)
        thread = threading.Thread(target=bench.run)
        thread.start()
        for number, board in enumerate((first, second), 1):
            plugged.add(board.port)
            wait(lambda number=number: len(turns) == number)
            plugged.clear()
            wait(lambda number=number: len(gone) == number)
        bench.stopped.set()
        thread.join(10)
    assert [turn.mac for turn in turns] == [first.mac, second.mac]
    assert all(turn.good for turn in turns) and gone == [first.port, second.port]


def wait(good, most_s=30):
    end = time.monotonic() + most_s
    while not good():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_ports_are_found_by_their_usb_ids(monkeypatch):
    def comports():
        return [
            SimpleNamespace(device="/dev/ttyUSB1", vid=0x10C4, serial_number="0001"),
            SimpleNamespace(device="/dev/ttyS0", vid=None, serial_number=None),
            SimpleNamespace(device="/dev/ttyACM0", vid=0x303A, serial_number=None),
            SimpleNamespace(device="/dev/ttyACM1", vid=0x046D, serial_number="mouse"),
        ][: 4 if several else 2]

    several = True
    monkeypatch.setattr(ports.list_ports, "comports", comports)
    assert [port.device for port in ports.find()] == ["/dev/ttyACM0", "/dev/ttyUSB1"]
    with pytest.raises(UserError, match="several boards are plugged in: /dev/ttyACM0 \\(USB of"):
        ports.the_one()
    several = False
    assert ports.the_one() == "/dev/ttyUSB1"
    monkeypatch.setattr(ports.list_ports, "comports", list)
    with pytest.raises(UserError, match="no board is plugged in"):
        ports.the_one()


SAID = [
    ("Could not open /dev/x, the port is busy.\n([Errno 13] Permission denied:", 0),
    ("Could not open /dev/x, the port is busy or doesn't exist.\n([Errno 2] could not open", 1),
    ("Could not open /dev/x, the port is busy or doesn't exist.\n(Could not exclusively lock", 2),
    ("Flash Encryption: Detected flash encryption and secure", 5),
    ("Failed to start stub flasher. There was no response.", 9),
    ("Failed to write compressed data to flash after seq 3", 10),
]


@pytest.mark.parametrize("said, row", SAID)
def test_what_esptool_says_becomes_what_is_to_be_done(said, row):
    sentence = writer._sentence(f"MAC: x\n\nA fatal error occurred: {said}", " at 14%")
    assert sentence == writer.SENTENCES[row][1].format(at=" at 14%")


def test_what_esptool_never_said_before_is_handed_on():
    assert writer._sentence("A fatal error occurred: Odd.\n\n", "").endswith("occurred: Odd.")


REFUSED = [
    (b"", "is no image of a board; make one with kista image"),
    (os.urandom(1 << 16), "is no image of a board"),
]


@pytest.mark.parametrize("content, said", REFUSED)
def test_a_file_that_is_no_image_is_refused(tmp_path, content, said):
    path = tmp_path / "x.img"
    path.write_bytes(content)
    code, output = kista("flash", "--image", path, "--port", "/dev/null")
    assert code == 1 and output.startswith(f"{path}: {said}")


def test_an_image_cut_short_or_of_another_board_is_refused(made, tmp_path):
    path = tmp_path / "x.img"
    path.write_bytes(made[0].read_bytes()[:0x210000])
    with pytest.raises(UserError, match="has no firmware in it; make one with kista image"):
        image_file.read(path)
    code, said = kista("flash", "--image", made[0], "--board", "esp32c3_generic")
    assert code == 1 and said.endswith("an image of board esp32_generic, not esp32c3_generic")


def test_the_parts_of_a_file_are_those_of_the_image(made):
    read = image_file.read(made[0])
    assert [(p.offset, p.name) for p in read.parts] == [(p.offset, p.name) for p in made[1].parts]
    assert read.board == "esp32_generic" and read.chip == "esp32" and read.size == 4 << 20
    for ours, theirs in zip(read.parts, made[1].parts, strict=True):
        assert ours.data == theirs.data.rstrip(b"\xff") or ours.data == theirs.data


@pytest.mark.slow
def test_on_a_terminal_one_key_tries_the_failed_again(made, hasty, tmp_path):
    with tray_of(tmp_path, {"faults": Faults(silent=True)}) as (board,):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", "from host_tools.cli import main; main()", "flash"]
        command += ["--image", made[0], "--port", board.port, "--inventory", tmp_path / "i.db"]
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        said = until(ours, b"R: try those again")
        assert b"its loader does not answer" in said and b"\x1b[" in said
        board.faults = Faults()
        said = until(ours, b"runs firmware", press=b"r")
        assert process.wait(30) == 0
        os.close(ours)
    with inventory.Inventory(tmp_path / "i.db") as store:
        assert [event.outcome for event in store.events()] == ["failed", "ok"]


def until(fd, text, most_s=40, press=b""):
    """Return what a terminal shows up to `text`; a key pressed before it is read for is lost."""
    os.set_blocking(fd, False)
    said, end, again = b"", time.monotonic() + most_s, 0.0
    while text not in said:
        now = time.monotonic()
        assert now < end, said[-2000:]
        if press and now >= again:
            os.write(fd, press)
            again = now + 1
        time.sleep(0.02)
        with contextlib.suppress(OSError):
            said += os.read(fd, 4096)
    return said


def test_a_board_knows_whether_its_turn_was_good():
    board = Board("/dev/ttyUSB0", done=True, why="")
    assert board.good and not Board("/dev/ttyUSB0").good
