"""What is seen of a tray of boards: a bar each on a terminal, lines elsewhere."""

from __future__ import annotations

import threading

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from host_tools.workshop.tray import Board

STATES = {
    "waits": "waits",
    "look": "looking at it",
    "identify": "asking its chip",
    "write": "writing, verifying",
    "start": "written; waiting for it to start",
}


def sentence(board: Board) -> str:
    """Return how the board's turn went, in one sentence."""
    if board.why:
        return f"{board.port}: {board.why}"
    named = f", node {board.node}" if board.node not in ("", "unnamed") else ""
    return (
        f"{board.port}: {board.mac} runs firmware {board.firmware}{named} ({board.seconds:.0f} s)"
    )


def unsent(board: Board) -> str:
    """Return what is to be known of data that the board had not delivered, "" when nothing."""
    if not board.waiting or board.why:
        return ""
    return f"{board.port}: node {board.node} has {board.waiting} frames that are not delivered"


class View:
    """A context; `changed` takes what a tray has to say, from any thread."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(24, complete_style="cyan", finished_style="green"),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> View:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def changed(self, board: Board) -> None:
        """Show how a board stands now."""
        with self._lock:
            if board.state == "identify" and (text := unsent(board)):
                self.say(text, "yellow")
            said = sentence(board) if board.done else f"{board.port}: {STATES[board.state]}"
            colour = "red" if board.why else "green" if board.done else ""
            if self._console.is_terminal:
                self._draw(board, colour)
            # On a terminal the bar says what goes on; how it ended stands above the bars, whole.
            if (board.done or not self._console.is_terminal) and said != self._said.get(board.port):
                self._said[board.port] = said
                self.say(said, colour)

    def say(self, text: str, colour: str = "") -> None:
        """Put a line above the bars."""
        self._console.print(escape(text), style=colour or None)

    def forget(self, port: str) -> None:
        """Take a board away that was unplugged."""
        with self._lock:
            self._said.pop(port, None)
            if port in self._tasks:
                self.progress.remove_task(self._tasks.pop(port))

    def _draw(self, board: Board, colour: str) -> None:
        text = f"[{colour}]{board.state}[/]" if colour else STATES[board.state]
        if board.port not in self._tasks or board.state == "look":
            if board.port in self._tasks:
                self.progress.remove_task(self._tasks[board.port])
            name = escape(board.port)
            self._tasks[board.port] = self.progress.add_task(name, total=1.0, said=text)
        task = self._tasks[board.port]
        self.progress.update(task, completed=1.0 if board.good else board.part, said=text)
        if board.done:
            self.progress.stop_task(task)
            # A line that is said now is drawn with the bars as they were last.
            self.progress.refresh()
