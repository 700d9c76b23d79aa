"""The loader in a chip's ROM, as esptool meets it: bytes in, bytes out, a flash that changes.

From Espressif's documentation of the serial protocol ("Serial Protocol", esptool) and of the
registers (technical reference manuals). A stub that is uploaded is taken to be esptool's own: from
then on the answers are the stub's, with everything that only the stub knows.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

SECTOR = 4096
_END, _ESCAPE = b"\xc0", b"\xdb"
_ESCAPED = ((_ESCAPE, b"\xdb\xdd"), (_END, b"\xdb\xdc"))
_SYNC_ANSWERS = 8
_SYNC_VALUE = 0x20120707
_OK, _UNKNOWN, _BAD = b"\0\0", b"\1\5", b"\1\6"
_MAGIC_REGISTER = 0x40001000
_SPI_START = 1 << 18
_READ_ID = 0x9F
_GIGADEVICE = 0xC8
_SLOW_READ = 64
_APPLICATION = 0x10000


@dataclass(frozen=True)
class Silicon:
    """`magic`: of chips that know no security information. Offsets are from `spi`, bytes."""

    title: str
    ident: int
    mac: int
    spi: int
    command: int
    answer: int
    secure: tuple[int, int]
    magic: int | None = None
    registers: tuple[tuple[int, int], ...] = ()


# A D0WD-V3 (package 1, revision 3), its UART dividing 40 MHz to 115200 baud; a C3 of revision 0.4.
CHIPS = {
    "esp32": Silicon(
        "ESP32",
        ident=0,
        mac=0x3FF5A004,
        spi=0x3FF42000,
        command=0x24,
        answer=0x80,
        secure=(0x3FF5A018, 1 << 4),
        magic=0x00F01D83,
        registers=(
            # 8 MHz of its own, measured against the 40 of its crystal.
            (0x3FF5A010, 100),
            (0x3FF5F06C, 1024 << 7),
            (0x3FF5A00C, 1 << 15 | 1 << 9),
            (0x3FF5A014, 1 << 20),
            (0x3FF6607C, 1 << 31),
            (0x3FF40014, 347),
        ),
    ),
    "esp32s3": Silicon("ESP32-S3", 9, 0x60007044, 0x60002000, 0x20, 0x58, (0x60007038, 1 << 20)),
    "esp32c3": Silicon(
        "ESP32-C3",
        ident=5,
        mac=0x60008844,
        spi=0x60002000,
        command=0x20,
        answer=0x58,
        secure=(0x60008838, 1 << 20),
        registers=((0x60008850, 4 << 18), (0x60000014, 347)),
    ),
    "esp32c6": Silicon("ESP32-C6", 13, 0x600B0844, 0x60003000, 0x20, 0x58, (0x600B0838, 1 << 20)),
}


class Rom:
    """`flash`: a mutable buffer. `restart()` is called when the host has the chip started."""

    def __init__(
        self, chip: str, mac: bytes, flash, secure: bool = False, restart: Callable = lambda: None
    ) -> None:
        self._silicon = CHIPS[chip]
        self._flash = flash
        self._restart = restart
        self._secure = secure
        self._registers = dict(self._silicon.registers)
        high, low = struct.unpack(">HI", mac)
        self._registers[self._silicon.mac] = low
        self._registers[self._silicon.mac + 4] = high
        if secure:
            register, bit = self._silicon.secure
            self._registers[register] = self._registers.get(register, 0) | bit
        self.baudrate = 115200
        # How much of the application is written, in percent; where one bit of it comes out wrong.
        self.reached = -1.0
        self.flips_at: float | None = None
        self._stub = False
        self._rest = b""
        self._write: _Write | None = None
        self._reads: list[bytes] = []

    def take(self, data: bytes) -> bytes:
        """Return what the chip answers to these bytes."""
        *packets, self._rest = (self._rest + data).split(_END)
        answers = b""
        for packet in packets:
            for plain, escaped in reversed(_ESCAPED):
                packet = packet.replace(escaped, plain)
            answers += self._answer(packet)
        return answers

    def is_foreign(self, data: bytes) -> bool:
        """Return whether what comes now is none of the loader's packets."""
        # Behind the byte that begins a packet comes the zero of a request.
        return not self._rest and not data.startswith((_END, b"\0"))

    def _answer(self, packet: bytes) -> bytes:
        if len(packet) == 4 and self._reads:
            # The host has what was sent last and wants the next.
            return framed(self._reads.pop(0))
        if len(packet) < 8 or packet[0] != 0:
            return b""
        operation, size, _ = struct.unpack("<xBHI", packet[:8])
        data = packet[8:]
        if len(data) != size:
            return self._reply(operation, status=_BAD)
        handler = _HANDLERS.get(operation)
        if handler is None or (operation >= 0xD0 and not self._stub):
            return self._reply(operation, status=_UNKNOWN)
        try:
            return handler(self, operation, data)
        except (struct.error, ValueError, IndexError):
            return self._reply(operation, status=_BAD)

    def _reply(
        self, operation: int, value: int = 0, data: bytes = b"", status: bytes = _OK
    ) -> bytes:
        # The ROM's status has two bytes more, which mean nothing.
        tail = status if self._stub else status + b"\0\0"
        body = data + tail
        return framed(struct.pack("<BBHI", 1, operation, len(body), value) + body)

    # --- Acquaintance ---

    def _sync(self, operation: int, data: bytes) -> bytes:
        return self._reply(operation, 0 if self._stub else _SYNC_VALUE) * _SYNC_ANSWERS

    def _security(self, operation: int, data: bytes) -> bytes:
        if self._silicon.magic is not None:
            return self._reply(operation, status=_UNKNOWN)
        flags = 1 if self._secure else 0
        about = struct.pack("<IB7sII", flags, 0, bytes(7), self._silicon.ident, 0)
        return self._reply(operation, data=about)

    def _read_register(self, operation: int, data: bytes) -> bytes:
        address = struct.unpack("<I", data)[0]
        if address == _MAGIC_REGISTER:
            return self._reply(operation, self._silicon.magic or 0)
        return self._reply(operation, self._registers.get(address, 0))

    def _write_register(self, operation: int, data: bytes) -> bytes:
        address, value, mask = struct.unpack_from("<III", data)
        before = self._registers.get(address, 0)
        self._registers[address] = before & ~mask | value & mask
        spi = self._silicon.spi
        if address == spi and value & _SPI_START:
            command = self._registers.get(spi + self._silicon.command, 0) & 0xFF
            size = len(self._flash).bit_length() - 1
            known = size << 16 | 0x40 << 8 | _GIGADEVICE
            self._registers[spi + self._silicon.answer] = known if command == _READ_ID else 0
            self._registers[spi] = 0
        return self._reply(operation)

    def _nothing(self, operation: int, data: bytes) -> bytes:
        return self._reply(operation)

    def _change_baudrate(self, operation: int, data: bytes) -> bytes:
        baudrate = struct.unpack_from("<I", data)[0]
        if not baudrate:
            raise ValueError("baud rate")
        self.baudrate = baudrate
        return self._reply(operation)

    def _run_stub(self, operation: int, data: bytes) -> bytes:
        stay = struct.unpack_from("<I", data)[0]
        answer = self._reply(operation)
        if not stay:
            self._stub = True
            answer += framed(b"OHAI")
        return answer

    # --- The flash ---

    def _begin(self, operation: int, data: bytes) -> bytes:
        size, blocks, _, offset = struct.unpack_from("<IIII", data)
        if offset + size > len(self._flash):
            return self._reply(operation, status=_BAD)
        self._erase(offset, size)
        inflate = zlib.decompressobj() if operation == 0x10 else None
        self._write = _Write(offset, offset + size, inflate, blocks)
        return self._reply(operation)

    def _data(self, operation: int, data: bytes) -> bytes:
        size, sequence = struct.unpack_from("<II", data)
        block = data[16 : 16 + size]
        write = self._write
        if write is None or len(block) != size:
            return self._reply(operation, status=_BAD)
        if sequence == write.sequence - 1:
            # The host did not hear the answer to that one.
            return self._reply(operation)
        if sequence != write.sequence:
            return self._reply(operation, status=_BAD)
        write.sequence += 1
        if write.application:
            self.reached = 100 * write.sequence / write.blocks
        plain = write.inflate.decompress(block) if write.inflate else block
        plain = plain[: write.end - write.at]
        self._flash[write.at : write.at + len(plain)] = plain
        write.at += len(plain)
        if self.flips_at is not None and plain and self.reached >= self.flips_at:
            self._flash[write.at - 1] ^= 1
            self.flips_at = None
        return self._reply(operation)

    def _end(self, operation: int, data: bytes) -> bytes:
        self._write = None
        if not struct.unpack_from("<I", data)[0]:
            self._restart()
        return self._reply(operation)

    def _erase(self, offset: int, size: int) -> None:
        first = offset // SECTOR * SECTOR
        end = min(len(self._flash), -(-(offset + size) // SECTOR) * SECTOR)
        self._flash[first:end] = b"\xff" * (end - first)

    def _erase_region(self, operation: int, data: bytes) -> bytes:
        self._erase(*struct.unpack_from("<II", data))
        return self._reply(operation)

    def _erase_flash(self, operation: int, data: bytes) -> bytes:
        self._erase(0, len(self._flash))
        return self._reply(operation)

    def _md5(self, operation: int, data: bytes) -> bytes:
        offset, size = struct.unpack_from("<II", data)
        digest = hashlib.md5(self._flash[offset : offset + size])
        found = digest.digest() if self._stub else digest.hexdigest().encode()
        return self._reply(operation, data=found)

    def _read_flash(self, operation: int, data: bytes) -> bytes:
        offset, size, piece = struct.unpack_from("<III", data)
        whole = bytes(self._flash[offset : offset + size])
        pieces = [whole[at : at + piece] for at in range(0, size, piece)]
        self._reads = [*pieces[1:], hashlib.md5(whole).digest()]
        return self._reply(operation) + framed(pieces[0])

    def _read_slowly(self, operation: int, data: bytes) -> bytes:
        offset, size = struct.unpack_from("<II", data)
        found = bytes(self._flash[offset : offset + size]).ljust(_SLOW_READ, b"\0")
        return self._reply(operation, data=found)


@dataclass
class _Write:
    at: int
    end: int
    inflate: zlib._Decompress | None
    blocks: int
    sequence: int = 0

    def __post_init__(self) -> None:
        self.application = self.at == _APPLICATION


def framed(packet: bytes) -> bytes:
    """Return a packet as it is on the wire."""
    for plain, escaped in _ESCAPED:
        packet = packet.replace(plain, escaped)
    return _END + packet + _END


_HANDLERS = {
    0x02: Rom._begin,
    0x03: Rom._data,
    0x04: Rom._end,
    0x05: Rom._nothing,
    0x06: Rom._run_stub,
    0x07: Rom._nothing,
    0x08: Rom._sync,
    0x09: Rom._write_register,
    0x0A: Rom._read_register,
    0x0B: Rom._nothing,
    0x0D: Rom._nothing,
    0x0E: Rom._read_slowly,
    0x0F: Rom._change_baudrate,
    0x10: Rom._begin,
    0x11: Rom._data,
    0x12: Rom._end,
    0x13: Rom._md5,
    0x14: Rom._security,
    0xD0: Rom._erase_flash,
    0xD1: Rom._erase_region,
    0xD2: Rom._read_flash,
}
