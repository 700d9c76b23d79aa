"""What stock MicroPython does after a reset: mount `vfs`, run boot.py, run main.py.

Machine code on it is the chip's. Its place is taken by what the PC compiled of the same source
for this interpreter: the files below `native`.
"""

import os
import sys

import esp32
import vfs

NATIVE = os.getenv("BOARD_HOME") + "/native/"


class Node:
    """The mounted file system, with other machine code."""

    def __init__(self, mounted, native):
        self._mounted = mounted
        self._native = native

    def __getattr__(self, name):
        return getattr(self._mounted, name)

    def open(self, path, mode):
        name = path.lstrip("/")
        if name in self._native:
            return open(NATIVE + name, mode)
        return self._mounted.open(path, mode)


def files(folder=""):
    """Return the names of all files below NATIVE."""
    found = []
    for name, kind, *_ in os.ilistdir(NATIVE + folder):
        found += files(folder + name + "/") if kind == 0x4000 else [folder + name]
    return found


def run(name):
    with open(name) as file:
        text = file.read()
    exec(text, {"__name__": "__main__"})


part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
vfs.mount(Node(vfs.VfsLfs2(part, readsize=32, progsize=32, lookahead=32), files()), "/node")
os.chdir("/node")
sys.path.insert(0, "/node")
run("boot.py")
run("main.py")
