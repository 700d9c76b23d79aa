"""`kista export`: readings out of a database, for people and other programs."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from host_tools.ingest import averages, corrections, database, readings
from host_tools.ingest.export import FORMATS, export, whole_file
from host_tools.urls import parse_database


class Time(click.ParamType):
    name = "TIME"

    def convert(self, value, param, ctx):
        """Return unix ms."""
        if isinstance(value, int):
            return value
        try:
            return readings.parse_time(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date or time such as 2026-05-11T06:30Z", param, ctx)


class Every(click.ParamType):
    name = "SPAN"

    def convert(self, value, param, ctx):
        """Return ms."""
        if isinstance(value, int):
            return value
        try:
            return averages.parse(value)
        except ValueError:
            self.fail(f"{value!r} is no part of a day such as 10m, 1h or 1d", param, ctx)


@click.command()
@click.option("--db", "db_url", required=True, help="sqlite:///FILE")
@click.option("--node", help="Only this node [all].")
@click.option("--stream", help="Only this stream [all].")
@click.option("--from", "from_ms", type=Time(), help="First time, UTC unless it names a zone.")
@click.option("--to", "until_ms", type=Time(), help="Times before this one.")
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="csv", show_default=True
)
@click.option(
    "--correct",
    "correct",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Add the channels that the corrections in this file make (TOML, docs/ingest.md).",
)
@click.option("--every", "every_ms", type=Every(), help="Averages over 10m, 1h, 1d [readings].")
@click.option("-o", "out", required=True, help="File to write, - for the standard output.")
def command(db_url, node, stream, from_ms, until_ms, form, correct, every_ms, out) -> None:
    """Write readings as CSV or JSON lines, one line a row.

    Node, stream and time choose them.

    Columns: time, node, stream, each channel with its unit, flags (why a value is doubtful or
    missing) and clock (empty; `resolved` when the time became known later; otherwise boot and
    uptime). Values are exact decimals. The file appears when it is complete.

    With --every: the mean of each channel's values that nothing is flagged of, how many they are
    (`valid`), how many rows an interval should have (`expected`); time is an interval's beginning.
    """
    corrected = corrections.read(correct) if correct else []
    selection = readings.Selection(node, stream, from_ms, until_ms)
    with contextlib.closing(database.open_existing(parse_database(db_url))) as db:
        if out == "-":
            export(db, selection, form, sys.stdout, corrected, every_ms)
            return
        with whole_file(Path(out)) as file:
            count = export(db, selection, form, file, corrected, every_ms)
    click.echo(f"{count} rows in {out}")
