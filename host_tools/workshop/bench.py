"""The bench: boards are plugged in, flashed, unplugged, without a keyboard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from host_tools.workshop.tray import Board, Tray

LOOK_S = 0.3
# A port is there before the machine lets everybody open it.
SETTLE_S = 0.3


@dataclass
class Bench:
    """`there()` returns the ports that are plugged in now; `gone(port)` hears of those unplugged.

    `finished(board)` is called after each turn.
    """

    tray: Tray
    there: Callable[[], set[str]]
    finished: Callable[[Board], None]
    gone: Callable[[str], None]
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Flash whatever is plugged in, once for each time that it is; until stopped."""
        turns: dict[str, threading.Thread] = {}
        while not self.stopped.is_set():
            there = self.there()
            for port in there - turns.keys():
                turns[port] = threading.Thread(target=self._turn, args=(port,))
                turns[port].start()
            # While it is written a port may vanish and come back: that is no new board.
            for port in [port for port in turns.keys() - there if not turns[port].is_alive()]:
                del turns[port]
                self.gone(port)
            self.stopped.wait(LOOK_S)
        for turn in turns.values():
            turn.join()

    def _turn(self, port: str) -> None:
        time.sleep(SETTLE_S)
        board = Board(port)
        self.tray.flash_one(board)
        self.finished(board)
