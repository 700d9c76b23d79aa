"""Stock MicroPython, of a version pinned for each chip: from the cache, or downloaded."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

import platformdirs

from host_tools.errors import UserError

SITE = "https://micropython.org/resources/firmware"
NAMES = {
    "esp32": "ESP32_GENERIC",
    "esp32s3": "ESP32_GENERIC_S3",
    "esp32c3": "ESP32_GENERIC_C3",
    "esp32c6": "ESP32_GENERIC_C6",
}
# {chip: (release, SHA-256)}. The project publishes no sums: these are of the files as public
# repositories of two or more owners keep them, byte for byte the same; of the C6's there was
# one copy, and another's statement of its sum (docs/image.md).
PINNED = {
    "esp32": (
        "20250911-v1.26.1",
        "6b5272b6edd15fc4d1627ec559a27a5d5a7b86e5ea7f8013941eb10c877edd4e",
    ),
    "esp32s3": (
        "20250911-v1.26.1",
        "d6c48687f684cc7c002a0a4acd258f881c4b391f3ef121726a3b7cd285dcdbbc",
    ),
    "esp32c3": (
        "20250911-v1.26.1",
        "349c9eee019eb6b026ca5b7c6069393a9b2a67098cc29fdbac5c82a286c8afa2",
    ),
    "esp32c6": (
        "20260406-v1.28.0",
        "d338042d2dd87a00dad2163071f44bf67da1401e1d1d0686f2bb2e336e78f0e6",
    ),
}
BYTES_MOST = 8 << 20
ANSWER_WITHIN_S = 30


def file_name(chip: str) -> str:
    """Return what the project calls the file for that chip."""
    return f"{NAMES[chip]}-{PINNED[chip][0]}.bin"


def cache() -> Path:
    """Return the folder of the files that were downloaded."""
    return platformdirs.user_cache_path("kista") / "micropython"


def fetch(
    chip: str, sha256: str | None = None, site: str | None = None, folder: Path | None = None
) -> Path:
    """Return the path of the pinned file for a chip, downloaded the first time.

    `sha256`: what it must be (64 hexadecimal digits), if not what is pinned. `UserError` says why
    there is none.
    """
    site, folder = site or SITE, folder or cache()
    path = folder / file_name(chip)
    sha256 = sha256 or PINNED[chip][1]
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256.lower():
        return path
    data = _download(f"{site}/{file_name(chip)}")
    check(data, sha256, f"{site}/{file_name(chip)}")
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
    return path


def check(data: bytes, sha256: str, name: object) -> None:
    """`UserError` when these bytes are not the ones that are meant."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise UserError(f"{name}: not the file that is meant; its SHA-256 is {found}, not {sha256}")


def _download(url: str) -> bytes:
    by_hand = "take the file by hand and name it with --micropython"
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_S) as answer:
            data = answer.read(BYTES_MOST + 1)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: {error.code} {error.reason}; {by_hand}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url}: cannot be downloaded ({reason}); {by_hand}") from None
    if len(data) > BYTES_MOST:
        raise UserError(f"{url}: longer than {BYTES_MOST} bytes; {by_hand}")
    return data
