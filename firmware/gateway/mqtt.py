"""umqtt.simple on a connection that never blocks.

The client builds and reads the packets; its socket is a `Wire`. The Wire gathers the client's small
writes into whole packets, hands it only whole packets to read, and answers at once where the
client would wait. What the broker really says is compared with a window of packets in flight.
"""

import struct

import umqtt.simple
from micropython import const

# Fixed header, the longest topic of a command, packet id.
_HEAD_MOST = const(256)
_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_SUBACK = const(0x90)
_PINGRESP = const(0xD0)
_DUP = const(8)
_ID_MOST = const(65535)
_READ_BYTES = const(128)
# What a step reads at most: a broker that never stops talking does not stop the sampling.
_READS_MOST = const(16)
# A command is never longer; of a longer one only the head is looked at.
INCOMING_MOST = const(4096)
OUTGOING_MOST = const(1024)
# Small packets that wait become one up to this size.
_TOGETHER_MOST = const(256)
ANSWER_WITHIN_MS = const(30 * 1000)
CONNECT_WITHIN_MS = const(20 * 1000)
_WIRE_PERIOD = const(1 << 30)
_REFUSALS = (
    "",
    "broker refuses: protocol version",
    "broker refuses: client id",
    "broker refuses: not available",
    "broker refuses: user or password",
    "broker refuses: not authorised",
)


class LinkError(OSError):
    """The link is of no use any more; the message says why."""


class Pieces:
    """The end of a packet that goes out as it is: its copy would need a large piece of the heap.

    Only for messages that are rare: a broker may have to wait for each piece.
    """

    def __init__(self, pieces):
        self.pieces = pieces

    def __len__(self):
        return sum([len(piece) for piece in self.pieces])


class Wire:
    """What umqtt.simple takes for its socket module and its socket."""

    def __init__(self):
        # Packets, small ones together: in one piece a few would need a large one of the heap.
        self.out = []
        self._packet = bytearray()
        self._given = b""

    # The module's part.
    def socket(self):
        return self

    def getaddrinfo(self, host, port):
        return [(0, 0, 0, "", None)]

    # The socket's part.
    def close(self, *ignored):
        """Nothing is to be connected, set or closed here."""

    connect = settimeout = setblocking = close

    def write(self, data, n=None):
        if isinstance(data, Pieces):
            self.send(self._packet)
            self.out += data.pieces
            self._packet = bytearray()
            return
        self._packet += data if n is None else data[:n]
        size = packet_size(self._packet)
        if size and len(self._packet) >= size:
            self.send(self._packet)
            self._packet = bytearray()

    def read(self, n):
        # A length inside a packet that points out of it; the client would take what there is.
        if not 0 <= n <= len(self._given):
            raise LinkError("broker sends nonsense")
        data = self._given[:n]
        self._given = self._given[n:]
        return data

    def give(self, data):
        """Let the client read `data` next."""
        self._given = data

    def send(self, packet):
        """Let a packet follow what waits in `out`."""
        if self.out and len(self.out[-1]) + len(packet) <= _TOGETHER_MOST:
            self.out[-1] += packet
        else:
            self.out.append(packet)

    def take(self, n):
        """The connection has taken `n` bytes of the first of `out`."""
        self.out[0] = self.out[0][n:]
        if not self.out[0]:
            del self.out[0]

    def waiting(self):
        """Return how many bytes wait in `out`."""
        # Asked all the time: no list is made for it.
        waiting = 0
        for packet in self.out:
            waiting += len(packet)
        return waiting


def packet_size(data):
    """Return the size of the MQTT packet that `data` begins with, 0 while that is not known."""
    size = 0
    for i in range(1, min(len(data), 5)):
        size |= (data[i] & 0x7F) << 7 * (i - 1)
        if not data[i] & 0x80:
            return 1 + i + size
    if len(data) >= 5:
        raise LinkError("broker sends nonsense")
    return 0


class Session:
    """MQTT with one broker over one connection after the other.

    on_ack(tag): a packet of that tag was acknowledged. on_message(topic, payload): bytes, bytes.
    `left` is {packet id: tag} of what was in flight when a connection ended; the owner takes it
    up again. While `paused` is set, what the broker sends waits.
    """

    def __init__(self, hal, client_id, broker, will, on_ack, on_message):
        self._hal = hal
        self._client_id = client_id
        self._broker = broker
        self._will = will
        self._on_ack = on_ack
        self._on_message = on_message
        self._client = None
        self._conn = None
        self._read = bytearray(_READ_BYTES)
        self._next_id = 1
        self.window = {}
        self.left = {}
        self.paused = False
        self.session_present = False
        self.connected = False
        self.bytes_out = 0
        self.bytes_in = 0

    def open(self, conn):
        """Begin a session on a connection that is being made."""
        self._conn = conn
        self._wire = Wire()
        self._in = bytearray()
        self._skip = 0
        self.connected = False
        self.paused = False
        self._dialled = False
        self._began = self._sent = self._heard = self._settled = self._hal.wire_ms()
        self._pinged = False
        umqtt.simple.socket = self._wire
        broker = self._broker
        user = broker.get("user")
        self._client = umqtt.simple.MQTTClient(
            self._client_id,
            "",
            broker["port"],
            # Bytes: the client counts a text's characters where MQTT counts bytes.
            user.encode() if user else None,
            (broker.get("password") or "").encode() if user else None,
            broker["keepalive_s"],
        )
        self._client.set_callback(self._hear)
        self._client.set_last_will(self._will[0], self._will[1], True, 1)
        self._wire.give(b"\x20\x02\x00\x00")
        self._call(self._client.connect, False)

    def close(self):
        """Forget the connection; what is in flight is left for the next one."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None
        self.connected = False
        for ident, (tag, _) in self.window.items():
            if tag is not None:
                self.left[ident] = tag
        self.window = {}

    def room(self):
        """Return whether more may be published now."""
        return self.connected and self._wire.waiting() < OUTGOING_MOST

    def publish(self, topic, payload, tag=None, retain=False):
        """Send at QoS 1 bytes, or a list of such; `tag` (not None) comes back with the
        acknowledgement.
        """
        if isinstance(payload, list):
            payload = Pieces(payload)
        ident = self._free_id()
        self._send(ident, topic, payload, retain)
        self.window[ident] = (tag, self._hal.wire_ms())

    def again(self, ident, topic, payload, tag):
        """Send once more, under its old packet id and as a duplicate, what was `left`."""
        self._send(ident, topic, payload, _DUP)
        self.window[ident] = (tag, self._hal.wire_ms())

    def _send(self, ident, topic, payload, retain):
        self._client.pid = ident - 1
        self._wire.give(struct.pack(">BBH", _PUBACK, 2, ident))
        self._call(self._client.publish, topic, payload, retain, 1)

    def subscribe(self, topic):
        """Subscribe at QoS 1."""
        ident = self._free_id()
        self._client.pid = ident - 1
        self._wire.give(struct.pack(">BBHB", _SUBACK, 3, ident, 1))
        self._call(self._client.subscribe, topic, 1)
        self.window[ident] = (None, self._hal.wire_ms())

    def _free_id(self):
        while True:
            ident = self._next_id
            self._next_id = ident + 1 if ident < _ID_MOST else 1
            if ident not in self.window and ident not in self.left:
                return ident

    def step(self):
        """Write and read what the connection takes and gives; LinkError when it has failed."""
        if self._conn is None:
            return
        try:
            if not self._dialled:
                self._dialled = self._conn.ready()
            if self._dialled:
                self._flush()
                self._fill()
        except LinkError:
            raise
        except OSError as error:
            # A bare number says nothing to anybody.
            raise LinkError(str(error) or "connection failed")
        self._check_deadlines()

    def _flush(self):
        while self._wire.out:
            taken = self._conn.write(self._wire.out[0])
            if not taken:
                return
            self.bytes_out += taken
            self._sent = self._hal.wire_ms()
            self._wire.take(taken)

    def _fill(self):
        self._take_packets()
        for _ in range(_READS_MOST):
            if self.paused:
                return
            count = self._conn.readinto(self._read)
            if count is None:
                return
            if not count:
                raise LinkError("broker has closed the connection")
            self.bytes_in += count
            self._heard = self._hal.wire_ms()
            self._in += self._read[:count]
            self._take_packets()

    def _take_packets(self):
        while not self.paused:
            if self._skip:
                passed = min(self._skip, len(self._in))
                self._in = self._in[passed:]
                self._skip -= passed
                if self._skip:
                    return
            size = packet_size(self._in)
            if size > INCOMING_MOST:
                if len(self._in) < _HEAD_MOST:
                    return
                self._refuse(size)
                continue
            if not size or len(self._in) < size:
                return
            packet = bytes(self._in[:size])
            self._in = self._in[size:]
            self._take(packet)

    def _refuse(self, size):
        """Answer to a message that is too long; unanswered it would come again for ever."""
        head = bytes(self._in[:_HEAD_MOST])
        start = 2
        while head[start - 1] & 0x80:
            start += 1
        at = start + 2 + (head[start] << 8 | head[start + 1])
        if head[0] & 0xF6 != _PUBLISH | 2 or at + 2 > _HEAD_MOST or not self.connected:
            raise LinkError("broker sends a packet of %d bytes" % size)
        self._skip = size
        self._on_message(head[start + 2 : at], None)
        self._wire.send(bytearray((_PUBACK, 2, head[at], head[at + 1])))

    def _take(self, packet):
        kind = packet[0] & 0xF0
        if kind == _CONNACK and len(packet) == 4:
            self._take_connack(packet)
        elif not self.connected:
            raise LinkError("broker does not speak MQTT")
        elif kind == _PUBLISH and not packet[0] & 4:
            self._retained = bool(packet[0] & 1)
            self._wire.give(packet)
            self._call(self._client.wait_msg)
        elif kind == _PUBACK and len(packet) == 4:
            self._settle(packet[2] << 8 | packet[3])
        elif kind == _SUBACK and len(packet) == 5:
            if packet[4] & 0x80:
                raise LinkError("broker refuses the subscription to commands")
            self._settle(packet[2] << 8 | packet[3])
        elif kind == _PINGRESP:
            self._pinged = False
        else:
            raise LinkError("broker sends nonsense")

    def _hear(self, topic, payload):
        # A message that the broker keeps was not sent now, and would come with every connection.
        if not self._retained:
            self._on_message(topic, payload)

    def _take_connack(self, packet):
        if packet[3]:
            known = packet[3] < len(_REFUSALS)
            raise LinkError(_REFUSALS[packet[3]] if known else "broker refuses: %d" % packet[3])
        self.connected = True
        self.session_present = bool(packet[2] & 1)

    def _settle(self, ident):
        self._settled = self._hal.wire_ms()
        # An acknowledgement of something unknown is an old one, come late: nothing to do.
        if ident in self.window:
            tag, _ = self.window.pop(ident)
            if tag is not None:
                self._on_ack(tag)

    def _check_deadlines(self):
        now = self._hal.wire_ms()
        if not self.connected:
            if _since(now, self._began) > CONNECT_WITHIN_MS:
                raise LinkError("broker does not answer")
            return
        for _, sent in self.window.values():
            # A full window takes its time on a slow link: late is who has brought nothing through.
            if min(_since(now, sent), _since(now, self._settled)) > ANSWER_WITHIN_MS:
                raise LinkError("broker does not acknowledge")
        keepalive = self._broker["keepalive_s"] * 500
        if self._pinged:
            if _since(now, self._ping_sent) > ANSWER_WITHIN_MS:
                raise LinkError("broker does not answer a ping")
        elif max(_since(now, self._sent), _since(now, self._heard)) > keepalive:
            self._pinged = True
            self._ping_sent = now
            self._call(self._client.ping)

    def _call(self, method, *arguments):
        """Call the client; what it trips over is a broken link, not a broken node."""
        try:
            method(*arguments)
        except (IndexError, TypeError, AssertionError, umqtt.simple.MQTTException) as error:
            raise LinkError("broker sends nonsense (%s)" % error)


def _since(now, then):
    return (now - then) % _WIRE_PERIOD
