"""One board after the other or many at once: looked at, written, verified, seen to run."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from gateway import settings
from host_tools import partitions
from host_tools.errors import UserError
from host_tools.serial_node import SerialNode
from host_tools.workshop.image_file import FlashImage
from host_tools.workshop.writer import FlashError, Writer, identify, table

# A node that runs answers at once; an empty board never does.
LOOK_S = 1.5
STARTS_WITHIN_S = 30.0
# The port may be away for a moment after a reset.
OPEN_AGAIN_S = 0.2
SPOOL = "spool"
# Its secrets stand in the store, which a flashing leaves alone.
KEPT = (settings.PROVEN, settings.NEW)


@dataclass
class Board:
    """One board's turn. `part`: 0 to 1; `state`: a word for people; `why`: of a failure, or "".

    `waiting`: frames that were in it and not delivered. `began`: ISO 8601 UTC. `kept`: files of its
    configuration, to be put back. `size`: of its flash, bytes.
    """

    port: str
    state: str = "waits"
    part: float = 0.0
    mac: str = ""
    chip: str = ""
    size: int = 0
    node: str = ""
    firmware: str = ""
    waiting: int = 0
    kept: dict[str, bytes] = field(default_factory=dict)
    began: str = ""
    seconds: float = 0.0
    done: bool = False
    why: str = ""

    @property
    def good(self) -> bool:
        """Whether it was written, verified and seen to run."""
        return self.done and not self.why


class Tray:
    """Flashes boards with one image; a context, as the image's parts are files meanwhile.

    `changed(board)` is called from the board's thread at each change of it.
    """

    def __init__(
        self,
        image: FlashImage,
        changed: Callable[[Board], None],
        erase_all: bool = False,
        lose_unsent: bool = False,
    ) -> None:
        self.image = image
        self._changed = changed
        self._erase_all = erase_all
        self._lose_unsent = lose_unsent

    def __enter__(self) -> Tray:
        self._folder = tempfile.TemporaryDirectory(prefix="kista-")
        folder = Path(self._folder.name)
        self.writer = Writer(self.image.chip, self.image.parts, folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def flash(self, ports: Iterable[str]) -> list[Board]:
        """Flash the boards on these ports, all at once; return how it went, in their order."""
        boards = [Board(port) for port in ports]
        threads = [threading.Thread(target=self.flash_one, args=(board,)) for board in boards]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return boards

    def flash_one(self, board: Board) -> None:
        """Flash one board; what goes wrong is its `why`."""
        board.began = datetime.now(timezone.utc).isoformat(timespec="seconds")
        start = time.monotonic()
        try:
            self._look(board)
            self._say(board, "identify")
            identity = identify(board.port, self.image.chip, self.image.size)
            board.mac, board.chip, board.size = identity.mac, identity.type, identity.size
            if self._erase_all and not board.node and not self._lose_unsent:
                self._look_for_spool(board)
            self._say(board, "write")
            self.writer.write(board.port, self._erase_all, lambda part: self._write(board, part))
            self._say(board, "start")
            report = self._wait(board)
            if board.kept and self._put_back(board):
                report = self._wait(board)
            board.node, board.firmware = report.get("node") or "", report.get("version") or ""
        except (FlashError, UserError) as error:
            board.why = str(error).removeprefix(f"{board.port}: ")
        board.seconds = time.monotonic() - start
        board.done = True
        self._say(board, "failed" if board.why else "runs")

    def _look(self, board: Board) -> None:
        """See what is on the board now; nothing that it has not delivered is lost unasked."""
        self._say(board, "look")
        with SerialNode(board.port) as node:
            report = node.health(LOOK_S)
            if not report:
                return
            board.node = report.get("node") or ""
            board.waiting = report.get("waiting") or 0
            moved = report.get("board") != self.image.board
            if board.waiting and (self._erase_all or moved) and not self._lose_unsent:
                reason = "--erase-all" if self._erase_all else f"an image of {self.image.board}"
                raise FlashError(
                    f"node {board.node} has {board.waiting} frames that are not delivered, and "
                    f"{reason} loses them; let it deliver them, or add --lose-unsent"
                )
            if self._erase_all or moved or report.get("configuration") == "none":
                return
            node.interrupt()
            files = {name: node.get_file(name) for name in KEPT}
            board.kept = {name: data for name, data in files.items() if data is not None}

    def _look_for_spool(self, board: Board) -> None:
        """A node that does not answer may have readings all the same: FlashError when it may."""
        self._say(board, "look")
        if SPOOL in partitions.read(table(board.port, self.image.chip), 0):
            raise FlashError(
                "does not answer, but has been a node: what it has not delivered is not known, and "
                "--erase-all loses it; flash it without that first, or add --lose-unsent"
            )

    def _write(self, board: Board, part: float) -> None:
        board.part = part
        self._changed(board)

    def _wait(self, board: Board) -> dict:
        """Return the health message of the node when it runs; FlashError when it is another."""
        end = time.monotonic() + STARTS_WITHIN_S
        report = None
        while report is None and (left := end - time.monotonic()) > 0:
            with contextlib.suppress(UserError), SerialNode(board.port) as node:
                report = node.health(left)
            if report is None:
                time.sleep(OPEN_AGAIN_S)
        if report is None:
            raise FlashError(
                f"is written and verified, but says nothing within {STARTS_WITHIN_S:.0f} s; "
                "press EN (reset) and look with kista monitor"
            )
        if report.get("board") != self.image.board:
            raise FlashError(f"runs, but says that it is a {report.get('board')}; flash it again")
        return report

    def _put_back(self, board: Board) -> bool:
        """Write the configuration that the board had, unless the image brought one."""
        with SerialNode(board.port) as node:
            node.interrupt()
            missing = [name for name in board.kept if node.get_file(name) is None]
            for name in missing:
                node.put_file(name, board.kept[name])
            node.reset()
        return bool(missing)

    def _say(self, board: Board, state: str) -> None:
        board.state = state
        self._changed(board)
