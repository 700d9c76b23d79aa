"""The image of a node: stock MicroPython, our partition table, a file system with the firmware."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import littlefs

from gateway import access, checks, settings
from gateway import config as configuration
from host_tools import build, chips, partitions, site, stock_image
from host_tools.errors import UserError

BUILD = build.ROOT / "build" / "image"
# What of a board's file the node needs.
BOARD_KEYS = ("name", "buses", "led", "button", "ethernet", "lte")
# How stock MicroPython mounts `vfs` (ports/esp32/modules/flashbdev.py, extmod/vfs_lfs.c); of this
# version of LittleFS's format it is since its first release.
FILE_SYSTEM = {
    "block_size": partitions.SECTOR,
    "read_size": 32,
    "prog_size": 32,
    "cache_size": 128,
    "lookahead_size": 32,
    "disk_version": 0x00020000,
}
# MicroPython starts `main.py`, but no `main.mpy`.
STARTER = b"import start\n\nstart.start()\n"


class Part(NamedTuple):
    """A piece of the flash: where it begins, what is written there, and what it is."""

    offset: int
    data: bytes
    name: str


class Image(NamedTuple):
    """`parts`: everything to be written, by offset; `version`: MicroPython's.

    What lies between the parts (NVS, journal and spool among it) is not to be touched. `drivers`:
    those that are on it. `configured`: whether the configuration is.
    """

    board: dict
    version: str
    parts: tuple[Part, ...]
    drivers: tuple[str, ...]
    configured: bool

    def whole(self) -> bytes:
        """Return the flash of a new board from 0 to the end of the last part."""
        flash = bytearray(b"\xff") * (self.parts[-1].offset + len(self.parts[-1].data))
        for part in self.parts:
            flash[part.offset : part.offset + len(part.data)] = part.data
        return bytes(flash)


def make(
    board: dict, micropython: Path, config: dict | None = None, configured: bool = True
) -> Image:
    """Return the image for `board` (`boards.load`) on the stock image in a file.

    `config`: the configuration as a node keeps it. It chooses the drivers (without: all of them)
    and is put on the node, to be tried there, unless `configured` is false. `UserError` says why
    it cannot be.
    """
    chip = chips.CHIPS[chip_of(board)]
    places = board["flash"]["partitions"]
    stock = stock_image.read(micropython, chip)
    room = places["factory"]["size"]
    if len(stock.application) > room:
        raise UserError(
            f"{micropython}: its application has {len(stock.application)} bytes, "
            f"partition factory of board {board['name']} {room}"
        )
    drivers = needed_drivers(board, config)
    files = device_files(board, drivers)
    configured = configured and config is not None
    if configured:
        if holds_secrets(config):
            raise UserError("configuration: holds a password; no image does")
        files[settings.NEW] = json.dumps(config, separators=(",", ":"), sort_keys=True).encode()
    parts = (
        Part(chip.bootloader, stock_image.sized(stock.bootloader, board["flash"]["size"]), "boot"),
        Part(partitions.TABLE_OFFSET, partitions.table(places), "table"),
        Part(places["factory"]["offset"], stock.application, "factory"),
        Part(places["vfs"]["offset"], file_system(files, places["vfs"]["size"]), "vfs"),
    )
    return Image(board, stock.version, parts, drivers, configured)


def chip_of(board: dict) -> str:
    """Return the name of the board's chip; `UserError` when it has none that could be flashed."""
    if board["chip"] not in chips.CHIPS:
        raise UserError(f"board {board['name']} is simulated; there is nothing to flash")
    return board["chip"]


def read_config(path: Path, board: dict) -> tuple[dict, bool]:
    """Return a node's configuration, and whether it can be on an image: it holds no secret.

    A file named *.toml is what people write (docs/field.md), others are JSON as a node keeps it.
    """
    if path.suffix == ".toml":
        asked: list[str] = []
        plan = site.plan(site.read(path), board, path.parent, lambda what: asked.append(what) or "")
        others = plan.secrets.keys() - {"wifi"}
        return plan.config, not (asked or others or any(plan.secrets["wifi"]))
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); TOML is in files named .toml") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: needs a JSON object")
    return config, not holds_secrets(config)


def needed_drivers(board: dict, config: dict | None) -> tuple[str, ...]:
    """Return the names of the drivers of a configuration, checked by the node's own rules."""
    if config is None:
        return tuple(sorted(path.stem for path in build.DRIVERS.glob("[!_]*.py")))
    try:
        checked = configuration.check(config, board, configuration.load_driver)
    except checks.ConfigError as error:
        raise UserError(f"configuration: {error}") from None
    sensors = [sensor for stream in checked["streams"] for sensor in stream["sensors"]]
    return tuple(sorted({sensor["driver"] for sensor in sensors}))


def holds_secrets(config: dict) -> bool:
    """Return whether there is a password in it; no image holds one."""
    try:
        access.check_no_secrets(config)
    except checks.ConfigError:
        return True
    return False


def device_files(board: dict, drivers: tuple[str, ...]) -> dict[str, bytes]:
    """Return {path on the node: content} of the compiled firmware with these drivers."""
    told = {key: board[key] for key in BOARD_KEYS if key in board}
    return compiled(drivers, build.CHIP_ARCH[board["chip"]]) | {
        "boot.py": build.device_files()["boot.py"].read_bytes(),
        "main.py": STARTER,
        "board.json": json.dumps(told, separators=(",", ":")).encode(),
    }


def compiled(drivers: tuple[str, ...], arch: str | None) -> dict[str, bytes]:
    """Return {path on the node: content} of what is compiled of it, for an instruction set."""
    sources = {
        name: path
        for name, path in build.device_files().items()
        if not name.startswith("drivers/") or path.stem in drivers
    }
    del sources["boot.py"]
    sources["start.py"] = sources.pop("main.py")
    # Of its own for each set of files: what is compiled together shares its short names.
    folder = BUILD / hashlib.sha256(" ".join((str(arch), *sources)).encode()).hexdigest()[:16]
    made = build.compile_files(sources, folder, arch)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in made}


def file_system(files: dict[str, bytes], size: int) -> bytes:
    """Return a LittleFS of exactly `size` bytes; `UserError` when the files do not fit.

    All of it is to be written: half of a directory's pair of blocks that was left from before could
    be the newer half.
    """
    volume = littlefs.LittleFS(block_count=size // partitions.SECTOR, **FILE_SYSTEM)
    try:
        for name in sorted(files):
            if "/" in name:
                volume.makedirs(name.rpartition("/")[0], exist_ok=True)
            with volume.open(name, "wb") as file:
                file.write(files[name])
    except littlefs.LittleFSError as error:
        if error.code != littlefs.LittleFSError.Error.LFS_ERR_NOSPC:
            raise
        total = sum(map(len, files.values()))
        raise UserError(
            f"{len(files)} files of {total} bytes do not fit into the {size} of partition vfs"
        ) from None
    return bytes(volume.context.buffer)


def files_in(volume: bytes) -> dict[str, bytes]:
    """Return {path on the node: content} of a LittleFS; ValueError when it is none."""
    # Of whatever version: a node that writes to it makes it a newer one.
    like = {**FILE_SYSTEM, "disk_version": 0}
    lfs = littlefs.LittleFS(block_count=len(volume) // partitions.SECTOR, mount=False, **like)
    lfs.context.buffer = bytearray(volume)
    found = {}
    try:
        lfs.mount()
        for folder, _, names in lfs.walk("/"):
            for name in names:
                path = f"{folder}/{name}".lstrip("/")
                with lfs.open(path, "rb") as file:
                    found[path] = file.read()
    except littlefs.LittleFSError as error:
        raise ValueError(f"no file system ({error})") from None
    return found
