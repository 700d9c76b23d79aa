"""A whole board without hardware: a ROM loader on a flash, and the node that it has in it."""

from __future__ import annotations

import json
import mmap
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from host_tools import build, chips, image, partitions
from host_tools.practice import pty_board
from host_tools.practice.rom import Rom

APPLICATION = 0x10000
IMAGE = b"\xe9"
# Into how many bits a UART makes a byte.
BITS = 10
WRITE_WITHIN_S = 5.0
LATE_MOST_S = 0.1
# Boards of one process share the folder of what is compiled.
COMPILING = threading.Lock()
SYNC = b"\x00\x08\x24\x00"
NOISE = b"\x00\xffrst:0x1 (POWERON\xc0\x81\x9d"
EMPTY = b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13\r\ninvalid header: 0xffffffff\r\n"


@dataclass(frozen=True)
class Faults:
    """`dies_at`, `flips_at`, `unplugged_at`: percent of the application that is written.

    `noisy`: so many answers begin with rubbish. `silent`: the loader never answers. `secure`:
    secure boot is on.
    """

    dies_at: float | None = None
    flips_at: float | None = None
    unplugged_at: float | None = None
    noisy: int = 0
    silent: bool = False
    secure: bool = False


class PracticeBoard(pty_board.PtyBoard):
    """A context; `folder` is its memory: with the same one it is the same board again."""

    def __init__(
        self,
        folder: Path,
        mac: str = "02:00:00:00:00:01",
        chip: str = "esp32",
        size: int = 4 << 20,
        air: dict[str, str] | None = None,
        faults: Faults = Faults(),
        paced: bool = False,
    ) -> None:
        folder = folder.resolve()
        super().__init__(folder)
        self.mac, self.chip, self.faults = mac, chip, faults
        self._paced = paced
        self._line_free = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "native").mkdir(exist_ok=True)
        (folder / "air.json").write_text(json.dumps(air or {}))
        path = folder / "flash.bin"
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(b"\xff" * size)
        self._rom: Rom | None = None

    def __enter__(self):
        with (self.folder / "flash.bin").open("r+b") as file:
            self.flash = mmap.mmap(file.fileno(), 0)
        return super().__enter__()

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self.flash.close()

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"BOARD_MAC": self.mac.replace(":", "")}

    def _boot(self) -> None:
        bootloader = chips.CHIPS[self.chip].bootloader
        begins = self.flash[bootloader : bootloader + 1] == IMAGE
        begins &= self.flash[APPLICATION : APPLICATION + 1] == IMAGE
        vfs = partitions.read(self.flash).get("vfs")
        if not begins or vfs is None:
            self._say(EMPTY)
            return
        self._translate(self.flash[vfs["offset"] : vfs["offset"] + vfs["size"]])
        super()._boot()

    def _translate(self, volume: bytes) -> None:
        """Have the chip's machine code that is on it beside it, for this PC."""
        try:
            files = image.files_in(volume)
        except ValueError:
            return
        native = [name for name in files if name.endswith(".mpy") and files[name][2] >> 2]
        drivers = [name[8:-4] for name in files if name.startswith("drivers/")]
        with COMPILING:
            made = image.compiled(tuple(drivers), build.host_arch()) if native else {}
        for name in native:
            path = self.folder / "native" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(made[name])

    def _heard(self, data: bytes) -> None:
        if self._rom is not None and self._rom.is_foreign(data):
            # The tool that flashed it has gone, and another has come at once.
            self._restart()
        if self._rom is None and SYNC not in data:
            if self._process is not None:
                super()._heard(data)
            return
        if self.faults.silent:
            return
        if self._rom is None:
            self._halt()
            mac = bytes.fromhex(self.mac.replace(":", ""))
            self._rom = Rom(self.chip, mac, self.flash, self.faults.secure, self._restart)
            self._rom.flips_at = self.faults.flips_at
            self._noisy = self.faults.noisy
        if self._paced:
            self._take_the_time(len(data) * BITS / self._rom.baudrate)
        answer = self._rom.take(data)
        if self._reached(self.faults.unplugged_at):
            self.unplug()
        elif not self._reached(self.faults.dies_at):
            self._answer(answer)

    def _take_the_time(self, seconds: float) -> None:
        """Wait until a line would have carried what was read; being woken late is made up for."""
        now = time.monotonic()
        if now - self._line_free > LATE_MOST_S:
            self._line_free = now
        self._line_free += seconds
        time.sleep(max(0.0, self._line_free - now))

    def _reached(self, percent: float | None) -> bool:
        return percent is not None and self._rom is not None and self._rom.reached >= percent

    def _answer(self, answer: bytes) -> None:
        if answer and self._noisy:
            self._noisy -= 1
            answer = NOISE + answer
        end = time.monotonic() + WRITE_WITHIN_S
        while answer and time.monotonic() < end:
            try:
                answer = answer[os.write(self._outside, answer) :]
            except BlockingIOError:
                time.sleep(0.001)

    def _closed(self) -> None:
        # A pty has no line that resets; so the end of the tool that flashed it does.
        if self._rom is not None:
            self._restart()

    def _restart(self) -> None:
        self._rom = None
        self._halt()
        self._boot()
