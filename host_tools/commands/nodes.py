"""`kista nodes`: what the database knows of each node."""

from __future__ import annotations

import contextlib
import sys

import click
from rich.console import Console
from rich.table import Table

from host_tools.ingest import database, report
from host_tools.ingest.readings import iso
from host_tools.urls import parse_database

SPANS_SHOWN = 5
# What of a health report is shown, and as what.
HEALTH = (
    ("uptime_s", "uptime s"),
    ("waiting", "waiting in flash"),
    ("free_heap", "free heap"),
    ("reset", "reset"),
    ("last_error", "last error"),
    ("reasons", "reasons"),
)
COLUMNS = (
    "node",
    "state",
    "last seen",
    "rows",
    "frames",
    "no schema",
    "undated",
    "missing",
    "lost",
)


@click.command()
@click.option("--db", "db_url", required=True, help="sqlite:///FILE")
def command(db_url: str) -> None:
    """Show each node: last heard, what it sent, what is missing.

    no schema: frames that wait for their schema. undated: rows whose time is not known yet.
    missing: sequence numbers between those that are here. lost: numbers that the node reported as
    given up. aside: messages that could not be used (table `aside` has the reasons).
    """
    with contextlib.closing(database.open_existing(parse_database(db_url))) as db:
        nodes, strays = report.nodes(db), report.strays(db)
    lines = [_line(node) for node in nodes]
    headings = [*COLUMNS, "aside", "health"]
    if sys.stdout.isatty():
        table = Table(*headings, box=None)
        for line in lines:
            table.add_row(*line)
        Console(markup=False, emoji=False, highlight=False).print(table)
    else:
        for line in [headings, *lines]:
            click.echo("\t".join(line))
    if strays:
        click.echo(f"kista: kept aside without a valid node name: {strays}", err=True)


def _line(node: report.NodeReport) -> list[str]:
    seen = "-" if node.last_seen_ms is None else iso(node.last_seen_ms)
    waiting = " ".join(f"{ident}:{count}" for ident, count in node.waiting.items())
    return [
        node.name,
        _harmless(node.status.get("state", "-")),
        seen,
        str(node.rows),
        str(node.frames),
        waiting or "0",
        str(node.undated_rows),
        spans(node.missing),
        spans(node.lost),
        str(node.aside),
        _health(node),
    ]


def spans(pairs: list[report.Span]) -> str:
    """Return how many numbers there are and which, as many as fit on a line."""
    if not pairs:
        return "0"
    total = sum(last - first + 1 for first, last in pairs)
    shown = ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in pairs[:SPANS_SHOWN]
    )
    return f"{total} ({shown}{',…' if len(pairs) > SPANS_SHOWN else ''})"


def _health(node: report.NodeReport) -> str:
    told = []
    for key, label in HEALTH:
        value = node.health.get(key)
        if isinstance(value, list):
            value = "; ".join(map(str, value))
        if value not in (None, ""):
            told.append(f"{label} {_harmless(value)}")
    return ", ".join(told) or "-"


def _harmless(value: object) -> str:
    """Return a node's word in a form that cannot steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(value))
