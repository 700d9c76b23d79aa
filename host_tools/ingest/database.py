"""The SQLite database: its tables, and how it is opened. docs/ingest.md explains them."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from host_tools.errors import UserError

APPLICATION_ID = 0x4B697374  # "Kist"
VERSION = 1
# A row's id is its frame's id times this, plus its number in the frame: 1,024 is the frame's most.
ROWS_A_FRAME = 1024
BUSY_MS = 5_000
# STRICT came with SQLite 3.37; an older one checks no types, and writes the same file otherwise.
_STRICT = sqlite3.sqlite_version_info >= (3, 37, 0)

_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) /*STRICT*/;

CREATE TABLE nodes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_seen_ms INTEGER,       -- when the node itself last said something
    status TEXT, status_ms INTEGER,
    health TEXT, health_ms INTEGER
) /*STRICT*/;

CREATE TABLE schemas (
    id INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL REFERENCES nodes,
    ident BLOB NOT NULL,        -- first bytes of the text's SHA-256: what frames carry
    stream TEXT NOT NULL,
    period_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (node_id, ident)
) /*STRICT*/;

CREATE TABLE channels (
    schema_id INTEGER NOT NULL REFERENCES schemas,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    scale INTEGER NOT NULL,     -- a sample's value divided by this is in `unit`
    PRIMARY KEY (schema_id, number)
) /*STRICT,*/ WITHOUT ROWID;

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL REFERENCES nodes,
    stream TEXT NOT NULL,
    UNIQUE (node_id, stream)
) /*STRICT*/;

CREATE TABLE frames (
    id INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL REFERENCES nodes,
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    ident BLOB NOT NULL,
    schema_id INTEGER REFERENCES schemas,   -- NULL: waits for its schema, has no rows yet
    quality INTEGER NOT NULL,               -- 0: times are uptime of `boot`; 1: unix ms
    first_ms INTEGER NOT NULL,              -- the first row's time, as `quality` says
    row_count INTEGER NOT NULL,
    arrived_ms INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (node_id, boot, seq)
) /*STRICT*/;
CREATE INDEX frames_waiting ON frames (node_id, ident) WHERE schema_id IS NULL;

CREATE TABLE anchors (
    node_id INTEGER NOT NULL REFERENCES nodes,
    boot INTEGER NOT NULL,
    unix_ms INTEGER NOT NULL,   -- when this boot's uptime was 0
    PRIMARY KEY (node_id, boot)
) /*STRICT,*/ WITHOUT ROWID;

CREATE TABLE rows (
    id INTEGER PRIMARY KEY,     -- frame id * 1024 + number of the row in its frame
    series_id INTEGER NOT NULL REFERENCES series,
    time_ms INTEGER,            -- unix ms; NULL: not known (yet)
    uptime_ms INTEGER,          -- only of rows taken while the node did not know the time
    CHECK (time_ms IS NOT NULL OR uptime_ms IS NOT NULL)
) /*STRICT*/;
CREATE INDEX rows_by_time ON rows (series_id, time_ms);

CREATE TABLE samples (
    row_id INTEGER NOT NULL REFERENCES rows,
    channel INTEGER NOT NULL,
    value INTEGER,              -- NULL: there is none, `flags` say why
    flags INTEGER NOT NULL,
    PRIMARY KEY (row_id, channel)
) /*STRICT,*/ WITHOUT ROWID;

CREATE TABLE lost (             -- sequence numbers that a node reported as given up
    node_id INTEGER NOT NULL REFERENCES nodes,
    boot INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (node_id, boot, first_seq, last_seq)
) /*STRICT,*/ WITHOUT ROWID;

CREATE TABLE replies (
    id INTEGER PRIMARY KEY,
    node_id INTEGER NOT NULL REFERENCES nodes,
    arrived_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (node_id, text)
) /*STRICT*/;

CREATE TABLE aside (            -- what could not be used, and why
    id INTEGER PRIMARY KEY,
    node_id INTEGER REFERENCES nodes,
    arrived_ms INTEGER NOT NULL,
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    data BLOB NOT NULL,         -- the first 64 KiB
    UNIQUE (topic, sha256)
) /*STRICT*/;

CREATE VIEW readings AS
SELECT
    nodes.name AS node,
    series.stream AS stream,
    strftime('%Y-%m-%dT%H:%M:%S', rows.time_ms / 1000, 'unixepoch')
        || printf('.%03dZ', rows.time_ms % 1000) AS time,
    channels.name AS channel,
    CAST(samples.value AS REAL) / channels.scale AS value,
    channels.unit AS unit,
    samples.flags AS flags,
    rows.time_ms AS time_ms,
    rows.uptime_ms AS uptime_ms,
    frames.boot AS boot,
    frames.seq AS seq
FROM nodes
JOIN series ON series.node_id = nodes.id
JOIN rows ON rows.series_id = series.id
JOIN frames ON frames.id = rows.id / 1024
JOIN samples ON samples.row_id = rows.id
JOIN channels ON channels.schema_id = frames.schema_id AND channels.number = samples.channel;
"""


def create(path: Path) -> sqlite3.Connection:
    """Open the database at `path` for writing, made if need be; `UserError` when it is not ours.

    Commits are `synchronous=FULL`: what was acknowledged after a commit survives a power cut.
    """
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if not _is_ours(db, path):
            db.execute("BEGIN IMMEDIATE")
            # Another one may have made it while this one waited for the lock.
            if not _is_ours(db, path):
                _make(db)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise UserError(f"{path}: {error}") from None
    return db


def open_existing(path: Path) -> sqlite3.Connection:
    """Open the database at `path` for reading only; `UserError` when there is none."""
    if not path.exists():
        raise UserError(f"{path}: there is no such database; `kista ingest` makes one")
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
        if not _is_ours(db, path):
            raise UserError(f"{path}: an empty database; `kista ingest` has not written to it")
    except sqlite3.Error as error:
        raise UserError(f"{path}: {error}") from None
    return db


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only one that ingests into `path`; `UserError` when another process does.

    Two would share one session at the broker and throw each other out of it for ever.
    """
    # Not the database file itself: closing it here would end SQLite's own locks on it.
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.with_name(path.name + "-ingest").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{path}: another `kista ingest` writes to it") from None
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        yield


def client_id(db: sqlite3.Connection) -> str:
    """Return the MQTT client id that belongs to this database: its session at the broker."""
    return db.execute("SELECT value FROM settings WHERE name = 'client_id'").fetchone()[0]


def _is_ours(db: sqlite3.Connection, path: Path) -> bool:
    """Return False for an empty database; `UserError` for another program's or a newer one."""
    application = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if application == APPLICATION_ID:
        if version > VERSION:
            raise UserError(f"{path}: made by a newer Kista (version {version}); update this one")
        return True
    if application or db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise UserError(f"{path}: a database of another program")
    return False


def _make(db: sqlite3.Connection) -> None:
    tables = _TABLES
    if _STRICT:
        tables = tables.replace("/*STRICT,*/", "STRICT,").replace("/*STRICT*/", "STRICT")
    for statement in _statements(tables):
        db.execute(statement)
    db.execute(
        "INSERT INTO settings VALUES ('client_id', ?)", (f"kista-ingest-{secrets.token_hex(4)}",)
    )
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def _statements(script: str) -> list[str]:
    """Split a script: `executescript` would end the transaction that makes all tables or none."""
    statements, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements
