"""A board on a pty: the real firmware on the real MicroPython, started again after each reset.

`port` is what a tool opens. Between it and the interpreter's own terminal a thread passes bytes
on, as the USB bridge of a board does; what nobody reads is lost, as there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import threading
import time
import tty
from pathlib import Path

from host_tools import build

DEVICE = Path(__file__).parent / "device"
PATHS = [".frozen", DEVICE, build.ROOT, build.UMQTT.parent.parent]
HEAP = "2M"
PIECE = 4096
LOOK_MS = 50
# How soon it is seen that the port was opened.
CLOSED_S = 0.01
JOIN_S = 10


class PtyBoard:
    """A context. `folder`: where its interpreter starts, and what it keeps there."""

    paths: list = PATHS
    start = b"import power_on\r"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boots = 0
        # Everything the board ever said.
        self.said = b""
        self._process: subprocess.Popen | None = None
        # Held while it is started or ended: the thread may start one when the context ends.
        self._power = threading.Lock()

    def __enter__(self):
        self._over = False
        self._outside, port = pty.openpty()
        self._inside, self._terminal = pty.openpty()
        tty.setraw(port)
        os.set_blocking(self._outside, False)
        self.port = os.ttyname(port)
        os.close(port)
        self.plugged = True
        self._stop_reads, self._stop_writes = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._boot()
            self._thread.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop_writes, b".")
        # It may be waiting for a node that reads nothing: its terminal is emptied below.
        self._thread.join(JOIN_S)
        self._end()

    def _end(self) -> None:
        """Let no process run on, and none be started any more; close what is open."""
        self._over = True
        self._halt()
        termios.tcflush(self._terminal, termios.TCIOFLUSH)
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        for fd in (self._inside, self._terminal, self._stop_reads, self._stop_writes):
            os.close(fd)
        os.close(self._outside if self.plugged else self._gone)

    def unplug(self) -> None:
        """Take the cable out, for good: whoever has the port open finds it gone."""
        self.plugged = False
        # As long as this end is open, no other board gets the port's name.
        self._gone = os.open(self.port, os.O_RDWR | os.O_NOCTTY)
        os.close(self._outside)

    def _environment(self) -> dict[str, str]:
        path = ":".join(map(str, self.paths))
        home = str(self.folder)
        return {"MICROPYPATH": path, "BOARD_HOME": home, "TERM": "dumb", "HOME": "/nonexistent"}

    def _boot(self) -> None:
        with self._power:
            if not self._over:
                self._start()

    def _start(self) -> None:
        self.boots += 1
        # Ctrl-C interrupts a running program; in its REPL MicroPython changes that itself, and
        # leaves it so when it is killed there.
        tty.setraw(self._terminal)
        mode = termios.tcgetattr(self._terminal)
        mode[3] |= termios.ISIG
        termios.tcsetattr(self._terminal, termios.TCSANOW, mode)
        self._process = subprocess.Popen(
            build.micropython(HEAP),
            cwd=self.folder,
            env=self._environment(),
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.write(self._inside, self.start)

    def _halt(self) -> None:
        with self._power:
            if self._process is not None:
                self._process.kill()
                self._process.wait(10)
                self._process = None

    def _run(self) -> None:
        poll = select.poll()
        for fd in (self._outside, self._inside, self._stop_reads):
            poll.register(fd, select.POLLIN)
        while self.plugged:
            ready = dict(poll.poll(LOOK_MS))
            if self._stop_reads in ready:
                return
            if self._process is not None and self._process.poll() is not None:
                self._boot()
            if ready.get(self._outside, 0) & select.POLLIN:
                self._heard(os.read(self._outside, PIECE))
            elif ready.get(self._outside, 0) & select.POLLHUP:
                self._closed()
                time.sleep(CLOSED_S)
            if self._inside in ready and self.plugged:
                said = os.read(self._inside, PIECE)
                # What one that was stopped had still to say is lost with it.
                if self._process is not None:
                    self._say(said)

    def _heard(self, data: bytes) -> None:
        """Bytes have come from whoever has the port open."""
        os.write(self._inside, data)

    def _closed(self) -> None:
        """Nobody has the port open."""

    def _say(self, data: bytes) -> None:
        self.said += data
        with contextlib.suppress(BlockingIOError):
            os.write(self._outside, data)
