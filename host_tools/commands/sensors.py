"""`kista sensors`: what hangs on a post, how it is wired, and what to distrust."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from host_tools import catalogue, sensors_page


@click.command()
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="As docs/sensors.md has it.")
def command(name: str | None, markdown: bool) -> None:
    """List the sensors; with a NAME, all there is to know of one.

    channels: names, step on the wire and unit, range.
    """
    sensors = [catalogue.load(name)] if name else catalogue.everything()
    if markdown:
        text = sensors_page.section(sensors[0]) if name else sensors_page.page(sensors)
        click.echo(text.rstrip("\n"))
        return
    if not name:
        _print(catalogue.overview(sensors))
        return
    for table in (catalogue.about, catalogue.wiring, catalogue.options):
        _print(table(sensors[0]))
    click.echo("what to distrust")
    for sentence in sensors[0].facts["distrust"]:
        click.echo(f"- {sentence}")


def _print(table: catalogue.Table) -> None:
    if not table.rows:
        return
    if sys.stdout.isatty():
        shown = Table(box=None, show_header=any(table.head), leading=len(table.head) > 3)
        for number, heading in enumerate(table.head):
            shown.add_column(heading, no_wrap=not number, overflow="fold")
        for row in table.rows:
            shown.add_row(*row)
        Console(markup=False, emoji=False, highlight=False).print(shown)
    else:
        for row in (table.head, *table.rows):
            if any(row):
                click.echo("\t".join(row).replace("\n", "; "))
    click.echo()
