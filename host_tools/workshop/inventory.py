"""What happened to each board: rows that are only ever added, so that two benches can merge theirs.

A row is one event: `flash` (a board was written, or failed), `provision` (it became a node of a
site), `claim` (a node was found to hang at a site). A board is known by its MAC address, a node by
its name; what holds now is what was said last.
"""

from __future__ import annotations

import contextlib
import csv
import getpass
import hashlib
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

from host_tools import claims
from host_tools.errors import UserError
from host_tools.workshop.image_file import FlashImage
from host_tools.workshop.tray import Board

FILE = "inventory.db"
BUSY_S = 10
FLASH, PROVISION, CLAIM = "flash", "provision", "claim"
GOOD, FAILED = "ok", "failed"
_APPLICATION_ID = 0x4B697374


@dataclass(frozen=True)
class Event:
    """`id` is unique in the world; `time` is ISO 8601 UTC; what is not known is ""."""

    id: str
    kind: str
    time: str
    who: str = ""
    mac: str = ""
    node: str = ""
    site: str = ""
    board: str = ""
    chip: str = ""
    firmware: str = ""
    micropython: str = ""
    image: str = ""
    seconds: str = ""
    outcome: str = ""
    why: str = ""


@dataclass(frozen=True)
class Standing:
    """How a board stands; `flashed` is the time of its last flashing, `outcome` how that went."""

    mac: str
    node: str
    site: str
    board: str
    firmware: str
    flashed: str
    outcome: str


_COLUMNS = [field.name for field in fields(Event)]
_MARKS = ", ".join("?" * len(_COLUMNS))


class Inventory:
    """A file of events; a context. `UserError` when the file is none of ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Inventory:
        try:
            self._db = sqlite3.connect(self._path, timeout=BUSY_S, check_same_thread=False)
            with self._db:
                self._prepare()
        except sqlite3.Error as error:
            raise UserError(f"{self._path}: {error}; is it an inventory?") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _prepare(self) -> None:
        found = self._db.execute("PRAGMA application_id").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and found != _APPLICATION_ID:
            raise UserError(f"{self._path}: a database, but no inventory")
        self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        columns = ", ".join(f"{name} TEXT NOT NULL" for name in _COLUMNS[1:])
        self._db.execute(f"CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, {columns})")

    def add(self, events: list[Event]) -> int:
        """Add what is not in it yet; return how many that were. They are on the disk then."""
        before = self._db.total_changes
        try:
            with self._db:
                rows = [astuple(event) for event in events]
                self._db.executemany(f"INSERT OR IGNORE INTO event VALUES ({_MARKS})", rows)
        except sqlite3.Error as error:
            raise UserError(f"{self._path}: {error}") from None
        return self._db.total_changes - before

    def events(self) -> list[Event]:
        """Return everything that happened, oldest first."""
        names = ", ".join(_COLUMNS)
        rows = self._db.execute(f"SELECT {names} FROM event ORDER BY time, id")
        return [Event(*row) for row in rows]

    def standings(self) -> list[Standing]:
        """Return how each board stands, by its node's name, then its address."""
        found: dict[str, dict[str, str]] = {}
        sites: dict[str, str] = {}
        for event in self.events():
            if event.node and event.site:
                sites[event.node] = event.site
            if not event.mac:
                continue
            board = found.setdefault(event.mac, dict.fromkeys(_standing_names(), ""))
            board["mac"] = event.mac
            told = {name: getattr(event, name) for name in ("node", "board", "firmware")}
            board.update({name: value for name, value in told.items() if value})
            if event.kind == FLASH:
                board.update(flashed=event.time, outcome=event.outcome)
        for board in found.values():
            board["site"] = sites.get(board["node"], "")
        return sorted((Standing(**one) for one in found.values()), key=lambda s: (s.node, s.mac))

    def of(self, name: str) -> list[Event]:
        """Return what happened to a board (MAC address) or a node (name), oldest first."""
        name = name.lower()
        events = self.events()
        macs = {event.mac for event in events if event.mac and name in (event.mac, event.node)}
        nodes = {event.node for event in events if event.mac in macs and event.node} - {UNNAMED}
        nodes.add(name)
        return [event for event in events if event.mac in macs or event.node in nodes]


# What a node that was never provisioned calls itself.
UNNAMED = "unnamed"


def _standing_names() -> list[str]:
    return [field.name for field in fields(Standing)]


def now() -> str:
    """Return the time as ISO 8601 UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def who() -> str:
    """Return the name that this person has on this machine, "" when it has none."""
    with contextlib.suppress(KeyError, OSError, ImportError):
        return getpass.getuser()
    return ""


def flashed(board: Board, image: FlashImage, person: str) -> Event:
    """Return the event of a board's turn."""
    return Event(
        id=uuid.uuid4().hex,
        kind=FLASH,
        time=board.began,
        who=person,
        mac=board.mac,
        node="" if board.node == UNNAMED else board.node,
        board=image.board,
        chip=board.chip,
        firmware=board.firmware,
        micropython=image.micropython,
        image=image.sha256,
        seconds=f"{board.seconds:.1f}",
        outcome=GOOD if board.good else FAILED,
        why=board.why,
    )


def provisioned(mac: str, node: str, site: str, board: str, firmware: str, person: str) -> Event:
    """Return the event of a board that became a node."""
    ident = uuid.uuid4().hex
    return Event(ident, PROVISION, now(), person, mac, node, site, board, firmware=firmware)


def claimed(claim: claims.Claim) -> Event:
    """Return the event of a line of `kista claim`; the same line is the same event."""
    text = "\n".join(astuple(claim))
    ident = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Event(ident, CLAIM, claim.claimed, node=claim.node, site=claim.site)


def write_csv(events: list[Event], file) -> None:
    """Write all columns of the events."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(event) for event in events)


def read_csv(path: Path) -> list[Event]:
    """Return the events of an exported file, or of a file of claims; UserError when it is none."""
    try:
        with path.open(newline="") as file:
            first = next(csv.reader(file), [])
        if first == [field.name for field in fields(claims.Claim)]:
            return [claimed(claim) for claim in claims.read(path)]
        with path.open(newline="") as file:
            return list(_rows(csv.DictReader(file)))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: neither an inventory nor claims ({error})") from None


def _rows(reader: csv.DictReader) -> Iterator[Event]:
    if reader.fieldnames != _COLUMNS:
        raise ValueError("other columns")
    for row in reader:
        if None in row or None in row.values() or not row["id"]:
            raise ValueError(f"line {reader.line_num} is damaged")
        yield Event(**row)
