"""A command on a terminal of its own, as a person sees it."""

import contextlib
import fcntl
import os
import pty
import subprocess
import sys
import termios
import time

KISTA = [sys.executable, "-c", "from host_tools.cli import main; main()"]
PRESS_EVERY_S = 1.0


class Terminal:
    """A context: `kista` with these arguments, started in `folder`."""

    def __init__(self, folder, *arguments):
        self._folder = folder
        self._arguments = [str(one) for one in arguments]
        self.said = b""

    def __enter__(self):
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self._process = subprocess.Popen(
            KISTA + self._arguments,
            cwd=self._folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
            start_new_session=True,
            # What asks for a password asks the terminal that it belongs to.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        os.close(self._ours)

    def until(self, text, most_s=40, press=b""):
        """Return what is shown up to `text`, from the last call on.

        A key that is pressed before it is read for is lost: `press` is pressed again.
        """
        said, end, again = b"", time.monotonic() + most_s, 0.0
        while text not in said:
            now = time.monotonic()
            assert now < end, self.said[-2000:] + said[-2000:]
            if press and now >= again:
                os.write(self._ours, press)
                again = now + PRESS_EVERY_S
            time.sleep(0.02)
            with contextlib.suppress(OSError):
                said += os.read(self._ours, 4096)
        self.said += said
        return said

    def type(self, line):
        os.write(self._ours, line.encode() + b"\n")

    def wait(self, most_s=40):
        """Return the exit code."""
        end = time.monotonic() + most_s
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
            with contextlib.suppress(OSError):
                self.said += os.read(self._ours, 4096)
        return self._process.wait(0.1)
