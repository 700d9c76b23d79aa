"""A board whose files and partitions are files of the test's, on a pty."""

import json
from pathlib import Path

from host_tools import boards, build
from host_tools.practice import pty_board

# Before the practice board's own: it keeps partitions and store as files.
SHIMS = [Path(__file__).parent / "board", pty_board.DEVICE]
PATHS = [".frozen", *SHIMS, build.FIRMWARE, build.ROOT, build.UMQTT.parent.parent]
BOARD = "esp32_generic"


class PtyBoard(pty_board.PtyBoard):
    """A context; `folder` holds the board's files, `air` the networks there are."""

    paths = PATHS
    start = b"import main; main.start()\r"

    def __init__(self, folder, air):
        super().__init__(folder)
        (folder / "board.json").write_text(json.dumps(boards.load(BOARD)))
        (folder / "air.json").write_text(json.dumps(air))

    def read(self, name):
        return (self.folder / name).read_bytes()
