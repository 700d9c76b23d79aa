"""Start MicroPython with the firmware in memory beside its heap, as a chip reads its code from
flash: chip.py IMAGE HEAP MODULE [ARGUMENT…].

`heap` is as `-X heapsize` takes it. The module is one of the ROM file system in IMAGE.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from micropython_unix import run_main

_START = """
import sys, uctypes, vfs
vfs.mount(vfs.VfsRom(uctypes.bytearray_at({address}, {size})), "/rom")
sys.path[:] = ["/rom"]
sys.argv[:] = {arguments!r}
from {module} import run
run()
"""


def start(image: Path, heap: str, module: str, arguments: list[str]) -> None:
    """Run `module.run()` under MicroPython; ends the process."""
    rom = image.read_bytes()
    memory = ctypes.create_string_buffer(rom, len(rom))
    script = _START.format(
        address=ctypes.addressof(memory), size=len(rom), arguments=arguments, module=module
    )
    sys.exit(run_main(["micropython", "-X", f"heapsize={heap}", "-c", script]))


if __name__ == "__main__":
    start(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
