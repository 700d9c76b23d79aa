"""`kista image`: everything that a board's flash needs, in one file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from host_tools import boards, flash_map, image, stock
from host_tools.errors import UserError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--board", "name", required=True, help="One of `kista boards`.")
@click.option("--micropython", type=FILE, help="A stock image [the pinned one, downloaded].")
@click.option("--sha256", help="What MicroPython's file must be.")
@click.option("--config", "config_file", type=FILE, help="One node's, TOML or JSON [all drivers].")
@click.option(
    "-o",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The image to write.",
)
def command(
    name: str, micropython: Path | None, sha256: str | None, config_file: Path | None, out: Path
) -> None:
    """Make an image of MicroPython, partition table and firmware.

    The same input makes the same bytes. It holds no secret: a configuration with one chooses the
    drivers only, and is written by `kista provision`.
    """
    board = boards.load(name)
    config, configured = image.read_config(config_file, board) if config_file else (None, False)
    if micropython is None:
        micropython = stock.fetch(image.chip_of(board), sha256)
    elif sha256:
        stock.check(micropython.read_bytes(), sha256, micropython)
    made = image.make(board, micropython, config, configured)
    whole = made.whole()
    try:
        out.write_bytes(whole)
    except OSError as error:
        raise UserError(f"{out}: {error.strerror}") from None
    click.echo(f"{board['name']}: MicroPython {made.version}, drivers {', '.join(made.drivers)}")
    for line in flash_map.draw(board, {part.name: part.data for part in made.parts}):
        click.echo(line)
    if made.configured:
        click.echo(f"configuration of {config['node']}: on it, to be tried")
    elif config is not None:
        click.echo("configuration: not on it, as it has secrets; kista provision writes it")
    click.echo(f"{out}: {len(whole)} bytes, SHA-256 {hashlib.sha256(whole).hexdigest()}")
    click.echo(
        "It begins at 0. Written in one piece it empties nvs; kista flash leaves that alone."
    )
