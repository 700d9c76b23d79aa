"""What main.py does before and around the node's loops."""

import gc
import json
import os
import sys

import umqtt_cpython  # noqa: F401 - makes umqtt.simple importable

# isort: split
import main
from fakes import Hal as QuietHal


def test_main_without_its_boards_file_still_has_something_to_say():
    home = os.getcwd()
    folder = "/tmp/kista-main-%s" % "".join("%02x" % byte for byte in os.urandom(6))
    os.mkdir(folder)
    os.chdir(folder)
    for content in (None, "", '{"name": "esp', "\xff\xfe"):
        if content is not None:
            with open("board.json", "w") as file:
                file.write(content)
        assert main.read_board() == {"name": "unknown", "buses": {}}, content
    with open("board.json", "w") as file:
        file.write(json.dumps({"name": "b", "buses": {}}))
    assert main.read_board()["name"] == "b"
    os.remove("board.json")
    os.chdir(home)
    os.rmdir(folder)


# CPython has no such things.
if not hasattr(gc, "threshold"):
    gc.threshold = lambda size: None
    gc.mem_free = lambda: 65536
    sys.print_exception = lambda error: None


class Hal(QuietHal):
    resets = 0

    def run(self, loops):
        for loop in loops:
            loop.close()
        raise MemoryError("no room for a frame")

    def reset(self):
        self.resets += 1


class Node:
    steps = waiting_steps = ()
    clock = None


def test_main_leaves_word_of_whatever_ends_the_node_and_resets():
    def not_made():
        raise KeyError("gone")

    for make_node, word in ((not_made, "KeyError: "), (Node, "MemoryError: no room for a frame")):
        hal = Hal()
        main.run(hal, make_node)
        assert json.loads(hal.crumb.content)["error"].startswith(word) and hal.resets == 1
        # Fed once: what hangs before the first proof of progress ends in the watchdog.
        assert hal.feeds == 1
