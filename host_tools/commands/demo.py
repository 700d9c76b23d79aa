"""`kista demo`: a whole node on this PC, from sensor bytes to database rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from host_tools.demo.show import Demo, Outcome
from host_tools.demo.view import screen


@click.command()
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV to play through the sensors' bytes, many times if need be [a seeded generator].",
)
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--speed",
    type=click.IntRange(1, 100_000),
    help="Simulated time / real time [2200; recordings: as fast as possible].",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for database, flash and ledger, to look at afterwards [a temporary one].",
)
def command(recordings, seed, speed, keep) -> int:
    """A whole node on this PC, a day in a minute.

    Sensors → flash → MQTT → database.

    On the way the node loses its network for hours and its power in the middle of a flash write.
    The
    summary counts what came through; the exit code is 1 when a committed row is missing or doubled.
    """
    console = Console()
    with tempfile.TemporaryDirectory(prefix="kista-demo-") as folder:
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            for old in ("demo.db", "demo.db-wal", "demo.db-shm", "demo.flash", "demo.flash.ledger"):
                (keep / old).unlink(missing_ok=True)
        demo = Demo(keep or Path(folder), list(recordings), seed, speed)
        with Live(screen(demo.state), console=console, auto_refresh=False) as live:
            outcome = demo.run(lambda: live.update(screen(demo.state), refresh=True))
    console.print()
    console.print(_summary(outcome))
    if outcome.good:
        console.print("Every committed row is in the database, once.", style="bold green")
    else:
        console.print("Rows are missing, doubled or wrong; see above.", style="bold red")
    return 0 if outcome.good else 1


def _summary(outcome: Outcome) -> Table:
    found = outcome.audit
    table = Table(title="summary", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("rows taken from the sensors", f"{found.taken:,}")
    table.add_row("rows in the database", f"{found.stored:,}")
    age = f", within {found.youngest_death_ms // 1000} s" if found.died > 1 else ""
    table.add_row(f"rows not yet committed when the power went{age}", f"{found.died:,}")
    table.add_row("committed rows missing", f"{found.missing:,}")
    table.add_row("rows doubled", f"{found.doubled:,}")
    table.add_section()
    if found.values:
        table.add_row("bytes per value, in frames", f"{found.frame_bytes / found.values:.3f}")
    table.add_row("bytes on the wire, everything", f"{outcome.wire_bytes:,}")
    table.add_row("the same rows as JSON, a message each", f"{outcome.json_bytes:,}")
    if outcome.wire_bytes:
        table.add_row("JSON / wire", f"{outcome.json_bytes / outcome.wire_bytes:.1f}")
    if outcome.replay is not None:
        _add_replay(table, outcome)
    table.add_section()
    table.add_row("seconds", f"{outcome.seconds:.1f}")
    return table


def _add_replay(table: Table, outcome: Outcome) -> None:
    replay = outcome.replay
    table.add_section()
    table.add_row("recorded readings, equal in the database", f"{replay.equal:,}")
    table.add_row("recorded readings that differ", f"{replay.different:,}")
    table.add_row("recorded while the node was off, or lost with the power", f"{replay.node_off:,}")
    if replay.superseded:
        table.add_row("recorded less than a sampling period apart", f"{replay.superseded:,}")
    table.add_row("values rounded to the sensor's resolution", f"{outcome.recording.rounded:,}")
    for reason, count in outcome.recording.skipped.items():
        table.add_row(f"lines skipped: {reason}", f"{count:,}")
