"""A node on a serial port: its console while it runs, its files and its store while it does not."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import termios
import time

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from host_tools.errors import UserError

BAUDRATE = 115200
# How long a board may be silent in the middle of an answer: its file system may erase first, and in
# an emulator a look into the flash takes long.
ANSWER_S = 30
LOOK_S = 0.01
HEALTH_WITHIN_S = 5.0
# So long it must have been silent before it is asked again.
ASK_AGAIN_S = 0.3
STOP_WITHIN_S = 3.0
PIECE = 256
STORE = "from gateway.hal_esp32 import Store"


class SerialNode:
    """A context around the port. `UserError` names the port and says what to do."""

    def __init__(self, port: str) -> None:
        self.port = port

    def __enter__(self) -> SerialNode:
        try:
            self._transport = SerialTransport(self.port, baudrate=BAUDRATE, timeout=ANSWER_S)
        except (TransportError, OSError):
            raise UserError(
                f"{self.port}: cannot be opened; is the cable in, does another program hold it?"
            ) from None
        self._serial = self._transport.serial
        self._heard = b""
        self._last_heard = 0.0
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, termios.error):
            self._transport.close()

    # --- While it runs ---

    def lines(self, within_s: float):
        """Yield what the node says, line by line, for so long."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            yield from self._take()

    def _take(self) -> list[str]:
        """Return the lines that have come; wait a moment when nothing has."""
        with self._spoken():
            data = self._serial.read(self._serial.in_waiting)
        if not data:
            time.sleep(LOOK_S)
            return []
        self._last_heard = time.monotonic()
        *whole, self._heard = (self._heard + data).split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in whole]

    def health(self, within_s: float = HEALTH_WITHIN_S) -> dict | None:
        """Return the node's health message, None when none came."""
        end = time.monotonic() + within_s
        asked = 0.0
        while (now := time.monotonic()) < end:
            # It may be starting, and hear nothing yet; but an answer takes its time as well.
            if now - max(asked, self._last_heard) > ASK_AGAIN_S:
                self.say("health")
                asked = now
            for line in self._take():
                if line.startswith("H {"):
                    with contextlib.suppress(ValueError):
                        return json.loads(line[2:])
        return None

    def say(self, line: str) -> None:
        with self._spoken():
            self._serial.write(line.encode() + b"\r")

    # --- While it is stopped ---

    def interrupt(self) -> None:
        """Stop the node, with its rows committed if it runs, and talk to its interpreter."""
        self.say("")
        self.say("stop")
        for line in self.lines(STOP_WITHIN_S):
            if line == "K":
                break
        try:
            # What mpremote would print of the board's noise belongs on no screen.
            with self._spoken(), contextlib.redirect_stdout(io.StringIO()):
                self._transport.enter_raw_repl(soft_reset=False)
        except TransportError:
            raise UserError(
                f"{self.port}: no MicroPython answers; is it a flashed board? (kista flash)"
            ) from None

    def run(self, code: str, what: str) -> str:
        """Return what the board prints; errors say `what`, not the code: it may be secret."""
        try:
            with self._spoken(), contextlib.redirect_stdout(io.StringIO()):
                said, failed = self._transport.exec_raw(code, timeout=ANSWER_S)
        except TransportError:
            raise UserError(f"{self.port}: the board did not answer; it could not {what}") from None
        if failed:
            raise UserError(f"{self.port}: the board could not {what}")
        return said.decode().strip()

    def get_file(self, name: str) -> bytes | None:
        """Return what is in a file of the board's, None when there is none."""
        text = self.run(
            "import binascii\n"
            "try:\n"
            f"    with open({name!r}, 'rb') as f: print(binascii.b2a_base64(f.read()).decode())\n"
            "except OSError: print('-')",
            f"read {name}",
        )
        return None if text == "-" else base64.b64decode(text)

    def put_file(self, name: str, content: bytes) -> None:
        """Write a file in pieces; compared by hash."""
        self.run(f"f = open({name!r}, 'wb')", f"write {name}")
        for at in range(0, len(content), PIECE):
            self.run(f"f.write({content[at : at + PIECE]!r})", f"write {name}")
        code = f"f.close(); import hashlib\nwith open({name!r}, 'rb') as f: c = f.read()\n{HASH}"
        self._compare(content, self.run(code, f"read {name} back"), name)

    def put_secret(self, key: str, content: bytes) -> None:
        """Put `content` in the board's store; compared by hash, never shown."""
        self.run("c = b''", "begin")
        for at in range(0, len(content), PIECE):
            self.run(f"c += {content[at : at + PIECE]!r}", "take the secrets")
        code = f"import hashlib\n{STORE}\nStore().set({key!r}, c)\nc = Store().get({key!r})\n{HASH}"
        self._compare(content, self.run(code, "store the secrets"), "the store")

    def reset(self) -> None:
        """Start the node anew."""
        with self._spoken(), contextlib.redirect_stdout(io.StringIO()):
            self._transport.exec_raw_no_follow("import machine; machine.reset()")
        self._transport.in_raw_repl = False
        # What it said before its reset would be mistaken for what it says after.
        self._heard = b""

    def _compare(self, content: bytes, found: str, where: str) -> None:
        if found != hashlib.sha256(content).hexdigest():
            raise UserError(f"{self.port}: {where} reads back other than written; try again")

    @contextlib.contextmanager
    def _spoken(self):
        try:
            yield
        except (OSError, termios.error):
            raise UserError(f"{self.port}: the board is gone; is the cable in?") from None


HASH = "import binascii; print(binascii.hexlify(hashlib.sha256(c).digest()).decode())"
