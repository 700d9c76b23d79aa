"""`kista flash`: boards become nodes, one or a tray of them."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from host_tools import boards, image, stock
from host_tools.errors import UserError
from host_tools.workshop import image_file, inventory, ports, writer
from host_tools.workshop.bench import Bench
from host_tools.workshop.tray import Board, Tray
from host_tools.workshop.view import View

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", "named", multiple=True, help="Serial port; again for more of them.")
@click.option("--all", "everything", is_flag=True, help="Every board that is plugged in.")
@click.option("--image", "file", type=FILE, help="What `kista image` wrote.")
@click.option("--board", "name", help="Make the image of this board now; or: must be IMAGE's.")
@click.option("--list", "listing", is_flag=True, help="Only say which boards there are.")
@click.option("--watch", is_flag=True, help="Flash whatever is plugged in, until Ctrl-C.")
@click.option("--erase-all", is_flag=True, help="Erase the whole flash first, spool and secrets.")
@click.option("--lose-unsent", is_flag=True, help="Even if readings are lost that way.")
@click.option(
    "--inventory",
    "inventory_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(inventory.FILE),
    show_default=True,
    help="Where each board's turn is noted.",
)
@click.option("--who", default=inventory.who, help="Whom to note [your name on this PC].")
def command(
    named, everything, file, name, listing, watch, erase_all, lose_unsent, inventory_file, who
) -> int:
    """Write an image to boards, verify it, see them run. Several at once.

    What a node has not delivered yet, its secrets and its configuration stay, unless --erase-all.
    One board's failure stops no other; the exit code is 1 when there was one.
    """
    if listing:
        return _list(list(named))
    made = _image(file, name)
    with (
        inventory.Inventory(inventory_file) as store,
        View() as view,
        Tray(made, view.changed, erase_all, lose_unsent) as tray,
    ):

        def note(board: Board) -> None:
            store.add([inventory.flashed(board, made, who)])

        if watch:
            return _watch(tray, view, note, set(named))
        chosen = list(dict.fromkeys(named))
        if everything:
            chosen += [port.device for port in ports.find() if port.device not in chosen]
            if not chosen:
                ports.the_one()
        return _once(tray, view, note, chosen or [ports.the_one()])


def _list(named: list[str]) -> int:
    """Say what is behind each port; return 1 when something does not answer."""
    about = {port.device: port.about for port in ports.find()}
    chosen = named or list(about) or [ports.the_one()]
    with ThreadPoolExecutor(len(chosen)) as pool:
        found = list(pool.map(_looked_at, chosen))
    for port, (says, _) in zip(chosen, found):
        click.echo(f"{port}: {says}" + (f" ({about[port]})" if port in about else ""))
    return 0 if all(good for _, good in found) else 1


def _looked_at(port: str) -> tuple[str, bool]:
    """Return what is behind a port, and whether a chip answered."""
    try:
        found = writer.look(port)
    except writer.FlashError as error:
        return str(error), False
    size = f"{found.size >> 20} MiB" if found.size else "unknown size"
    return f"{found.mac}, {found.type}, flash of {size}", True


def _image(file: Path | None, name: str | None) -> image_file.FlashImage:
    if file:
        made = image_file.read(file)
        if name and made.board != name:
            raise UserError(f"{file}: an image of board {made.board}, not {name}")
        return made
    if not name:
        raise click.UsageError("name an --image, or a --board to make it of")
    board = boards.load(name)
    return image_file.of(image.make(board, stock.fetch(image.chip_of(board))).whole())


def _once(tray: Tray, view: View, note, chosen: list[str]) -> int:
    while True:
        turns = tray.flash(chosen)
        for board in turns:
            note(board)
        chosen = [board.port for board in turns if not board.good]
        if not chosen or not sys.stdin.isatty():
            return 1 if chosen else 0
        view.say(f"{len(chosen)} of {len(turns)} failed. R: try those again; any other key: leave")
        if click.getchar().lower() != "r":
            return 1


def _watch(tray: Tray, view: View, note, named: set[str]) -> int:
    failed: set[str] = set()

    def there() -> set[str]:
        if named:
            return {port for port in named if os.path.exists(port)}
        return {port.device for port in ports.find()}

    def finished(board: Board) -> None:
        note(board)
        failed.discard(board.mac or board.port)
        failed.discard(board.port)
        if board.why:
            failed.add(board.mac or board.port)

    bench = Bench(tray, there, finished, view.forget)
    view.say("Plug a board in, wait for its green line, unplug it, next. Ctrl-C ends.")
    try:
        bench.run()
    except KeyboardInterrupt:
        bench.stopped.set()
    return 1 if failed else 0
