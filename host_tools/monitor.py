"""What a node on a serial port says, for as long as one likes to listen."""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable, Iterator

from host_tools import build, traced
from host_tools.errors import UserError
from host_tools.serial_node import SerialNode

OWN = re.compile(r"[IWE] \d+ ")
LOOK_AGAIN_S = 0.5
LISTEN_S = 0.3


def listen(
    port: str, say: Callable[[str], None], asked: queue.SimpleQueue[str] | None = None
) -> Iterator[str]:
    """Yield the node's lines for ever; when the port goes away, wait for it to come back.

    `asked`: lines to say to it, from another thread. UserError when it cannot be opened at first;
    `say` hears of each loss and each return.
    """
    lost = None
    files = build.device_files()
    while True:
        try:
            with SerialNode(port) as node:
                if lost:
                    say(f"{port}: is back")
                lost = False
                # What it said before is as if it were said now.
                node.say("log")
                first = True
                while True:
                    for line in node.lines(LISTEN_S):
                        # What somebody asked before is answered to us, the end of it at first.
                        if not (line.startswith("H {") or (first and not OWN.match(line))):
                            yield traced.in_sources(line, files)
                        first = False
                    while asked and not asked.empty():
                        node.say(asked.get())
        except UserError as error:
            if lost is None:
                raise
            if not lost:
                say(f"{error} Waiting for it")
            lost = True
        time.sleep(LOOK_AGAIN_S)
