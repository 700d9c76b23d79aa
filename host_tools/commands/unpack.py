"""`kista unpack`: frames back into the CSV they were made from."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools import archive


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def command(source: Path, target: Path) -> None:
    """Unpack SOURCE (made by `kista pack`) into the CSV TARGET."""
    click.echo(str(archive.unpack(source, target)))
