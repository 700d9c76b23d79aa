"""Raw partitions and the key-value store of the chip as files in the working folder."""

import os

_ERASE_BLOCK = 6
_SECTOR = 4096
_SECTORS = 16


class NVS:
    """Blobs only; a file each."""

    def __init__(self, namespace):
        self._prefix = "nvs." + namespace + "."

    def get_blob(self, key, buffer):
        try:
            with open(self._prefix + key, "rb") as file:
                content = file.read()
        except OSError:
            raise OSError(-0x1102, "ESP_ERR_NVS_NOT_FOUND")
        buffer[: len(content)] = content
        return len(content)

    def set_blob(self, key, content):
        if len(key) > 15:
            raise ValueError("key too long")
        with open(self._prefix + key, "wb") as file:
            file.write(content)

    def commit(self):
        pass


class Partition:
    TYPE_APP, TYPE_DATA = 0, 1
    _KINDS = {"journal": 0x40, "spool": 0x41}

    @staticmethod
    def find(kind, label=None):
        return [Partition(label)] if Partition._KINDS.get(label) == kind else []

    def __init__(self, label):
        self._label = label
        try:
            os.stat(label + ".bin")
        except OSError:
            with open(label + ".bin", "wb") as file:
                file.write(b"\xff" * (_SECTOR * _SECTORS))
        self._file = open(label + ".bin", "r+b")  # noqa: SIM115 - for as long as the node runs

    def info(self):
        return (self._KINDS[self._label], 0, 0, _SECTOR * _SECTORS, self._label, False)

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * _SECTOR + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, data, offset=0):
        self._file.seek(block * _SECTOR + offset)
        there = self._file.read(len(data))
        self._file.seek(block * _SECTOR + offset)
        self._file.write(bytes(a & b for a, b in zip(there, data)))
        self._file.flush()

    def ioctl(self, operation, block):
        if operation == _ERASE_BLOCK:
            self._file.seek(block * _SECTOR)
            self._file.write(b"\xff" * _SECTOR)
            self._file.flush()
