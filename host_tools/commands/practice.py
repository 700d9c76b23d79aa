"""`kista practice`: boards without hardware, to learn on and to try things out."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools import boards, chips, stop
from host_tools.errors import UserError
from host_tools.image import chip_of
from host_tools.practice import tray


@click.command()
@click.option("-n", "--boards", "count", type=click.IntRange(1, tray.BOARDS_MOST), default=1)
@click.option("--board", "name", default="esp32_generic", show_default=True, help="What they are.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NUMBER:FAULT",
    help=f"Make one of them faulty: {', '.join(f'{k} ({v})' for k, v in tray.FAULTS.items())}.",
)
@click.option("--wifi", default="practice:practice", show_default=True, metavar="SSID:PASSWORD")
@click.option("--paced", is_flag=True, help="As slow as the serial line of a real board.")
@click.option(
    "-o",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("practice"),
    show_default=True,
    help="Their ports and their memories; with the same one they are the same boards again.",
)
def command(count, name, faults, wifi, paced, folder) -> None:
    """Plug boards in that are not there, until Ctrl-C.

    Each has a port, an address, a flash, a loader that esptool talks to, and once it is flashed
    it is a node: the real firmware on the real MicroPython, with an SDS011 on uart1.
    """
    board = boards.load(name)
    kinds = [tray.kind(chip_of(board), board["flash"]["size"])] * count
    for text in faults:
        number, _, fault = text.partition(":")
        if not (number.isdigit() and 1 <= int(number) <= count):
            raise UserError(f"--fault {text}: needs NUMBER:FAULT, NUMBER from 1 to {count}")
        kinds[int(number) - 1] = tray.kind(board["chip"], board["flash"]["size"], fault)
    ssid, _, password = wifi.partition(":")
    path = tray.write_micropython(folder, board["chip"])
    click.echo(f"{path}: stands in for MicroPython; only practice boards run it")
    with tray.plugged_in(folder, kinds, {ssid: password}, paced) as plugged:
        for port, one in plugged.items():
            click.echo(f"{port}: {one.mac}, {chips.CHIPS[one.chip].title}")
        click.echo("Plugged in. Ctrl-C unplugs them.")
        stop.wait()
