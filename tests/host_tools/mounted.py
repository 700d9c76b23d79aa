"""Runs a script in the file system of an image, on MicroPython: IMAGE OFFSET SIZE SCRIPT.

The interpreter's own LittleFS mounts it as the chip would; the script finds itself in there.
"""

import os
import sys

import vfs

_SECTOR = 4096


class Flash:
    def __init__(self, path, offset, size):
        self._file = open(path, "r+b")  # noqa: SIM115 - for as long as it is mounted
        self._offset = offset
        self._sectors = size // _SECTOR

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(self._offset + block * _SECTOR + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, data, offset=0):
        self._file.seek(self._offset + block * _SECTOR + offset)
        self._file.write(data)

    def ioctl(self, operation, block):
        if operation == 4:
            return self._sectors
        if operation == 5:
            return _SECTOR
        if operation == 6:
            self.writeblocks(block, b"\xff" * _SECTOR)
        return 0


flash = Flash(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/node")
os.chdir("/node")
sys.path.insert(0, "/node")
with open(sys.argv[4]) as file:
    script = file.read()
exec(script)
