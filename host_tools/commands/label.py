"""`kista label`: sheets of labels for nodes."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from host_tools import labels
from host_tools.authority import check_name


@click.command()
@click.argument("nodes", metavar="NODE…", nargs=-1, required=True)
@click.option(
    "-o",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("labels.pdf"),
    show_default=True,
    help="Sheet to write, .pdf or .svg.",
)
@click.option("--board", default="", help="Board to name on them.")
@click.option("--mac", default="", help="MAC address to name on it (one NODE).")
@click.option("--url", default="", help="Put NODE below this URL into the QR code [kista:NODE].")
@click.option(
    "--skip",
    type=click.IntRange(0, labels.A_SHEET - 1),
    default=0,
    help="So many places of the sheet are used up.",
)
def command(nodes, out, board, mac, url, skip) -> None:
    """Write labels for NODE…: QR code, name, MAC address, board, date. No secret is on them.

    A sheet is A4 with 3 x 8 labels of 70 x 37 mm: print at 100 %, without margins.
    """
    if mac and len(nodes) > 1:
        raise click.UsageError("--mac goes with one NODE")
    today = datetime.date.today()
    sheets = labels.write(
        [labels.Label(check_name(node), mac, board, today) for node in nodes], out, skip, url
    )
    click.echo(f"{len(nodes)} labels on {sheets} sheet{'s' if sheets > 1 else ''}: {out}")
