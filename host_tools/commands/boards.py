"""`kista boards`: the boards there are, and what is on each."""

from __future__ import annotations

import click

from host_tools import boards, chips, flash_map

NETWORKS = {"ethernet": "Ethernet", "lte": "LTE"}


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the boards; with a NAME, its flash, buses and pins."""
    if name is None:
        for known in boards.names():
            board = boards.load(known)
            click.echo(f"{known:<18} {board['title']}")
        return
    for line in describe(boards.load(name)):
        click.echo(line)


def describe(board: dict) -> list[str]:
    """Return the lines that say what a board is."""
    chip = chips.CHIPS.get(board["chip"])
    lines = [f"{board['name']}: {board['title']}"]
    if "source" in board:
        lines.append(f"from {board['source']}")
    lines += ["", f"chip {chip.title if chip else board['chip']}", ""]
    lines += flash_map.draw(board)
    lines.append("")
    for bus, about in board["buses"].items():
        note = f"; shares pins with {', '.join(about['shares'])}" if "shares" in about else ""
        if about["kind"] == "i2c":
            note += "; several sensors of different address"
        lines.append(_row(bus, about["pins"], note))
    for key, title in NETWORKS.items():
        if key in board:
            name = board[key].get("phy") or board[key].get("modem")
            lines.append(_row(key, board[key]["pins"], f"; {title} by {name}"))
    for key in ("led", "button"):
        if key in board:
            kind = board[key].get("kind", "")
            lines.append(_row(key, {"pin": board[key]["pin"]}, f"; {kind}" if kind else ""))
    return lines


def _row(name: str, pins: dict[str, int], note: str) -> str:
    return f"{name:<9} {', '.join(f'{role} {pin}' for role, pin in pins.items())}{note}"
