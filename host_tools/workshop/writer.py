"""esptool as a process of its own: what a chip is, and its flash written and verified."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host_tools.image import Part

BAUDRATE = 460800
# esptool gives up by itself much earlier; this is for what nobody thought of.
SILENT_MOST_S = 120
LINES_KEPT = 40
# {chip: (register, bits)} that say secure boot (technical reference manuals, eFuse controller).
SECURE = {
    "esp32": (0x3FF5A018, 0x30),
    "esp32s3": (0x60007038, 1 << 20),
    "esp32c3": (0x60008838, 1 << 20),
    "esp32c6": (0x600B0838, 1 << 20),
}
LOCKED = "has secure boot switched on: it starts its owner's firmware only; it was not touched"
NO_LOADER = "its loader does not answer; hold BOOT, press EN (reset), then try again"
SMALL = "has a flash of {mib} MiB, too small for this image"
GONE = "stopped answering{at}; is the cable loose, is the hub strong enough? Try again"
# What esptool says → what is to be done. The first that fits counts.
SENTENCES = (
    # The port could be opened before.
    (r"^rror occurred: \[Errno \d+\]", GONE),
    (r"Permission denied", "may not be opened; join the group dialout, then log in again"),
    (r"No such file|FileNotFound|Errno 2\b", "is not there; is the cable in?"),
    (
        r"exclusively lock|temporarily unavailable|Errno 11\b|busy\. |Access is denied|Errno 16\b",
        "is in use by another program; close that (kista monitor?)",
    ),
    (
        r"This chip is ([\w-]+), not ([\w-]+)\.",
        "has an {1}, the image is for an {2}; take the image of its board",
    ),
    (r"Secure Boot|[Ss]ecure [Dd]ownload [Mm]ode", LOCKED),
    (r"flash encryption", "has its flash encrypted: only its owner can write it"),
    (r"will not fit in (\d+) bytes", SMALL),
    (
        r"MD5 of file does not match|region is empty",
        "reads back other than written; try again, and if it stays so, discard the board",
    ),
    (r"Failed to connect|Wrong boot mode|Could not connect", NO_LOADER),
    (r"Failed to start stub|upload", "does not take esptool's helper program; try again"),
    (
        r"Failed to (write|enter|leave|calculate|read)|[Nn]o serial data|stream stopped|"
        r"stopped responding|serial exception|No more data|Invalid head|doesn't match request|"
        r"[Ww]rite timeout",
        GONE,
    ),
)
PROGRESS = re.compile(r"([\d.]+)%")
PART = re.compile(r"^Writing '(.+)' at 0x")
MAC = re.compile(r"^MAC:\s+([0-9a-f:]{17})", re.MULTILINE)
TYPE = re.compile(r"^Chip type:\s+(.+)$", re.MULTILINE)
SIZE = re.compile(r"^Detected flash size:\s+(\d+)(KB|MB)$", re.MULTILINE)
UNITS = {"KB": 1 << 10, "MB": 1 << 20}
TABLE = (0x8000, 0x1000)
REGISTER = re.compile(r"0x[0-9a-f]{8} = 0x([0-9a-f]{8})")


class FlashError(Exception):
    """Why this board failed: what follows its name in a sentence."""


@dataclass(frozen=True)
class Identity:
    """`mac`: lower case with colons; `type`: the chip as esptool calls it, with its revision.

    `size`: of its flash, bytes; 0 when the flash does not say.
    """

    mac: str
    type: str
    size: int


def look(port: str, chip: str = "auto") -> Identity:
    """Return what is behind a port; FlashError when nothing answers, or another chip."""
    said = _ask(port, chip, ["flash-id"])
    mac, kind, size = MAC.search(said), TYPE.search(said), SIZE.search(said)
    if not (mac and kind):
        raise FlashError(NO_LOADER)
    return Identity(mac[1], kind[1].strip(), int(size[1]) * UNITS[size[2]] if size else 0)


def identify(port: str, chip: str, size: int) -> Identity:
    """Return what is behind a port; FlashError when it is no `chip`, or not to be written.

    `size`: of the flash that the image is for, bytes.
    """
    register, bits = SECURE[chip]
    found = REGISTER.search(_ask(port, chip, ["read-mem", hex(register)]))
    if not found:
        raise FlashError(NO_LOADER)
    if int(found[1], 16) & bits:
        raise FlashError(LOCKED)
    identity = look(port, chip)
    if 0 < identity.size < size:
        raise FlashError(SMALL.format(mib=identity.size >> 20))
    return identity


def table(port: str, chip: str) -> bytes:
    """Return the sector in which a board's partition table is, if it has one."""
    with tempfile.TemporaryDirectory(prefix="kista-") as folder:
        path = Path(folder) / "table.bin"
        _ask(port, chip, ["read-flash", *map(hex, TABLE), str(path)])
        return path.read_bytes()


def _ask(port: str, chip: str, command: list[str]) -> str:
    """Return what esptool says; without its stub, which a locked loader does not take."""
    lines: list[str] = []
    _run(port, chip, ["--no-stub", *command], lines.append)
    return "\n".join(lines)


class Writer:
    """Writes an image to any number of boards, each in a thread; `folder` is for its parts."""

    def __init__(self, chip: str, parts: tuple[Part, ...], folder: Path) -> None:
        self._chip = chip
        self._arguments: list[str] = []
        # What goes over the wire is compressed: bytes of each part's file.
        self.wire: dict[str, int] = {}
        for part in parts:
            path = folder / f"{part.name}.bin"
            path.write_bytes(part.data)
            self._arguments += [hex(part.offset), str(path)]
            self.wire[str(path)] = len(zlib.compress(part.data, 9))

    def write(self, port: str, erase_all: bool, progress: Callable[[float], None]) -> None:
        """Write and verify; `progress` hears how much is done, 0 to 1. FlashError says why not."""
        total, before, part, done = sum(self.wire.values()), 0, "", 0.0

        def hear(line: str) -> None:
            nonlocal before, part, done
            if found := PART.search(line):
                before += self.wire.get(part, 0)
                part = found[1]
            elif line.startswith("Writing at") and (found := PROGRESS.search(line)):
                done = (before + self.wire.get(part, 0) * float(found[1]) / 100) / total
                progress(done)

        erase = ["--erase-all"] if erase_all else []
        arguments = ["write-flash", *erase, *self._arguments]
        _run(port, self._chip, arguments, hear, lambda: f" at {done:.0%}")


def _run(
    port: str,
    chip: str,
    arguments: list[str],
    hear: Callable[[str], None],
    at: Callable[[], str] = lambda: "",
) -> None:
    """Run esptool; FlashError, with how far it came, when it fails."""
    command = [sys.executable, "-m", "esptool", "--chip", chip, "--port", port]
    command += ["--baud", str(BAUDRATE), *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "200"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=environment,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    watch = _Watch(process.kill)
    try:
        for line in process.stdout:
            watch.again()
            lines = [*lines[-LINES_KEPT:], line.rstrip()]
            hear(line.rstrip())
    except BaseException:
        process.kill()
        raise
    finally:
        watch.end()
        process.stdout.close()
        process.wait()
    if process.returncode:
        raise FlashError(_sentence("\n".join(lines), at()))


class _Watch:
    """Calls `end_it` when nothing was heard for too long."""

    def __init__(self, end_it: Callable[[], None]) -> None:
        self._end_it = end_it
        self._heard = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def again(self) -> None:
        self._heard = time.monotonic()

    def end(self) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(1):
            if time.monotonic() - self._heard > SILENT_MOST_S:
                self._end_it()
                return


def _sentence(said: str, at: str) -> str:
    """Return what to do about what esptool said last."""
    # Behind the last blank line stands what went wrong; before it, what went well.
    wrong = said[max(0, said.rfind("rror occurred")) :]
    for pattern, sentence in SENTENCES:
        if found := re.search(pattern, wrong):
            groups = found.groups()
            mib = int(groups[0]) >> 20 if "{mib}" in sentence else 0
            return sentence.format(found[0], *groups, mib=mib, at=at)
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    return f"esptool failed: {last.strip()}"
