"""A board on a pty: the real firmware on the real MicroPython, started again after each reset.

`port` is what a tool opens. Between it and the interpreter's own terminal this thread passes bytes
on, as the USB bridge of a board does; what nobody reads is lost, as there.
"""

import contextlib
import fcntl
import json
import os
import pty
import select
import subprocess
import termios
import threading
import tty
from pathlib import Path

from host_tools import boards, build

SHIMS = Path(__file__).parent / "board"
PATHS = [".frozen", SHIMS, build.FIRMWARE, build.ROOT, build.UMQTT.parent.parent]
BOARD = "esp32_generic"
START = b"import main; main.start()\r"


class PtyBoard:
    """A context; `folder` holds the board's files, `air` the networks there are."""

    def __init__(self, folder, air):
        self.folder = folder
        self.boots = 0
        # Everything the board ever said.
        self.said = b""
        (folder / "board.json").write_text(json.dumps(boards.load(BOARD)))
        (folder / "air.json").write_text(json.dumps(air))

    def __enter__(self):
        self._outside, self._port = pty.openpty()
        self._inside, self._terminal = pty.openpty()
        for fd in (self._port, self._terminal):
            tty.setraw(fd)
        # Ctrl-C interrupts a running program; in its REPL MicroPython changes that itself.
        mode = termios.tcgetattr(self._terminal)
        mode[3] |= termios.ISIG
        termios.tcsetattr(self._terminal, termios.TCSANOW, mode)
        os.set_blocking(self._outside, False)
        self.port = os.ttyname(self._port)
        self._stop_reads, self._stop_writes = os.pipe()
        self._boot()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.write(self._stop_writes, b".")
        self._thread.join(10)
        self._process.kill()
        self._process.wait(10)
        for fd in (self._outside, self._port, self._inside, self._terminal):
            os.close(fd)

    def read(self, name):
        return (self.folder / name).read_bytes()

    def _boot(self):
        self.boots += 1
        self._process = subprocess.Popen(
            build.micropython("2M"),
            cwd=self.folder,
            env={"MICROPYPATH": ":".join(map(str, PATHS)), "TERM": "dumb", "HOME": "/nonexistent"},
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.write(self._inside, START)

    def _run(self):
        while True:
            ready, _, _ = select.select(
                [self._outside, self._inside, self._stop_reads], [], [], 0.05
            )
            if self._stop_reads in ready:
                return
            if self._process.poll() is not None:
                self._boot()
            for source, target in ((self._outside, self._inside), (self._inside, self._outside)):
                if source in ready:
                    data = os.read(source, 4096)
                    self.said += data if source == self._inside else b""
                    with contextlib.suppress(BlockingIOError):
                        os.write(target, data)
