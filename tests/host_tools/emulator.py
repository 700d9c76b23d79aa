"""An ESP32 in QEMU with its flash in a file: github.com/lcgamboa/qemu, branch picsimlab-esp32.

It emulates the ROM loader, UARTs, flash and an open Wi-Fi network, PICSimLabWifi, in which the
machine it runs on is 192.168.4.2. docs/twin.md says why it is slow, and what makes it faster.
"""

import contextlib
import re
import subprocess
import time
from pathlib import Path

WIFI = "PICSimLabWifi"
HOST = "192.168.4.2"
# What the strapping pins say: start from flash, or listen to a loader on the UART.
_RUN = 0x12
_LOAD = 0x0F
_STARTS_WITHIN_S = 10


class Emulator:
    """`program`: qemu-system-xtensa; `flash`: a file of the flash's size; a context.

    `port`: where the board's UART 0 is on this machine, after `start`; `sensor`: its UART 1.
    """

    def __init__(self, program, flash):
        self._program = Path(program)
        self._flash = flash
        self._process = None
        self.port = self.sensor = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self, loader=False):
        """Apply power; with `loader`, as if the button BOOT were pressed."""
        command = [self._program, "-M", "esp32-picsimlab", *self._data()]
        command += ["-display", "none", "-monitor", "none", "-serial", "pty", "-serial", "pty"]
        command += ["-drive", f"file={self._flash},if=mtd,format=raw"]
        command += ["-nic", "user,model=esp32_wifi,net=192.168.4.0/24"]
        # On a busy machine emulated time is too uneven for its interrupt watchdog.
        command += ["-global", "driver=timer.esp32.timg,property=wdt_disable,value=true"]
        strap = _LOAD if loader else _RUN
        command += ["-global", f"driver=esp32.gpio,property=strap_mode,value={strap}"]
        self._process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.port, self.sensor = self._terminals()

    def _data(self):
        """Return where its ROM images are, when it runs where it was built."""
        folder = self._program.resolve().parent.parent / "pc-bios"
        return ["-L", folder] if folder.is_dir() else []

    def _terminals(self):
        found = []
        end = time.monotonic() + _STARTS_WITHIN_S
        while len(found) < 2 and time.monotonic() < end:
            line = self._process.stdout.readline()
            found += re.findall(r"redirected to (/dev/\S+)", line)
            assert line or self._process.poll() is None, "the emulator has ended"
        assert len(found) == 2, "the emulator names no terminals"
        return found

    def kill(self):
        """Take the power away."""
        if self._process:
            self._process.kill()
            self._process.communicate()
        self._process = None


@contextlib.contextmanager
def powered(emulator, loader=False):
    emulator.start(loader)
    try:
        yield emulator
    finally:
        emulator.kill()
