"""The world around the simulated node: what outlives its process, and answers it through two pipes.

One file holds it, the node's flash inside:

    0     8 bytes   simulated unix time in ms, little-endian; 0: a new world
    8     1 byte    1: the node's last process ended by a reset of its own, 0: by a cut or a kill
    16    240 bytes reset-surviving memory of the chip, its length first (2 bytes)
    256   3840      key-value store: JSON, its length first (2 bytes)
    4096  ...       the flash's partitions, one behind the other
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from host_tools.errors import UserError
from host_tools.twin import flash, hal
from host_tools.twin.buses import I2c, Nobody, Uart
from host_tools.twin.time_server import TimeServer

_RESET = 8
_CRUMB = (16, 238)
_STORE = (256, 3838)
_FLASH = 4096
_HEAD_BYTES = struct.calcsize(hal.REQUEST)


class World:
    """`partitions`: {name: bytes}. A file that does not exist is made, erased flash in it."""

    def __init__(self, path: Path, partitions: dict[str, int]) -> None:
        offsets = {}
        end = _FLASH
        for name, size in partitions.items():
            offsets[name] = (end, size)
            end += size
        if not path.exists():
            path.write_bytes(bytes(_FLASH) + b"\xff" * (end - _FLASH))
        elif path.stat().st_size != end:
            raise UserError(f"{path}: not the flash of such a board; name another file")
        # Unbuffered: what is written is in the file, whenever this process is killed.
        self._file = path.open("r+b", buffering=0)
        self._ledger = path.with_name(path.name + ".ledger").open("ab", buffering=0)
        self.nor = flash.Nor(self._file, offsets)
        self._places: list = [self.nor.partitions[name] for name in partitions]
        self.places = {name: (i, size) for i, (name, size) in enumerate(partitions.items())}
        self._cut_ms: int | None = None
        self._seed = 1
        self.now_ms = self.clock()
        self._say: Callable[[dict], None] = print
        self.time_server = TimeServer([])

    def close(self) -> None:
        self._file.close()
        self._ledger.close()

    def clock(self) -> int:
        """Return the simulated unix ms at which the node was last seen; 0: a new world."""
        return int.from_bytes(self._read(0, 8), "little")

    def connect(self, name: str, kind: str, models: list) -> None:
        """Hang sensor models on a bus."""
        if kind == "i2c":
            bus = I2c(models, self._now)
        else:
            bus = Uart(models[0] if models else Nobody(), self._now, 4096)
        self.places[name] = (len(self._places), 0)
        self._places.append(bus)

    def begin_boot(self, cut_ms: int | None, seed: int) -> bool:
        """The node is switched on; return whether it had reset itself. `cut_ms`: power goes."""
        was_reset = self._read(_RESET, 1) == b"\1"
        if not was_reset:
            self._write_block(_CRUMB, b"")
        self._write(_RESET, b"\0")
        self._cut_ms = cut_ms
        self._seed = seed
        self.nor.cut_at(-1)
        # Rows of the boot before that were not committed have died with it. A line cut short ends
        # here.
        self._ledger.write(b"\nb\n")
        return was_reset

    def serve(self, reader: BinaryIO, writer: BinaryIO, say: Callable[[dict], None]) -> None:
        """Answer the node until its process ends; `say` hears its events."""
        self._say = say
        self._said: dict = {}
        while len(head := reader.read(_HEAD_BYTES)) == _HEAD_BYTES:
            op, place, self.now_ms, offset, size = struct.unpack(hal.REQUEST, head)
            asks_size = op in (hal.FLASH_READ, hal.I2C_READ_MEM, hal.I2C_READ)
            data = b"" if asks_size or not size else reader.read(size)
            status, answer = hal.GOOD, b""
            try:
                answer = self._do(op, place, offset, size, data)
            except flash.PowerCut:
                status = hal.CUT
            except OSError as error:
                status, answer = hal.ERROR, str(error).encode()
            try:
                writer.write(struct.pack(hal.ANSWER, status, len(answer)) + answer)
                writer.flush()
            except BrokenPipeError:
                return

    def _do(self, op: int, place: int, offset: int, size: int, data: bytes) -> bytes:
        if op <= hal.FLASH_ERASE:
            return self._do_flash(op, self._places[place], offset, size, data)
        if op <= hal.I2C_WRITE:
            return self._do_bus(op, self._places[place], offset, size, data)
        if op == hal.ROW:
            self._write(0, self.now_ms.to_bytes(8, "little"))
            *head, values = data.split(b" ", 3)
            listed = ",".join("" if one is None else str(one) for one in json.loads(values))
            self._ledger.write(b"r %d %s %s\n" % (place, b" ".join(head), listed.encode()))
        elif op == hal.COMMIT:
            self._ledger.write(b"c\n")
        elif op == hal.SAY:
            for name, value in json.loads(data).items():
                # Lists are continued.
                self._said[name] = (
                    self._said.get(name, []) + value if place and isinstance(value, list) else value
                )
            # A part of an event otherwise.
            if not place:
                said, self._said = self._said, {}
                self._say(said)
        elif op == hal.TIME_ASK:
            self.time_server.ask(data, self.now_ms)
        elif op == hal.TIME_TOLD:
            return self.time_server.told(self.now_ms)
        elif op == hal.RESET:
            self._write(_RESET, b"\1")
        elif op == hal.CRUMB_LOAD:
            return self._read_block(_CRUMB)
        elif op == hal.CRUMB_SAVE:
            self._write_block(_CRUMB, data)
        elif op == hal.STORE_GET:
            value = self._stored().get(data.decode())
            return b"" if value is None else b"=" + bytes.fromhex(value)
        elif op == hal.STORE_SET:
            values = {**self._stored(), data[:place].decode(): data[place:].hex()}
            self._write_block(_STORE, json.dumps(values).encode())
        return b""

    def _do_flash(self, op: int, part: flash.Partition, offset: int, size: int, data) -> bytes:
        if op == hal.FLASH_READ:
            buf = bytearray(size)
            part.read(offset, buf)
            return bytes(buf)
        if self._cut_ms is not None and self.now_ms >= self._cut_ms:
            self._cut_ms = None
            self.nor.cut_next(self._seed)
        if op == hal.FLASH_PROGRAM:
            part.program(offset, data)
        else:
            part.erase(offset)
        return b""

    def _do_bus(self, op: int, bus: Uart | I2c, offset: int, size: int, data: bytes) -> bytes:
        if op == hal.UART_READ:
            return bus.read() or b""
        if op == hal.UART_WRITE:
            bus.write(data)
        elif op == hal.I2C_WRITE_MEM:
            bus.writeto_mem(offset >> 8, offset & 0xFF, data)
        elif op == hal.I2C_WRITE:
            bus.writeto(offset, data)
        else:
            buf = bytearray(size)
            if op == hal.I2C_READ_MEM:
                bus.readfrom_mem_into(offset >> 8, offset & 0xFF, buf)
            else:
                bus.readfrom_into(offset, buf)
            return bytes(buf)
        return b""

    def _now(self) -> int:
        return self.now_ms

    def _stored(self) -> dict[str, str]:
        return json.loads(self._read_block(_STORE) or b"{}")

    def _read(self, offset: int, n: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(n)

    def _write(self, offset: int, data: bytes) -> None:
        self._file.seek(offset)
        self._file.write(data)

    def _read_block(self, block: tuple[int, int]) -> bytes:
        return self._read(block[0] + 2, int.from_bytes(self._read(block[0], 2), "little"))

    def _write_block(self, block: tuple[int, int], data: bytes) -> None:
        if len(data) > block[1]:
            raise OSError(f"no room for {len(data)} bytes")
        self._write(block[0], len(data).to_bytes(2, "little") + data)
