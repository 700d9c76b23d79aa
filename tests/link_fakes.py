"""A broker's end of a connection, in bytes and awkward pieces, and a spool of a few frames."""

import struct

import umqtt_cpython  # noqa: F401 - makes umqtt.simple importable
from fakes import Hal as QuietHal
from gateway.mqtt import packet_size

CONNACK = b"\x20\x02\x00\x00"
CONFIG = {"node": "n1", "broker": {"host": "broker.example", "port": 1883, "keepalive_s": 60}}


class Conn:
    """Takes and gives `piece` bytes a call; answers what it understands unless told not to.

    `echoes`: the node may write, and gets what it writes to itself.
    """

    def __init__(self, connack=CONNACK, piece=1000, answers=True, echoes=True):
        self.incoming = bytearray()
        self.packets = []
        self.closed = False
        self.answers = answers
        self.echoes = echoes
        self.stuck = False
        self._connack = connack
        self._piece = piece
        self._out = bytearray()
        self._turn = 0

    def ready(self):
        return True

    def write(self, data):
        self._turn += 1
        # Every other time there is no room: the caller must come again.
        if self.stuck or (self._piece == 1 and self._turn % 2):
            return None
        taken = bytes(data[: self._piece])
        self._out += taken
        while True:
            size = packet_size(self._out)
            if not size or len(self._out) < size:
                return len(taken)
            packet = bytes(self._out[:size])
            self._out = self._out[size:]
            self.packets.append(packet)
            self._answer(packet)

    def readinto(self, buf):
        if not self.incoming:
            return 0 if self.closed else None
        count = min(len(buf), len(self.incoming), self._piece)
        buf[:count] = self.incoming[:count]
        self.incoming = self.incoming[count:]
        return count

    def close(self):
        self.closed = True
        self.incoming = bytearray()

    def _answer(self, packet):
        kind = packet[0] & 0xF0
        if kind == 0x30 and self.echoes and publish(packet)[0].endswith(b"command/echo"):
            topic, payload = publish(packet)[:2]
            body = struct.pack(">H", len(topic)) + topic + payload
            self.incoming += bytes([0x30, len(body)]) + body
        if kind == 0x10:
            self.incoming += self._connack
        elif not self.answers:
            pass
        elif kind == 0x30:
            self.incoming += struct.pack(">BBH", 0x40, 2, publish(packet)[3])
        elif kind == 0x80:
            self.incoming += b"\x90\x03" + packet[2:4] + b"\x01"
        elif kind == 0xC0:
            self.incoming += b"\xd0\x00"

    def published(self, end):
        """Return [(topic, payload, flags, packet id), …] of the topics that end so."""
        found = [publish(packet) for packet in self.packets if packet[0] & 0xF0 == 0x30]
        return [one for one in found if one[0].endswith(end)]


def publish(packet):
    start = 2
    while packet[start - 1] & 0x80:
        start += 1
    size = packet[start] << 8 | packet[start + 1]
    at = start + 2 + size
    ident = packet[at] << 8 | packet[at + 1]
    return packet[start + 2 : at], packet[at + 2 :], packet[0] & 15, ident


def message(topic, payload, ident=7, flags=2):
    """Return a PUBLISH from the broker."""
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", ident) + payload
    assert len(body) < 16384
    if len(body) < 128:
        return bytes([0x30 | flags, len(body)]) + body
    return bytes([0x30 | flags, len(body) & 127 | 128, len(body) >> 7]) + body


class Link:
    def __init__(self):
        self.is_up = True

    def up(self):
        return self.is_up

    def why(self):
        return "no access point"


class Hal(QuietHal):
    """`conns` are what dialling gives, in turn: a Conn, or an OSError."""

    def __init__(self, conns):
        QuietHal.__init__(self)
        self.link = Link()
        self.conns = conns
        self.dialled = 0

    def wire_ms(self):
        return self.ticks

    def random(self, n):
        return bytes(n)

    def dial(self, host, port, tls):
        conn = self.conns[min(self.dialled, len(self.conns) - 1)]
        self.dialled += 1
        if isinstance(conn, OSError):
            raise conn
        conn.closed = False
        return conn


class Clock:
    def __init__(self, hal):
        self._hal = hal

    def uptime_ms(self):
        return self._hal.ticks


class Spool:
    """Frames 0 … count-1; what is acknowledged is noted in `acked`, in order."""

    def __init__(self, count, size=200):
        self.frames = {seq: bytes([seq & 255]) * size for seq in range(count)}
        self.waiting = list(range(count))
        self.acked = []

    def coding(self):
        return False

    def pending(self):
        return len(self.waiting)

    def get(self, seq):
        return self.frames.get(seq)

    def next(self, after):
        for seq in self.waiting:
            if seq > after:
                return seq, self.frames[seq]
        return None

    def latest(self):
        return (self.waiting[-1], self.frames[self.waiting[-1]]) if self.waiting else None

    def ack(self, seq):
        self.acked.append(seq)
        if seq in self.waiting:
            self.waiting.remove(seq)


class Resends:
    """What was asked for again: (seq, bytes) by turns; `over` notes what has ended."""

    def __init__(self):
        self.again = []
        self.over = []

    def next(self):
        return self.again.pop(0) if self.again else None

    def ended(self, seq):
        self.over.append(seq)
