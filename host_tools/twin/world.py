"""What of the simulated world outlives the node's process: one file, the flash inside it.

0     8 bytes   simulated unix time in ms, little-endian; 0: a new world
8     1 byte    1: the process ended by the node's own reset, 0: by a power cut or a kill
16    240 bytes reset-surviving memory of the chip, its length first (2 bytes)
256   3840      key-value store: JSON, its length first (2 bytes)
4096  ...       the flash's partitions, one behind the other
"""

import binascii
import json
import struct

_CLOCK = 0
_RESET = 8
_CRUMB = 16
_CRUMB_BYTES_MOST = 238
_STORE = 256
_STORE_BYTES_MOST = 3838
FLASH = 4096

# How a process of the node ends.
EXIT_DONE = 0
EXIT_RESET = 3
EXIT_POWER_CUT = 4
EXITS = (EXIT_DONE, EXIT_RESET, EXIT_POWER_CUT)


class World:
    """The file, and the simulated clock that runs on from where the last process left it."""

    def __init__(self, path, partitions):
        """`partitions`: [(name, bytes)]; a file that does not exist is made, erased flash in it."""
        self.offsets = {}
        end = FLASH
        for name, size in partitions:
            self.offsets[name] = (end, size)
            end += size
        try:
            self.file = open(path, "r+b")
        except OSError:
            _make(path, end)
            self.file = open(path, "r+b")
        if self.file.seek(0, 2) != end:
            raise ValueError("%s: not a flash file of this board; name another one" % path)
        self.was_reset = self._read(_RESET, 1) == b"\x01"
        crumb = self._read_block(_CRUMB)
        self._crumb = crumb if self.was_reset else b""
        self._write(_RESET, b"\0")

    def clock(self):
        """Return the simulated unix ms when the last process was last seen; 0: a new world."""
        return struct.unpack("<q", self._read(_CLOCK, 8))[0]

    def set_clock(self, unix_ms):
        self._write(_CLOCK, struct.pack("<q", unix_ms))

    def mark_reset(self):
        self._write(_RESET, b"\x01")

    # The chip's reset-surviving memory.
    def load(self):
        return self._crumb

    def save(self, crumb):
        if len(crumb) > _CRUMB_BYTES_MOST:
            raise ValueError("breadcrumb longer than %d bytes" % _CRUMB_BYTES_MOST)
        self._crumb = bytes(crumb)
        self._write_block(_CRUMB, self._crumb)

    # The chip's key-value store.
    def get(self, key):
        value = self._values().get(key)
        return None if value is None else binascii.unhexlify(value)

    def set(self, key, value):
        values = self._values()
        values[key] = binascii.hexlify(value).decode()
        text = json.dumps(values).encode()
        if len(text) > _STORE_BYTES_MOST:
            raise OSError("the key-value store is full")
        self._write_block(_STORE, text)

    def _values(self):
        text = self._read_block(_STORE)
        return json.loads(text) if text else {}

    def _read(self, offset, n):
        self.file.seek(offset)
        return self.file.read(n)

    def _write(self, offset, data):
        self.file.seek(offset)
        self.file.write(data)
        self.file.flush()

    def _read_block(self, offset):
        return self._read(offset + 2, struct.unpack("<H", self._read(offset, 2))[0])

    def _write_block(self, offset, data):
        self._write(offset, struct.pack("<H", len(data)) + data)


def _make(path, size):
    with open(path, "wb") as file:
        file.write(bytes(FLASH))
        erased = b"\xff" * 4096
        for _ in range((size - FLASH) // 4096):
            file.write(erased)
