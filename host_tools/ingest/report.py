"""What is known of each node: when it was last heard, what it sent, what is missing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Span = tuple[int, int]
# One boot's frames: (boot, when it began as unix ms or None, spans of sequence numbers).
Boot = tuple[int, "int | None", list[Span]]


@dataclass(frozen=True)
class NodeReport:
    """Spans are (first, last) sequence numbers, both included; times are unix ms.

    missing: between what arrived, and the node never said that it gave them up: still on their
    way, or lost. lost: the node reported them as given up.
    """

    name: str
    last_seen_ms: int | None
    status: dict[str, Any]
    health: dict[str, Any]
    frames: int
    rows: int
    waiting: dict[str, int]
    undated_rows: int
    missing: list[Span]
    lost: list[Span]
    aside: int


def nodes(db: sqlite3.Connection) -> list[NodeReport]:
    """Return a report of each node, by name."""
    known = db.execute(
        "SELECT id, name, last_seen_ms, status, health FROM nodes ORDER BY name"
    ).fetchall()
    return [_report(db, *node) for node in known]


def strays(db: sqlite3.Connection) -> int:
    """Return how many messages were kept aside that name no valid node."""
    return db.execute("SELECT count(*) FROM aside WHERE node_id IS NULL").fetchone()[0]


def _report(
    db: sqlite3.Connection,
    node: int,
    name: str,
    last_seen_ms: int | None,
    status: str | None,
    health: str | None,
) -> NodeReport:
    frames, rows = db.execute(
        "SELECT count(*), ifnull(sum(row_count), 0) FROM frames"
        " WHERE node_id = ? AND schema_id IS NOT NULL",
        (node,),
    ).fetchone()
    waiting = db.execute(
        "SELECT lower(hex(ident)), count(*) FROM frames"
        " WHERE node_id = ? AND schema_id IS NULL GROUP BY ident",
        (node,),
    ).fetchall()
    undated = db.execute(
        "SELECT ifnull(sum(row_count), 0) FROM frames"
        " WHERE node_id = ? AND schema_id IS NOT NULL AND quality = 0"
        " AND boot NOT IN (SELECT boot FROM anchors WHERE node_id = frames.node_id)",
        (node,),
    ).fetchone()[0]
    aside = db.execute("SELECT count(*) FROM aside WHERE node_id = ?", (node,)).fetchone()[0]
    missing, lost = gaps_of(db, node)
    told = [json.loads(text) if text else {} for text in (status, health)]
    return NodeReport(
        name, last_seen_ms, *told, frames, rows, dict(waiting), undated, missing, lost, aside
    )


def gaps_of(db: sqlite3.Connection, node: int) -> tuple[list[Span], list[Span]]:
    """Return (missing, lost) spans of the node with that id."""
    reported = db.execute(
        "SELECT boot, first_seq, last_seq FROM lost WHERE node_id = ?", (node,)
    ).fetchall()
    (health,) = db.execute("SELECT health FROM nodes WHERE id = ?", (node,)).fetchone()
    return gaps(_boots(db, node), reported, _sent(json.loads(health) if health else {}))


def _sent(health: dict[str, Any]) -> tuple[int, int] | None:
    """Return (boot, next number) of a node that says that a broker has all before that."""
    boot, following, waiting = (health.get(key) for key in ("boot", "next", "waiting"))
    if waiting == 0 and all(type(one) is int and one >= 0 for one in (boot, following)):
        return boot, following
    return None


def gaps(
    boots: Iterable[Boot],
    reported: Iterable[tuple[int, int, int]],
    sent: tuple[int, int] | None = None,
) -> tuple[list, list]:
    """Return (missing, lost) spans of a node, over all lives of its flash.

    `reported`: (boot that said so, first, last). `sent`: (boot that said so, next): all numbers
    before that were delivered. Numbers run on from boot to boot while the flash
    lives. A boot that begins lower than the one before it, or has numbers that were there already,
    writes to another flash: a new life, whose numbers say nothing of the old one's.
    """
    lives = _lives(list(boots))
    missing, lost = [], []
    claims = list(reported)
    known = set().union(*(members for members, _ in lives))
    for number, (members, spans) in enumerate(lives):
        # A boot none of whose frames are here is most likely the latest one.
        last = number == len(lives) - 1
        strangers = {boot for boot, _, _ in claims} - set().union(*(life[0] for life in lives))
        of_life = [
            (first, end)
            for boot, first, end in claims
            if boot in members or (last and boot in strangers)
        ]
        given_up = _subtract(_union(of_life), spans)
        if last and sent and (sent[0] in members or sent[0] not in known):
            spans = [*spans, (max(sent[1], spans[-1][1] + 1),) * 2]
        holes = [(a[1] + 1, b[0] - 1) for a, b in pairwise(spans)]
        missing += _subtract(holes, given_up)
        lost += given_up
    if not lives:
        lost = _union((first, end) for _, first, end in claims)
    return missing, lost


def _lives(boots: list[Boot]) -> list[tuple[set[int], list[Span]]]:
    """Return (its boots, spans of their numbers) of each life of the flash, the latest last."""
    lives: list[tuple[set[int], list[Span]]] = []
    lowest = 0
    dated = [(began, boot, spans) for boot, began, spans in boots if began is not None]
    for _, boot, spans in sorted(dated):
        if not lives or spans[0][0] < lowest or _overlap(lives[-1][1], spans):
            lives.append((set(), []))
        lowest = spans[0][0]
        _join(lives[-1], boot, spans)
    for boot, began, spans in boots:
        if began is None:
            # Of an undated boot the numbers alone say where it belongs.
            fitting = [life for life in lives if not _overlap(life[1], spans)]
            if not fitting:
                lives.append((set(), []))
                fitting = lives
            _join(fitting[-1], boot, spans)
    return lives


def _join(life: tuple[set[int], list[Span]], boot: int, spans: list[Span]) -> None:
    life[0].add(boot)
    life[1][:] = _union([*life[1], *spans])


def _boots(db: sqlite3.Connection, node: int) -> list[Boot]:
    """Return the boots of which frames are here; the index alone answers the larger query."""
    began = {
        boot: first_ms
        for boot, first_ms in db.execute(
            "SELECT frames.boot, min(CASE quality WHEN 1 THEN first_ms"
            " ELSE first_ms + anchors.unix_ms END)"
            " FROM frames LEFT JOIN anchors USING (node_id, boot)"
            " WHERE node_id = ? GROUP BY frames.boot",
            (node,),
        )
    }
    spans: dict[int, list[Span]] = {boot: [] for boot in began}
    for boot, seq in db.execute(
        "SELECT boot, seq FROM frames WHERE node_id = ? ORDER BY boot, seq", (node,)
    ):
        known = spans.setdefault(boot, [])
        if known and known[-1][1] == seq - 1:
            known[-1] = (known[-1][0], seq)
        else:
            known.append((seq, seq))
    return [(boot, began.get(boot), known) for boot, known in spans.items()]


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _subtract(spans: Iterable[Span], taken: list[Span]) -> list[Span]:
    """Return the parts of `spans` that are in none of `taken` (sorted, apart)."""
    left = []
    for first, last in spans:
        for begin, end in taken:
            if end < first or begin > last:
                continue
            if begin > first:
                left.append((first, begin - 1))
            first = end + 1
        if first <= last:
            left.append((first, last))
    return left


def _overlap(one: list[Span], other: list[Span]) -> bool:
    return _subtract(other, one) != other
