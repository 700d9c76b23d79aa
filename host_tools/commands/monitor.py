"""`kista monitor`: a node's own log, live."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from pathlib import Path

import click

from host_tools.errors import UserError
from host_tools.frames_shown import FramesShown
from host_tools.monitor import listen

COLOURS = {"E": "red", "W": "yellow"}
LEVELS = ("I", "W", "E")


@click.command()
@click.option("--port", required=True, help="Serial port of the node.")
@click.option(
    "-o",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also append every line to this file, with the time.",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="I",
    show_default=True,
    help="Least level to show: information, warning, error. The file gets all.",
)
@click.option(
    "--frames",
    is_flag=True,
    help="Return shows the newest readings, a number and Return the frame of that number.",
)
def command(port: str, out: Path | None, level: str, frames: bool) -> None:
    """Show what the node says, until Ctrl-C. It goes on measuring, and may be unplugged meanwhile.

    A line is the time here, then level, seconds since the node's start, text.
    """
    count = 0
    decoder, asked = FramesShown(), queue.SimpleQueue()
    if frames:
        threading.Thread(target=_ask, args=(asked,), daemon=True).start()
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_append(out)) if out else None
        # Ctrl-C is how one leaves: it is no failure, and nothing may be missing from the file.
        with contextlib.suppress(KeyboardInterrupt):
            for said in listen(port, lambda text: click.secho(f"kista: {text}", err=True), asked):
                decoded = decoder.lines(said)
                for line in [said] if decoded is None else decoded:
                    if file:
                        file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}\n")
                        file.flush()
                    count += 1
                    if _level(line) >= LEVELS.index(level):
                        shown = "".join(c if c.isprintable() else "?" for c in line)
                        colour = COLOURS.get(line[:1])
                        click.secho(f"{time.strftime('%H:%M:%S')}  {shown}", fg=colour)
    click.echo(f"kista: {count} lines" + (f" in {out}" if out else ""), err=True)


def _ask(asked: queue.SimpleQueue[str]) -> None:
    """Make of each line that is typed a question to the node; ask once by itself."""
    asked.put("frames")
    for line in sys.stdin:
        number = line.strip()
        asked.put(f"frame {number}" if number.isdigit() else "frames")


def _level(line: str) -> int:
    """Return the line's level; what has none (a traceback, the boot loader) is always shown."""
    known = line[:1] in LEVELS and line[1:2] == " "
    return LEVELS.index(line[0]) if known else len(LEVELS)


def _append(path: Path):
    try:
        return path.open("a")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
