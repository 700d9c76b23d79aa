"""The peers: each turns (times in ms, whole numbers by column) into bytes and back.

A `Shape` says names and decimals, which every peer may know beforehand unless its format carries
them.
"""

from __future__ import annotations

import itertools
import json
import lzma
import struct
import zlib
from dataclasses import dataclass

import cbor2
import msgpack
import zstandard

LZMA = [{"id": lzma.FILTER_LZMA1, "preset": 9, "dict_size": 1 << 18, "lc": 0, "lp": 0, "pb": 0}]
# RFC 8428: base name, base time, name, value, time.
BN, BT, N, V, T = -2, -3, 0, 2, 6


@dataclass
class Shape:
    names: list[str]
    decimals: list[int]

    def real(self, column: int, number: int) -> float | int:
        decimals = self.decimals[column]
        return number / 10**decimals if decimals else number

    def whole(self, column: int, value: float) -> int:
        return round(value * 10 ** self.decimals[column])


def _rows(shape, times, cells):
    return [
        [time // 1000, *(shape.real(i, column[row]) for i, column in enumerate(cells))]
        for row, time in enumerate(times)
    ]


def _from_rows(shape, rows):
    columns = list(zip(*rows))
    times = [time * 1000 for time in columns[0]]
    return times, [[shape.whole(i, v) for v in c] for i, c in enumerate(columns[1:])]


class JsonMessages:
    name = "JSON, a message a row"

    def encode(self, shape, times, cells):
        keys = ["time", *shape.names]
        rows = _rows(shape, times, cells)
        return b"\n".join(
            json.dumps(dict(zip(keys, row)), separators=(",", ":")).encode() for row in rows
        )

    def decode(self, shape, data):
        return _from_rows(shape, [list(json.loads(line).values()) for line in data.split(b"\n")])


class JsonZlib:
    name = "JSON, a batch, zlib"

    def encode(self, shape, times, cells):
        text = json.dumps(_rows(shape, times, cells), separators=(",", ":"))
        return zlib.compress(text.encode(), 9)

    def decode(self, shape, data):
        return _from_rows(shape, json.loads(zlib.decompress(data)))


class SenmlCbor:
    name = "SenML-CBOR"

    def encode(self, shape, times, cells):
        base = times[0] // 1000
        pack = []
        for i, column in enumerate(cells):
            for time, number in zip(times, column):
                pack.append({N: shape.names[i], V: shape.real(i, number), T: time // 1000 - base})
        pack[0] = {BN: "node:", BT: base, **pack[0]}
        return cbor2.dumps(pack)

    def decode(self, shape, data):
        pack = cbor2.loads(data)
        times, cells = [], [[] for _ in shape.names]
        for record in pack:
            i = shape.names.index(record[N])
            cells[i].append(shape.whole(i, record[V]))
            if i == 0:
                times.append((pack[0][BT] + record[T]) * 1000)
        return times, cells


class MsgpackZlib:
    name = "MessagePack, zlib"

    def encode(self, shape, times, cells):
        return zlib.compress(msgpack.packb(_rows(shape, times, cells)), 9)

    def decode(self, shape, data):
        return _from_rows(shape, msgpack.unpackb(zlib.decompress(data)))


class BitWriter:
    def __init__(self):
        self._bits = 0
        self._count = 0

    def write(self, value, bits):
        self._bits = self._bits << bits | value & (1 << bits) - 1
        self._count += bits

    def bytes(self):
        pad = -self._count % 8
        return (self._bits << pad).to_bytes((self._count + pad) // 8, "big")


class BitReader:
    def __init__(self, data):
        self._bits = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, bits):
        self._left -= bits
        return self._bits >> self._left & (1 << bits) - 1


class Gorilla:
    """Pelkonen et al., VLDB 2015: delta of deltas for times, XOR of doubles for values."""

    name = "Gorilla"

    def encode(self, shape, times, cells):
        out = BitWriter()
        out.write(len(times), 16)
        seconds = [time // 1000 for time in times]
        out.write(seconds[0], 32)
        delta = 0
        for before, now in itertools.pairwise(seconds):
            self._write_time(out, now - before - delta)
            delta = now - before
        for i, column in enumerate(cells):
            self._write_column(out, [shape.real(i, number) for number in column])
        return out.bytes()

    def _write_time(self, out, change):
        for prefix, bits, width in ((0b10, 2, 7), (0b110, 3, 9), (0b1110, 4, 12)):
            if change == 0:
                return out.write(0, 1)
            if -(1 << width - 1) < change <= 1 << width - 1:
                out.write(prefix, bits)
                return out.write(change + (1 << width - 1) - 1, width)
        out.write(0b1111, 4)
        return out.write(change, 32)

    def _read_time(self, data):
        if not data.read(1):
            return 0
        for width in (7, 9, 12):
            if not data.read(1):
                return data.read(width) - (1 << width - 1) + 1
        change = data.read(32)
        return change - (1 << 32) if change >> 31 else change

    def _write_column(self, out, values):
        bits = [struct.unpack(">Q", struct.pack(">d", value))[0] for value in values]
        out.write(bits[0], 64)
        leading = trailing = None
        for before, now in itertools.pairwise(bits):
            xor = before ^ now
            if not xor:
                out.write(0, 1)
                continue
            zeros = min(31, 64 - xor.bit_length())
            tail = (xor & -xor).bit_length() - 1
            if leading is not None and zeros >= leading and tail >= trailing:
                out.write(0b10, 2)
            else:
                leading, trailing = zeros, tail
                out.write(0b11, 2)
                out.write(leading, 5)
                out.write(64 - leading - trailing - 1, 6)
            out.write(xor >> trailing, 64 - leading - trailing)

    def decode(self, shape, data):
        read = BitReader(data)
        rows = read.read(16)
        seconds = [read.read(32)]
        delta = 0
        for _ in range(rows - 1):
            delta += self._read_time(read)
            seconds.append(seconds[-1] + delta)
        cells = []
        for i in range(len(shape.names)):
            values = self._read_column(read, rows)
            cells.append([shape.whole(i, value) for value in values])
        return [second * 1000 for second in seconds], cells

    def _read_column(self, read, rows):
        bits = [read.read(64)]
        leading = trailing = 0
        for _ in range(rows - 1):
            xor = 0
            if read.read(1):
                if read.read(1):
                    leading = read.read(5)
                    trailing = 64 - leading - read.read(6) - 1
                xor = read.read(64 - leading - trailing) << trailing
            bits.append(bits[-1] ^ xor)
        return [struct.unpack(">d", struct.pack(">Q", b))[0] for b in bits]


def zigzag(n):
    return n << 1 if n >= 0 else (-n << 1) - 1


def unzigzag(n):
    return -(n + 1 >> 1) if n & 1 else n >> 1


def varints(numbers):
    out = bytearray()
    for n in numbers:
        n = zigzag(n)
        while n > 0x7F:
            out.append(n & 0x7F | 0x80)
            n >>= 7
        out.append(n)
    return bytes(out)


def deltas(column):
    return [column[0], *(b - a for a, b in itertools.pairwise(column))]


def sums(column):
    total, out = 0, []
    for n in column:
        total += n
        out.append(total)
    return out


class Delta:
    """Differences as varints, column by column, through a general compressor."""

    def __init__(self, name, compress, decompress):
        self.name = f"delta + {name}"
        self._compress = compress
        self._decompress = decompress

    def encode(self, shape, times, cells):
        columns = [[time // 1000 for time in times], *cells]
        return self._compress(b"".join(varints(deltas(column)) for column in columns))

    def decode(self, shape, data):
        numbers, n, shift = [], 0, 0
        for byte in self._decompress(data):
            n |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                numbers.append(unzigzag(n))
                n = shift = 0
        rows = len(numbers) // (len(shape.names) + 1)
        times, *cells = (sums(numbers[i : i + rows]) for i in range(0, len(numbers), rows))
        return [time * 1000 for time in times], cells


class BitPacked:
    """Differences in blocks of eight, each block as wide as its widest."""

    name = "bit-packed blocks of 8"

    def encode(self, shape, times, cells):
        out = BitWriter()
        out.write(len(times), 16)
        for column in [[time // 1000 for time in times], *cells]:
            out.write(zigzag(column[0]), 64)
            steps = [zigzag(step) for step in deltas(column)[1:]]
            for i in range(0, len(steps), 8):
                width = max(steps[i : i + 8]).bit_length()
                out.write(width, 6)
                for step in steps[i : i + 8]:
                    out.write(step, width)
        return out.bytes()

    def decode(self, shape, data):
        read = BitReader(data)
        rows = read.read(16)
        columns = []
        for _ in range(len(shape.names) + 1):
            column = [unzigzag(read.read(64))]
            for i in range(0, rows - 1, 8):
                width = read.read(6)
                column += [unzigzag(read.read(width)) for _ in range(min(8, rows - 1 - i))]
            columns.append(sums(column))
        return [time * 1000 for time in columns[0]], columns[1:]


PEERS = [
    JsonMessages(),
    JsonZlib(),
    SenmlCbor(),
    MsgpackZlib(),
    Gorilla(),
    BitPacked(),
    Delta("zlib", lambda data: zlib.compress(data, 9), zlib.decompress),
    Delta(
        "Zstandard", zstandard.ZstdCompressor(19).compress, zstandard.ZstdDecompressor().decompress
    ),
    Delta(
        "LZMA",
        lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=LZMA),
        lambda data: lzma.decompress(data, lzma.FORMAT_RAW, filters=LZMA),
    ),
]
