"""What the demo shows while it runs: a screen that is drawn anew from one `State`."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

HAPPENINGS_SHOWN = 7
# Of a stream; the rest would push everything else off the screen.
CHANNELS_SHOWN = 8


@dataclass
class State:
    """Everything the screen shows. Times are unix ms of the simulated world, sizes are bytes."""

    start_ms: int = 0
    end_ms: int = 1
    now_ms: int = 0
    channels: dict[str, list] = field(default_factory=dict)
    last: dict[str, list | None] = field(default_factory=dict)
    rows_taken: int = 0
    rows_stored: int = 0
    frames_waiting: int = 0
    frames_delivered: int = 0
    wire_bytes: int = 0
    json_bytes: int = 0
    link: str = ""
    happenings: deque = field(default_factory=lambda: deque(maxlen=HAPPENINGS_SHOWN))

    def happened(self, text: str, style: str = "") -> None:
        """Add a line to what is happening, at the simulated time."""
        self.happenings.append((self.now_ms, text, style))


def clock(unix_ms: int) -> str:
    """Return the time of day, HH:MM."""
    return time.strftime("%H:%M", time.gmtime(unix_ms // 1000))


def date(unix_ms: int) -> str:
    """Return the date and the time of day."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(unix_ms // 1000))


def scaled(value: int | None, scale: int) -> str:
    """Return `value / scale` in exact decimals, or a dash where there is no value."""
    if value is None:
        return "–"
    digits = len(str(scale)) - 1
    if not digits:
        return str(value)
    whole, part = divmod(abs(value), scale)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{digits}d}"


def screen(state: State) -> RenderableType:
    """Return the whole screen."""
    columns = Table.grid(expand=True)
    columns.add_column(ratio=1)
    columns.add_column(ratio=1)
    columns.add_row(
        Panel(_readings(state), title="last readings"),
        Panel(_counts(state), title="the data's way"),
    )
    return Group(_header(state), columns, Panel(_happenings(state), title="what is happening"))


def _header(state: State) -> RenderableType:
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column()
    line.add_column(ratio=1)
    line.add_column(justify="right")
    done = max(0, min(state.now_ms, state.end_ms) - state.start_ms)
    bar = ProgressBar(total=state.end_ms - state.start_ms, completed=done)
    up = state.link == "online"
    link = Text(f"network: {state.link or 'starting'}", style="green" if up else "yellow")
    line.add_row(Text(date(state.now_ms), style="bold"), Align(bar, vertical="middle"), link)
    return line


def _readings(state: State) -> Table:
    table = Table(box=None, expand=True, show_header=False)
    table.add_column(style="cyan")
    table.add_column(justify="right", style="bold")
    table.add_column()
    for stream, channels in state.channels.items():
        row = state.last.get(stream)
        at = f"  {date(row[0])[-5:]}" if row else ""
        table.add_row(Text(stream + at, style="dim"), "", "")
        values = row[1] if row else [None] * len(channels)
        pairs = list(zip(channels, values, strict=True))
        for (name, unit, scale), value in pairs[:CHANNELS_SHOWN]:
            table.add_row("  " + name, scaled(value, scale), "" if unit == "1" else unit)
        if len(pairs) > CHANNELS_SHOWN:
            table.add_row(Text(f"  and {len(pairs) - CHANNELS_SHOWN} more", style="dim"), "", "")
    return table


def _counts(state: State) -> Table:
    table = Table(box=None, expand=True, show_header=False)
    table.add_column(style="cyan")
    table.add_column(justify="right", style="bold")
    table.add_row("rows taken from the sensors", f"{state.rows_taken:,}")
    waiting_style = "yellow" if state.frames_waiting > 2 else ""
    table.add_row("frames waiting in flash", Text(str(state.frames_waiting), style=waiting_style))
    table.add_row("frames delivered", f"{state.frames_delivered:,}")
    table.add_row("rows in the database", f"{state.rows_stored:,}")
    table.add_row("", "")
    table.add_row("bytes on the wire", f"{state.wire_bytes:,}")
    table.add_row("the same rows as JSON", f"{state.json_bytes:,}")
    if state.wire_bytes:
        table.add_row("", f"{state.json_bytes / state.wire_bytes:.1f} times as much")
    return table


def _happenings(state: State) -> Table:
    table = Table.grid(padding=(0, 2))
    for now_ms, text, style in state.happenings:
        table.add_row(Text(clock(now_ms), style="dim"), Text(text, style=style))
    for _ in range(HAPPENINGS_SHOWN - len(state.happenings)):
        table.add_row("", "")
    return table
