"""`kista label`: sheets of labels for nodes."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from host_tools import labels
from host_tools.authority import check_name
from host_tools.workshop import inventory


@click.command()
@click.argument("nodes", metavar="NODE…", nargs=-1, required=True)
@click.option(
    "-o",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("labels.pdf"),
    show_default=True,
    help="Sheet to write, .pdf, .svg or .png.",
)
@click.option("--board", default="", help="Board to name on them.")
@click.option("--mac", default="", help="MAC address to name on it (one NODE).")
@click.option(
    "--inventory",
    "inventory_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Take MAC addresses and boards from it [{inventory.FILE}, if there is one].",
)
@click.option("--url", default="", help="Put NODE below this URL into the QR code [kista:NODE].")
@click.option(
    "--skip",
    type=click.IntRange(0, labels.A_SHEET - 1),
    default=0,
    help="So many places of the sheet are used up.",
)
def command(nodes, out, board, mac, inventory_file, url, skip) -> None:
    """Write labels for NODE…: QR code, name, MAC, board, date.

    No secret is on them.

    A sheet is A4 with 3 x 8 labels of 70 x 37 mm: print at 100 %, without margins.
    """
    if mac and len(nodes) > 1:
        raise click.UsageError("--mac goes with one NODE")
    today = datetime.date.today()
    known = _known(inventory_file)
    made = [labels.Label(check_name(node), *known.get(node, (mac, board)), today) for node in nodes]
    sheets = labels.write(made, out, skip, url)
    click.echo(f"{_count(len(nodes), 'label')} on {_count(sheets, 'sheet')}: {out}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _known(file: Path | None) -> dict[str, tuple[str, str]]:
    """Return {node: (MAC address, board)} as the inventory has it."""
    if file is None and not Path(inventory.FILE).exists():
        return {}
    with inventory.Inventory(file or Path(inventory.FILE)) as store:
        return {one.node: (one.mac, one.board) for one in store.standings() if one.node}
