import contextlib
import fcntl
import os
import re
import termios
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from flashed import HASTY, node_image
from terminal import Terminal

from host_tools import cli
from host_tools.errors import UserError
from host_tools.practice.board import Faults, PracticeBoard
from host_tools.serial_node import SerialNode
from host_tools.workshop import image_file, inventory, ports, writer
from host_tools.workshop import tray as tray_module
from host_tools.workshop.bench import Bench
from host_tools.workshop.tray import Board, Tray

# A node that runs answers at once, on a machine that has time for it.
PATIENCE_S = 60.0


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
def hasty(monkeypatch):
    monkeypatch.setenv(*HASTY.copy().popitem())


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
    ({"faults": Faults(dies_at=40)}, "stopped answering at "),
    ({"faults": Faults(noisy=2)}, "runs firmware 0.1.0"),
    ({"faults": Faults(flips_at=60)}, "reads back other than written; try again"),
    ({}, "runs firmware 0.1.0"),
    ({}, "runs firmware 0.1.0"),
]


@pytest.mark.slow(12)
def test_eight_boards_with_three_faulty_ones_end_as_they_should(made, tmp_path, monkeypatch):
    # Eight interpreters start on as few cores as there are; none of the loaders is silent.
    monkeypatch.setattr(tray_module, "STARTS_WITHIN_S", 120.0)
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(Path(__file__).with_name("esptool_patient.cfg")))
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


@pytest.mark.slow(15)
def test_unsent_data_is_said_and_kept_and_lost_only_when_told(made, tmp_path, monkeypatch):
    # A node runs each time, and answers when it is its turn.
    monkeypatch.setattr(tray_module, "LOOK_S", PATIENCE_S)
    memory = tmp_path / "b0" / "flash.bin"
    memory.parent.mkdir()
    memory.write_bytes(made[1].whole().ljust(4 << 20, b"\xff"))
    with tray_of(tmp_path, {}) as (board,), flashing(made) as tray:
        with SerialNode(board.port) as node:
            node.interrupt()
            node.put_file("config.json", CONFIG)
            node.reset()
            wait(lambda: node.health(PATIENCE_S)["rows"] > 0)
            # A start closes what the one before it had begun.
            node.interrupt()
            node.reset()
            waiting = node.health(PATIENCE_S)["waiting"]
        assert waiting > 0
        (turn,) = tray.flash([board.port])
        assert turn.good and turn.waiting == waiting and turn.node == "post-17", board.said[-3000:]
        with SerialNode(board.port) as node:
            report = node.health(PATIENCE_S)
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
            assert node.health(PATIENCE_S)["waiting"] == 0
        assert board.flash[spool["offset"] : spool["offset"] + 4096].count(0xFF) > 4000


CONFIG = b"""{"node": "post-17", "broker": {"host": "127.0.0.1", "port": 1}, "streams": [
{"name": "air", "period_ms": 1000, "sensors": [{"driver": "sds011", "bus": "uart1"}]}],
"network": {"wifi": [{"ssid": "none"}]}}"""


@pytest.mark.slow(12)
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


def wait(good, most_s=90):
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
    ("Could not open /dev/x, the port is busy.\n([Errno 13] Permission denied:", 1),
    ("Could not open /dev/x, the port is busy or doesn't exist.\n([Errno 2] could not open", 2),
    ("Could not open /dev/x, the port is busy or doesn't exist.\n(Could not exclusively lock", 3),
    ("This chip is ESP32-C3, not ESP32. Wrong chip argument?", 4),
    ("Secure Boot V1 detected, writing to flash regions < 0x8000", 5),
    ("Flash Encryption: Detected flash encryption and secure", 6),
    ("File x (length 9) at offset 9 will not fit in 2097152 bytes of flash.", 7),
    ("MD5 of file does not match data in flash!", 8),
    ("Failed to connect to ESP32: No serial data received.", 9),
    ("Failed to start stub flasher. There was no response.", 10),
    ("Failed to write compressed data to flash after seq 3", 11),
]


@pytest.mark.parametrize("said, row", SAID)
def test_what_esptool_says_becomes_what_is_to_be_done(said, row):
    sentence = writer._sentence(f"MAC: x\n\nA fatal error occurred: {said}", " at 14%")
    chips = ("", "ESP32-C3", "ESP32")
    assert sentence == writer.SENTENCES[row][1].format(*chips, at=" at 14%", mib=2)


def test_every_sentence_has_its_test():
    # The first: a cable that is pulled out.
    assert {row for _, row in SAID} == set(range(1, len(writer.SENTENCES)))


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


@pytest.mark.slow(10)
def test_on_a_terminal_one_key_tries_the_failed_again(made, hasty, tmp_path):
    with tray_of(tmp_path, {"faults": Faults(silent=True)}) as (board,):
        arguments = ("--image", made[0], "--port", board.port)
        with Terminal(tmp_path, "flash", *arguments) as terminal:
            said = terminal.until(b"R: try those again")
            assert b"its loader does not answer" in said and b"\x1b[" in said
            board.faults = Faults()
            terminal.until(b"runs firmware", press=b"r")
            assert terminal.wait() == 0
    with inventory.Inventory(tmp_path / inventory.FILE) as store:
        assert [event.outcome for event in store.events()] == ["failed", "ok"]


@pytest.mark.slow(8)
def test_a_cable_that_is_pulled_out_is_a_sentence_that_says_when(made, hasty, tmp_path):
    with tray_of(tmp_path, {"faults": Faults(unplugged_at=50)}) as (board,), flashing(made) as tray:
        (turn,) = tray.flash([board.port])
    assert re.fullmatch(re.escape(writer.GONE).replace(r"\{at\}", r" at \d+%"), turn.why), turn
    assert turn.mac == board.mac


def test_a_flash_that_ends_before_the_board_s_partitions_do_is_too_small(made, tmp_path):
    larger = image_file.read(made[0])._replace(size=8 << 20)
    with tray_of(tmp_path, {}) as (board,), Tray(larger, lambda board: None) as tray:
        (turn,) = tray.flash([board.port])
        assert turn.why == "has a flash of 4 MiB, too small for this image"
        assert set(board.flash[:0x10000]) == {0xFF}


@pytest.mark.slow
def test_a_node_that_does_not_answer_is_not_erased_unasked(made, tmp_path):
    spool = made[1].board["flash"]["partitions"]["spool"]["offset"]
    with tray_of(tmp_path, {}) as (board,):
        board.flash[0x8000:0x9000] = made[1].whole()[0x8000:0x9000]
        board.flash[spool : spool + 4] = b"rows"
        with flashing(made, erase_all=True) as tray:
            (turn,) = tray.flash([board.port])
        assert turn.why.startswith("does not answer, but has been a node: what it has not")
        assert board.flash[spool : spool + 4] == b"rows"


@pytest.mark.parametrize(
    "report, sentence",
    [
        (None, "is written and verified, but says nothing within 0 s; press EN"),
        ({"board": "esp32c3_generic"}, "runs, but says that it is a esp32c3_generic; flash it"),
    ],
)
def test_a_board_that_does_not_start_as_it_should_says_so(
    made, tmp_path, monkeypatch, report, sentence
):
    monkeypatch.setattr(tray_module, "STARTS_WITHIN_S", 0.3)
    monkeypatch.setattr(SerialNode, "health", lambda self, within_s: report)
    with (
        tray_of(tmp_path, {}) as (board,),
        flashing(made) as tray,
        pytest.raises(writer.FlashError) as error,
    ):
        tray._wait(Board(board.port))
    assert str(error.value).startswith(sentence)


def test_the_list_says_what_is_behind_each_port(hasty, tmp_path, monkeypatch):
    monkeypatch.setattr(ports.list_ports, "comports", list)
    with tray_of(tmp_path, {"size": 8 << 20}, {"faults": Faults(silent=True)}) as boards:
        for number, board in enumerate(boards):
            (tmp_path / f"port-{number}").symlink_to(board.port)
        monkeypatch.setenv(ports.MORE, str(tmp_path / "port-*"))
        code, said = kista("flash", "--list")
    first, second = said.splitlines()
    assert code == 1 and second.endswith(f"{writer.NO_LOADER} (named by KISTA_PORTS)")
    assert first.endswith(
        "port-0: 02:00:00:00:00:00, ESP32-D0WD-V3 (revision v3.0), flash of 8 MiB "
        "(named by KISTA_PORTS)"
    )


def test_a_board_knows_whether_its_turn_was_good():
    board = Board("/dev/ttyUSB0", done=True, why="")
    assert board.good and not Board("/dev/ttyUSB0").good
