"""Messages in, rows out: what each message changes in the database, a transaction a batch."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame
from host_tools.ingest import messages
from host_tools.ingest.database import ROWS_A_FRAME
from host_tools.ingest.messages import Arrival, Message

ASIDE_MOST = 10_000
ASIDE_BYTES_MOST = 64 * 1024
assert frame.MAX_ROWS <= ROWS_A_FRAME


class Store:
    """Writes to one database. The same message twice changes nothing.

    Counts are by name: `frames` (with rows now), `rows`, `values`, `duplicates`, `waiting` (for
    their schema; falls when it comes), `aside`, `other` (schema, status, health, reply).
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._forget()

    def add(self, batch: Iterable[Message]) -> Counter[str]:
        """Read and apply a batch; return what it changed, which is then durable."""
        return self.apply([messages.read(message) for message in batch])

    def apply(self, arrivals: list[Arrival]) -> Counter[str]:
        """Apply what was read, all or nothing; `sqlite3.OperationalError` and nothing changed."""
        counts: Counter[str] = Counter()
        with self._transaction():
            for arrival in arrivals:
                counts.update(self._apply(arrival))
        return counts

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # What is remembered may have come from rows that are no more.
            self._forget()
            # SQLite itself may have ended the transaction (disk full).
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _forget(self) -> None:
        self._nodes: dict[str, int] = {}
        # (node id, ident) -> (schema id, series id, number of channels)
        self._schemas: dict[tuple[int, bytes], tuple[int, int, int]] = {}

    def _apply(self, arrival: Arrival) -> Counter[str]:
        message, content = arrival.message, arrival.content
        node = self._node(arrival.node) if arrival.node else None
        if node and not message.retained and _is_from_node(content):
            self._db.execute(
                "UPDATE nodes SET last_seen_ms = max(ifnull(last_seen_ms, 0), ?) WHERE id = ?",
                (message.arrived_ms, node),
            )
        if isinstance(content, frame.Frame):
            return self._add_frame(node, content, message)
        if isinstance(content, messages.Aside):
            return self._put_aside(node, content.reason, message)
        if isinstance(content, messages.Schema):
            return self._add_schema(node, content, message)
        if isinstance(content, messages.Status):
            self._remember(node, "status", content.text, message)
        elif isinstance(content, messages.Health):
            self._remember(node, "health", content.text, message)
            self._db.executemany(
                "INSERT OR IGNORE INTO lost VALUES (?, ?, ?, ?)",
                [(node, content.boot, first, last) for first, last in content.lost],
            )
        elif isinstance(content, messages.Reply):
            self._db.execute(
                "INSERT OR IGNORE INTO replies (node_id, arrived_ms, text) VALUES (?, ?, ?)",
                (node, message.arrived_ms, content.text),
            )
        return Counter(other=1)

    def _node(self, name: str) -> int:
        if name not in self._nodes:
            self._db.execute("INSERT OR IGNORE INTO nodes (name) VALUES (?)", (name,))
            row = self._db.execute("SELECT id FROM nodes WHERE name = ?", (name,)).fetchone()
            self._nodes[name] = row[0]
        return self._nodes[name]

    def _remember(self, node: int, kind: str, text: str, message: Message) -> None:
        """Keep the node's latest `status` or `health`; the same text again is the same report."""
        self._db.execute(
            f"UPDATE nodes SET {kind} = ?, {kind}_ms = ? WHERE id = ? AND {kind} IS NOT ?",
            (text, message.arrived_ms, node, text),
        )

    def _put_aside(self, node: int | None, reason: str, message: Message) -> Counter[str]:
        data = message.payload
        # A topic that is no UTF-8 reaches Python as half characters, which SQLite refuses.
        topic = message.topic.encode("utf-8", "backslashreplace").decode()
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO aside (node_id, arrived_ms, topic, reason, bytes, sha256, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                node,
                message.arrived_ms,
                topic,
                reason,
                len(data),
                hashlib.sha256(data).digest(),
                data[:ASIDE_BYTES_MOST],
            ),
        )
        if not cursor.rowcount:
            return Counter(duplicates=1)
        # Noise must not fill the disk. The ids run on, so the first one says how many gave way.
        self._db.execute("DELETE FROM aside WHERE id <= ?", (cursor.lastrowid - ASIDE_MOST,))
        return Counter(aside=1)

    def waiting(self) -> int:
        """Return how many frames wait for their schema."""
        query = "SELECT count(*) FROM frames WHERE schema_id IS NULL"
        return self._db.execute(query).fetchone()[0]

    # --- Schemas ---

    def _add_schema(self, node: int, content: messages.Schema, message: Message) -> Counter[str]:
        known = self._db.execute(
            "SELECT text FROM schemas WHERE node_id = ? AND ident = ?", (node, content.ident)
        ).fetchone()
        if known and known[0] != content.text:
            return self._put_aside(node, "another text has this id", message)
        if known:
            return Counter(other=1)
        schema_id = self._db.execute(
            "INSERT INTO schemas (node_id, ident, stream, period_ms, text) VALUES (?, ?, ?, ?, ?)",
            (node, content.ident, content.stream, content.period_ms, content.text),
        ).lastrowid
        self._db.executemany(
            "INSERT INTO channels VALUES (?, ?, ?, ?, ?)",
            [(schema_id, number, *channel) for number, channel in enumerate(content.channels)],
        )
        self._db.execute(
            "INSERT OR IGNORE INTO series (node_id, stream) VALUES (?, ?)", (node, content.stream)
        )
        counts = self._apply_waiting(node, content.ident, message)
        counts["other"] += 1
        return counts

    def _apply_waiting(self, node: int, ident: bytes, message: Message) -> Counter[str]:
        """Give their rows to the frames that waited for this schema."""
        waiting = self._db.execute(
            "SELECT id, arrived_ms, data FROM frames"
            " WHERE node_id = ? AND ident = ? AND schema_id IS NULL ORDER BY id",
            (node, ident),
        ).fetchall()
        counts = Counter(waiting=-len(waiting))
        topic = message.topic.partition("/schema/")[0] + "/frames"
        for frame_id, arrived_ms, data in waiting:
            content = frame.decode(data)
            try:
                counts.update(self._add_rows(frame_id, node, content))
            except _Misfit as error:
                self._db.execute("DELETE FROM frames WHERE id = ?", (frame_id,))
                frame_message = Message(topic, data, arrived_ms)
                counts.update(self._put_aside(node, str(error), frame_message))
        return counts

    def _schema(self, node: int, ident: bytes) -> tuple[int, int, int] | None:
        """Return (schema id, series id, number of channels), or None while not announced."""
        key = (node, ident)
        if key not in self._schemas:
            found = self._db.execute(
                "SELECT schemas.id, series.id,"
                " (SELECT count(*) FROM channels WHERE schema_id = schemas.id)"
                " FROM schemas JOIN series USING (node_id, stream)"
                " WHERE node_id = ? AND ident = ?",
                key,
            ).fetchone()
            if not found:
                return None
            self._schemas[key] = found
        return self._schemas[key]

    # --- Frames ---

    def _add_frame(self, node: int, content: frame.Frame, message: Message) -> Counter[str]:
        name = (node, content.boot, content.seq)
        known = self._db.execute(
            "SELECT data FROM frames WHERE node_id = ? AND boot = ? AND seq = ?", name
        ).fetchone()
        if known and known[0] == message.payload:
            return Counter(duplicates=1)
        if known:
            reason = f"boot {content.boot:08x} seq {content.seq} is stored with other bytes"
            return self._put_aside(node, reason, message)
        ident = bytes(content.schema)
        try:
            frame_id = self._db.execute(
                "INSERT INTO frames (node_id, boot, seq, ident, quality, first_ms, row_count,"
                " arrived_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *name,
                    ident,
                    content.quality,
                    content.times[0],
                    len(content.times),
                    message.arrived_ms,
                    message.payload,
                ),
            ).lastrowid
            counts = self._add_rows(frame_id, node, content)
        except _Misfit as error:
            self._db.execute("DELETE FROM frames WHERE id = ?", (frame_id,))
            return self._put_aside(node, str(error), message)
        if content.anchor is not None:
            self._add_anchor(node, content.boot, content.anchor)
        return counts

    def _add_rows(self, frame_id: int, node: int, content: frame.Frame) -> Counter[str]:
        """Write a stored frame's rows and samples; `_Misfit` before any when they cannot be."""
        known = self._schema(node, bytes(content.schema))
        if known is None:
            return Counter(waiting=1)
        schema_id, series_id, channel_count = known
        if len(content.columns) != channel_count:
            raise _Misfit(f"{len(content.columns)} channels, its schema has {channel_count}")
        self._db.execute("UPDATE frames SET schema_id = ? WHERE id = ?", (schema_id, frame_id))
        base = frame_id * ROWS_A_FRAME
        times = enumerate(content.times, base)
        if content.quality:
            rows = [(row_id, series_id, time_ms, None) for row_id, time_ms in times]
        else:
            anchor = self._anchor(node, content.boot)
            rows = [
                (row_id, series_id, None if anchor is None else anchor + uptime_ms, uptime_ms)
                for row_id, uptime_ms in times
            ]
        self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", _samples(base, content))
        return Counter(frames=1, rows=len(rows), values=len(rows) * channel_count)

    # --- Times of boots that did not know the time ---

    def _anchor(self, node: int, boot: int) -> int | None:
        found = self._db.execute(
            "SELECT unix_ms FROM anchors WHERE node_id = ? AND boot = ?", (node, boot)
        ).fetchone()
        return found[0] if found else None

    def _add_anchor(self, node: int, boot: int, anchor: int) -> None:
        """Date the rows of this boot; the first anchor that came stays in force."""
        if not self._db.execute(
            "INSERT OR IGNORE INTO anchors VALUES (?, ?, ?)", (node, boot, anchor)
        ).rowcount:
            return
        undated = self._db.execute(
            "SELECT id FROM frames WHERE node_id = ? AND boot = ? AND quality = 0", (node, boot)
        ).fetchall()
        for (frame_id,) in undated:
            base = frame_id * ROWS_A_FRAME
            self._db.execute(
                "UPDATE rows SET time_ms = ? + uptime_ms WHERE id BETWEEN ? AND ?",
                (anchor, base, base + ROWS_A_FRAME - 1),
            )


class _Misfit(Exception):
    """A frame that is whole, but not one of its schema."""


def _is_from_node(content: object) -> bool:
    """Say whether the node itself spoke: its `offline` is the broker's word, at any later time."""
    return not isinstance(content, messages.Status) or content.online


def _samples(base: int, content: frame.Frame) -> list[tuple[int, int, int | None, int]]:
    """Return (row id, channel, value, flags) of every value, in the order of the table's key."""
    columns = content.columns
    if not content.flags or not any(content.flags):
        return [
            (row_id, channel, value, 0)
            for row_id, values in enumerate(zip(*columns, strict=True), base)
            for channel, value in enumerate(values)
        ]
    none = [0] * len(content.times)
    marks = [flags or none for flags in content.flags]
    pairs = [zip(values, flags, strict=True) for values, flags in zip(columns, marks, strict=True)]
    return [
        (row_id, channel, value, flags)
        for row_id, row in enumerate(zip(*pairs, strict=True), base)
        for channel, (value, flags) in enumerate(row)
    ]
