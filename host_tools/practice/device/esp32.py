"""Partitions and the key-value store of the chip, in the flash that its loader wrote.

The store is kept as JSON in the partition `nvs`: what erases the flash erases it as well.
"""

import binascii
import json
import os
import struct

_ERASE_BLOCK = 6
_SECTOR = 4096
_TABLE = 0x8000
_ENTRY = 32
_NOT_FOUND = -0x1102
FLASH = os.getenv("BOARD_HOME") + "/flash.bin"


def _partitions():
    """Return {label: (type, subtype, offset, size)} by the table that is in the flash."""
    with open(FLASH, "rb") as file:
        file.seek(_TABLE)
        table = file.read(_SECTOR)
    found = {}
    for at in range(0, _SECTOR, _ENTRY):
        magic, kind, subtype, offset, size, label = struct.unpack_from("<HBBII16s", table, at)
        if magic != 0x50AA:
            return found
        found[label.rstrip(b"\0").decode()] = (kind, subtype, offset, size)


class Partition:
    TYPE_APP, TYPE_DATA = 0, 1

    @staticmethod
    def find(kind, label=None):
        found = _partitions().get(label)
        return [Partition(label)] if found and found[0] == kind else []

    def __init__(self, label):
        self._label = label
        self._kind, self._subtype, self._offset, self._size = _partitions()[label]
        self._file = open(FLASH, "r+b")  # noqa: SIM115 - for as long as the node runs

    def info(self):
        return (self._kind, self._subtype, self._offset, self._size, self._label, False)

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(self._offset + block * _SECTOR + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, data, offset=None):
        if offset is None:
            # Without an offset, the port erases what it writes to.
            for n in range(len(data) // _SECTOR):
                self.ioctl(_ERASE_BLOCK, block + n)
        at = self._offset + block * _SECTOR + (offset or 0)
        self._file.seek(at)
        there = self._file.read(len(data))
        self._file.seek(at)
        self._file.write(bytes(a & b for a, b in zip(there, data)))
        self._file.flush()

    def ioctl(self, operation, block):
        if operation == 4:
            return self._size // _SECTOR
        if operation == 5:
            return _SECTOR
        if operation == _ERASE_BLOCK:
            self._file.seek(self._offset + block * _SECTOR)
            self._file.write(b"\xff" * _SECTOR)
            self._file.flush()
        return 0


class NVS:
    """Blobs only."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._offset, self._size = _partitions()["nvs"][2:]
        with open(FLASH, "rb") as file:
            file.seek(self._offset)
            text = file.read(self._size).split(b"\xff")[0]
        self._all = json.loads(text) if text else {}

    def get_blob(self, key, buffer):
        content = self._all.get(self._namespace + "." + key)
        if content is None:
            raise OSError(_NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        content = binascii.a2b_base64(content)
        buffer[: len(content)] = content
        return len(content)

    def set_blob(self, key, content):
        if len(key) > 15:
            raise ValueError("key too long")
        self._all[self._namespace + "." + key] = binascii.b2a_base64(content).decode().strip()

    def commit(self):
        text = json.dumps(self._all).encode()
        with open(FLASH, "r+b") as file:
            file.seek(self._offset)
            file.write(text + b"\xff" * (self._size - len(text)))
