import base64
import io
import os
import pty
import queue
import threading

import pytest

from gateway import frame, schema
from host_tools import cli, monitor
from host_tools.commands import monitor as command
from host_tools.errors import UserError
from host_tools.frames_shown import FramesShown


class Cable:
    """A port whose other end says `lines` when it is asked; `plug` makes it anew, same name."""

    def __init__(self, path):
        self.path = path

    def plug(self, lines):
        self._board, self._port = pty.openpty()
        self.path.symlink_to(os.ttyname(self._port))
        threading.Thread(target=self._answer, args=[self._board, lines], daemon=True).start()

    def _answer(self, board, lines):
        asked = b""
        while not asked.endswith(b"log\r"):
            asked += os.read(board, 100)
        os.write(board, lines)

    def unplug(self):
        self.path.unlink()
        os.close(self._port)
        os.close(self._board)


def test_the_monitor_waits_for_a_board_that_was_unplugged(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "LOOK_AGAIN_S", 0.01)
    cable = Cable(tmp_path / "ttyUSB0")
    cable.plug(b'"rows": 7}\r\nI 0 first\r\nH {"rows": 7}\r\nE 1 broken \xff\r\n')
    said = []

    def hear(text):
        said.append(text)
        if "Waiting" in text:
            cable.plug(b"I 1 again\r\n")

    lines = monitor.listen(str(cable.path), hear)
    got = [next(lines), next(lines)]
    cable.unplug()
    got.append(next(lines))
    lines.close()
    cable.unplug()
    assert got == ["I 0 first", "E 1 broken \ufffd", "I 1 again"]
    gone, back = said
    assert gone.endswith("the board is gone; is the cable in? Waiting for it")
    assert back.endswith("is back")


SCHEMA = schema.describe("air", 10000, [["pm2_5", "ug/m3", 10], ["count", "", 1]])


def said(rows, seq=None, quality=1):
    times = [1790000000000 * quality + 10000 * row for row in range(rows)]
    columns = [list(range(50, 50 + rows)), [None] * rows]
    boot = None if seq is None else 1
    whole = frame.Frame(schema.ident(SCHEMA), seq, boot, quality, None, times, columns)
    return "F " + base64.b64encode(frame.encode(whole)).decode()


def test_frames_are_shown_decoded_with_their_names_and_units():
    shown = FramesShown()
    assert shown.lines("I 7 link: online") is None
    (unnamed, row) = shown.lines(said(1))
    assert unnamed.startswith("newest rows of schema ") and row.endswith("  50, -")
    assert shown.lines("S " + SCHEMA.decode()) == []
    lines = shown.lines(said(12, 7))
    assert lines[0].startswith("frame 7 of air: 12 rows in ") and lines[1] == "  … 4 rows before"
    assert lines[-1] == "  2026-09-21T14:15:10.000Z  pm2_5 6.1 ug/m3, count -" and len(lines) == 10
    assert shown.lines(said(2, quality=0))[-1].startswith("  10.000 s after its start  pm2_5 5.1")
    assert shown.lines("F") == ["no such frame, or none yet"]
    for damaged in (said(3)[:-6], "F ???", "S {"):
        (line,) = shown.lines(damaged)
        assert line.startswith("a line that arrived damaged")


def test_what_is_typed_becomes_a_question_to_the_node(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n 17 \nx\n"))
    asked = queue.SimpleQueue()
    command._ask(asked)
    assert [asked.get() for _ in range(4)] == ["frames", "frames", "frame 17", "frames"]


def test_a_port_that_never_was_is_no_reason_to_wait(capsys):
    with pytest.raises(UserError, match="cannot be opened"):
        next(monitor.listen("/dev/no-such-port", print))
    with pytest.raises(SystemExit) as ended:
        cli.main(["monitor", "--port", "/dev/no-such-port"])
    assert ended.value.code == 1 and capsys.readouterr().err.count("\n") == 1
