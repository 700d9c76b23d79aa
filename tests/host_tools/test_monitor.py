import os
import pty
import threading

import pytest

from host_tools import cli, monitor
from host_tools.errors import UserError


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
    cable.plug(b"I 0 first\r\nE 1 broken \xff\r\n")
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


def test_a_port_that_never_was_is_no_reason_to_wait(capsys):
    with pytest.raises(UserError, match="cannot be opened"):
        next(monitor.listen("/dev/no-such-port", print))
    with pytest.raises(SystemExit) as ended:
        cli.main(["monitor", "--port", "/dev/no-such-port"])
    assert ended.value.code == 1 and capsys.readouterr().err.count("\n") == 1
