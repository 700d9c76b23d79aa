"""What a frame costs on an emulated ESP32, in bytecode and in machine code, beside json.dumps.

    make bench-chip QEMU=qemu-system-xtensa IMAGE=stock.bin

The emulator (tests/host_tools/emulator.py says which) counts the host's time: its figures are good
as ratios to json.dumps and to a plain loop in the same run.
"""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "host_tools"))

from emulator import Emulator, powered

from host_tools import boards, build, image
from tests.bench import frames, logs

BOARD = "esp32_generic"
FLASH_BYTES = 4 << 20
VARIANTS = {"bytecode": None, "machine code": build.CHIP_ARCH["esp32"]}
WITHIN_S = 900


def volume(variant: str, log: logs.Log, size: int) -> bytes:
    """Return the chip's file system: the frame's code, 96 rows, and what measures."""
    arch = VARIANTS[variant]
    times, cells = frames.pieces(log, frames.ROWS[0])[0]
    sources = {n: p for n, p in build.device_files().items() if n.startswith("gateway/")}
    sources["on_chip.py"] = Path(__file__).with_name("on_chip.py")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = build.compile_files(sources, folder, arch, alone=False)
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in made}
    files["rows.py"] = f"times = {times}\ncells = {cells}\ncolumns = {log.columns}\n".encode()
    files["main.py"] = f"import on_chip\n\non_chip.run({variant!r})\n".encode()
    return image.file_system(files, size)


def measure(qemu: str, stock: Path, variant: str, log: logs.Log) -> list[float]:
    """Return what on_chip.py prints; TimeoutError when it prints nothing in time."""
    board = boards.load(BOARD)
    part = board["flash"]["partitions"]["vfs"]
    flash = bytearray(image.make(board, stock).whole().ljust(FLASH_BYTES, b"\xff"))
    flash[part["offset"] : part["offset"] + part["size"]] = volume(variant, log, part["size"])
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "flash.bin"
        file.write_bytes(flash)
        with powered(Emulator(qemu, file)) as emulator:
            said = _listen(emulator.port, f"BENCH {variant} ")
    return [float(number) for number in said.split()]


def _listen(port: str, start: str) -> str:
    """Return what follows `start` on its line."""
    terminal = os.open(port, os.O_RDWR | os.O_NOCTTY)
    heard = ""
    end = time.monotonic() + WITHIN_S
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                heard += os.read(terminal, 4096).decode("ascii", "replace")
            line, found, _ = heard.partition(start)[2].partition("\r\n")
            if found:
                return line
    finally:
        os.close(terminal)
    raise TimeoutError(f"the emulated chip has not measured; it said: {heard[-500:]}")


def main(qemu: str, stock: str) -> None:
    log = logs.still()
    table = Table("emulated ESP32", "frame", "json.dumps", "ratio", "longest step", title=log.name)
    for variant in VARIANTS:
        ours, theirs, longest, loop = measure(qemu, Path(stock), variant, log)
        row = (f"{ours:.1f} µs a value", f"{theirs:.1f}", f"{ours / theirs:.2f}")
        table.add_row(variant, *row, f"{longest:.1f} ms, {longest * 1000 / loop:,.0f} empty loops")
    Console(width=110).print(table)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("needs an emulator and a stock image: make bench-chip QEMU=FILE IMAGE=FILE")
    main(*sys.argv[1:])
