"""`kista claim`: this node hangs at that site."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from host_tools import claims

LIST = "claims.csv"


@click.command()
@click.argument("label", required=False)
@click.option("--site", help="Where it hangs; needed with LABEL.")
@click.option(
    "-o",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(LIST),
    show_default=True,
    help="File to append to.",
)
def command(label: str | None, site: str | None, out: Path) -> None:
    """Note that the node of LABEL hangs at a site.

    LABEL: a node's id, or what its QR code says.

    Without LABEL: scan or type, node and site by turns, until Ctrl-D. Scanners that type like a
    keyboard work, whatever the PC's layout. No network is needed.
    """
    if label:
        if not site:
            raise click.UsageError("LABEL needs --site")
        _note(out, claims.node_of(label) or label, site)
        return
    node = None
    for line in _lines():
        found = claims.node_of(line)
        if found:
            # Whoever scans the next label without having named a site means the next one.
            node = found
            click.echo(f"{node} hangs at ... (scan or type the site)")
        elif node is None:
            click.secho("that is no label of a node; scan its QR code", fg="yellow", err=True)
        else:
            _note(out, node, line)
            node = None


def _lines():
    """Yield what is scanned or typed, without blanks around it."""
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def _note(out: Path, node: str, site: str) -> None:
    claim = claims.add(out, node, site)
    click.secho(f"{claim.node} hangs at {claim.site}", fg="green")
