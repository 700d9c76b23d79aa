"""Which node hangs at which site: lines of a CSV file, which needs no network to be written."""

from __future__ import annotations

import csv
import os
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

from gateway import checks
from host_tools.errors import UserError
from host_tools.labels import SCHEME

SITE_MOST = 128
# A scanner types as on a US keyboard. Where the PC's layout is another, these keys say something
# else (Swedish, Danish, Norwegian, Finnish, German); no node's name has any of them.
AS_TYPED = str.maketrans({"Ö": ":", "Æ": ":", "Ø": ":", "+": "-", "ß": "-", "?": "_"})


@dataclass(frozen=True)
class Claim:
    """One line; `claimed` is ISO 8601 UTC. The latest claim of a node is the one that holds."""

    node: str
    site: str
    claimed: str


def node_of(text: str) -> str | None:
    """Return the node that a label's QR code names, None when it is no label's text."""
    text = text.strip()
    typed = text.translate(AS_TYPED).lower()
    if typed.startswith(SCHEME):
        name = typed[len(SCHEME) :]
    elif "://" in text:
        name = text.rstrip("/").rpartition("/")[2]
    else:
        return None
    try:
        checks.check_name({"node": name}, "node", "node")
    except checks.ConfigError:
        return None
    return name


def add(path: Path, node: str, site: str) -> Claim:
    """Append a claim to the file and return it; it is on the disk then."""
    try:
        checks.check_name({"node": node}, "node", "node")
        checks.text({"name": site}, "name", "site", 1, SITE_MOST)
    except checks.ConfigError as error:
        raise UserError(str(error)) from None
    claim = Claim(node, site, datetime.now(timezone.utc).isoformat(timespec="seconds"))
    try:
        with path.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not file.tell():
                writer.writerow([field.name for field in fields(Claim)])
            writer.writerow(astuple(claim))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    return claim


def read(path: Path) -> list[Claim]:
    """Return the claims of a file, oldest first; UserError when it is none of ours."""
    try:
        with path.open(newline="") as file:
            return [Claim(**row) for row in csv.DictReader(file)]
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (TypeError, UnicodeDecodeError, csv.Error):
        raise UserError(f"{path}: no file of claims (node,site,claimed)") from None
