"""`kista pack`: a CSV of times and numbers as frames, lossless."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.frame import MAX_ROWS
from host_tools import archive


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--rows",
    type=click.IntRange(1, MAX_ROWS),
    default=archive.DEFAULT_ROWS,
    show_default=True,
    help="Rows a frame: more pack better, fewer come singly.",
)
def command(source: Path, target: Path, rows: int) -> None:
    """Pack the CSV SOURCE into the frames of TARGET.

    The first column is `time` (ISO 8601 or unix seconds, to the ms at the finest), all others are
    numbers or empty. What `kista unpack` makes of it is numerically equal.
    """
    click.echo(str(archive.pack(source, target, rows)))
