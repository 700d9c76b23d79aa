"""Stock MicroPython, of one version for every chip: from a file, from the cache, or downloaded."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

import platformdirs

from host_tools.errors import UserError

SITE = "https://micropython.org/resources/firmware"
RELEASE = "20250911-v1.26.1"
NAMES = {
    "esp32": "ESP32_GENERIC",
    "esp32s3": "ESP32_GENERIC_S3",
    "esp32c3": "ESP32_GENERIC_C3",
    "esp32c6": "ESP32_GENERIC_C6",
}
# {chip: SHA-256}. The project publishes none; only what was computed from a file that came from its
# site belongs here. Until then `--sha256` says which file is meant.
SHA256: dict[str, str] = {}
BYTES_MOST = 8 << 20
ANSWER_WITHIN_S = 30


def file_name(chip: str) -> str:
    """Return what the project calls the file for that chip."""
    return f"{NAMES[chip]}-{RELEASE}.bin"


def cache() -> Path:
    """Return the folder of the files that were downloaded."""
    return platformdirs.user_cache_path("kista") / "micropython"


def fetch(
    chip: str, sha256: str | None = None, site: str | None = None, folder: Path | None = None
) -> Path:
    """Return the path of the pinned file for a chip, downloaded the first time.

    `sha256`: what it must be (64 hexadecimal digits); not needed for a file that is in the cache.
    `UserError` says why there is none.
    """
    site, folder = site or SITE, folder or cache()
    path, noted = folder / file_name(chip), folder / f"{file_name(chip)}.sha256"
    if sha256 is None:
        sha256 = SHA256.get(chip) or (noted.read_text() if noted.exists() else None)
    if sha256 is None:
        raise UserError(
            f"{file_name(chip)}: no SHA-256 of it is known; name it with --sha256, "
            "or a file with --micropython"
        )
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256.lower():
        return path
    data = _download(f"{site}/{file_name(chip)}")
    check(data, sha256, f"{site}/{file_name(chip)}")
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
    noted.write_text(sha256.lower())
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
