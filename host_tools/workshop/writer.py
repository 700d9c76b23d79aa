"""esptool as a process of its own: what a chip is, and its flash written and verified."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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
GONE = "stopped answering{at}; is the cable loose, is the hub strong enough? Try again"
# What esptool says → what is to be done. The first that fits counts.
SENTENCES = (
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
    (r"will not fit in (\d+) bytes", "has a flash of {mib} MiB, too small for this image"),
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
REGISTER = re.compile(r"0x[0-9a-f]{8} = 0x([0-9a-f]{8})")


class FlashError(Exception):
    """Why this board failed: what follows its name in a sentence."""


@dataclass(frozen=True)
class Identity:
    """`mac`: lower case with colons; `type`: the chip as esptool calls it, with its revision."""

    mac: str
    type: str


def identify(port: str, chip: str) -> Identity:
    """Return what is behind a port; FlashError when it is no `chip`, or not to be written."""
    register, bits = SECURE[chip]
    lines: list[str] = []
    # Without the stub: a loader that is locked takes none.
    _run(port, chip, ["--no-stub", "read-mem", hex(register)], lines.append)
    said = "\n".join(lines)
    mac, kind, found = MAC.search(said), TYPE.search(said), REGISTER.search(said)
    if not (mac and kind and found):
        raise FlashError(NO_LOADER)
    if int(found[1], 16) & bits:
        raise FlashError(LOCKED)
    return Identity(mac[1], kind[1].strip())


class Writer:
    """Writes an image to any number of boards, each in a thread; `folder` is for its parts."""

    def __init__(self, chip: str, parts: tuple[Part, ...], folder: Path) -> None:
        self._chip = chip
        self._arguments: list[str] = []
        # What goes over the wire is compressed: so much of the whole is each part.
        self._wire: dict[str, int] = {}
        for part in parts:
            path = folder / f"{part.name}.bin"
            path.write_bytes(part.data)
            self._arguments += [hex(part.offset), str(path)]
            self._wire[str(path)] = len(zlib.compress(part.data, 9))

    def write(self, port: str, erase_all: bool, progress: Callable[[float], None]) -> None:
        """Write and verify; `progress` hears how much is done, 0 to 1. FlashError says why not."""
        total, before, part, done = sum(self._wire.values()), 0, "", 0.0

        def hear(line: str) -> None:
            nonlocal before, part, done
            if found := PART.search(line):
                before += self._wire.get(part, 0)
                part = found[1]
            elif line.startswith("Writing at") and (found := PROGRESS.search(line)):
                done = (before + self._wire.get(part, 0) * float(found[1]) / 100) / total
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
