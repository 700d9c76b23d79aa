"""`kista inventory`: which board was flashed when, which node it became, where that hangs."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools.errors import UserError
from host_tools.workshop import inventory
from host_tools.workshop.inventory import Inventory

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
HEADINGS = ("MAC", "node", "site", "board", "firmware", "flashed", "how")


@click.group()
@click.option(
    "--inventory",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(inventory.FILE),
    show_default=True,
    help="The file that `kista flash` notes in.",
)
@click.pass_context
def command(context: click.Context, file: Path) -> None:
    """Look into the inventory; bring those of benches together."""
    context.obj = file


def _existing(file: Path) -> Inventory:
    if not file.exists():
        raise UserError(f"{file}: there is none yet; kista flash makes it, or name --inventory")
    return Inventory(file)


@command.command("list")
@click.pass_obj
def list_(file: Path) -> None:
    """List the boards, and how each stands."""
    with _existing(file) as store:
        rows = [
            (s.mac, s.node, s.site, s.board, s.firmware, s.flashed[:16], s.outcome)
            for s in store.standings()
        ]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows)]
    for row in (HEADINGS, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths))
        click.echo("  ".join(cells).rstrip())


@command.command()
@click.argument("name")
@click.pass_obj
def show(file: Path, name: str) -> None:
    """Tell what happened to NAME, a MAC address or a node."""
    with _existing(file) as store:
        events = store.of(name)
    if not events:
        raise UserError(f"{file}: knows no board and no node {name!r}")
    for event in events:
        click.echo(f"{event.time[:19]}  {event.kind:<9}  {_told(event)}")


def _told(event: inventory.Event) -> str:
    by = f" (by {event.who})" if event.who else ""
    if event.kind != inventory.FLASH:
        where = f" at {event.site}" if event.site else ""
        board = f", board {event.mac}" if event.mac else ""
        return f"{event.node}{where}{board}{by}"
    on = f"{event.mac or 'a board'} with {event.board}"
    if event.outcome != inventory.GOOD:
        return f"{on}: failed, {event.why}{by}"
    versions = f"firmware {event.firmware}, MicroPython {event.micropython}"
    return f"{on}: {versions}, {event.seconds} s{by}"


@command.group()
def export() -> None:
    """Write the inventory into another format."""


@export.command("csv")
@click.option("-o", "out", type=click.File("w"), default="-", help="File [standard output].")
@click.pass_obj
def export_csv(file: Path, out) -> None:
    """Write every event, a line each."""
    with _existing(file) as store:
        inventory.write_csv(store.events(), out)


@command.group("import")
def import_() -> None:
    """Take events from another format."""


@import_.command("csv")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE)
@click.pass_obj
def import_csv(file: Path, files: tuple[Path, ...]) -> None:
    """Add the events of exported files, or claims of `kista claim`. Each counts once."""
    with Inventory(file) as store:
        for one in files:
            events = inventory.read_csv(one)
            _added(one, store.add(events), len(events))


@command.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE)
@click.pass_obj
def merge(file: Path, files: tuple[Path, ...]) -> None:
    """Add the events of other inventories. Each counts once, none is lost."""
    with Inventory(file) as store:
        for one in files:
            with Inventory(one) as other:
                events = other.events()
            _added(one, store.add(events), len(events))


def _added(name: Path, new: int, all_of_them: int) -> None:
    known = f", {all_of_them - new} known before" if new < all_of_them else ""
    click.echo(f"{name}: {new} event{'s' if new != 1 else ''} added{known}")
