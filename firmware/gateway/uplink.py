"""Deliver frames and announce the node: connect, keep a window of frames in flight, obey
commands.
"""

import json

from micropython import const

from gateway.mqtt import ANSWER_WITHIN_MS, INCOMING_MOST, LinkError, Session

# At a round trip of 200 ms this is 140 frames a second; only their numbers are kept in RAM.
_WINDOW = const(32)
_BUSY_MS = const(20)
_CONNECTED_MS = const(2000)
_DOWN_MS = const(1000)
_BACK_OFF_FIRST_MS = const(1000)
_BACK_OFF_MOST_MS = const(5 * 60 * 1000)
_HEALTH_EVERY_MS = const(3600 * 1000)
_REPLIES_MOST = const(8)
_IDENT_MOST = const(64)
_FRAME = const(0)
_HEALTH = const(1)
_REPLY = const(2)
_STATUS = const(3)
_SCHEMA = const(4)
_WIRE_PERIOD = const(1 << 30)


class Uplink:
    """`schemas`: [(id, JSON), …]. `resends`: what was asked for again. `report()`: the health
    message, bytes or a list of such. `commands`: {name: function}, or what has a `get(name)`.
    """

    # Of a connection: whether this node has said who it is, and heard itself.
    _introduced = _echoed = False
    _echo_sent = 0

    def __init__(self, hal, clock, config, spool, resends, schemas, report, commands):
        self._hal = hal
        self._clock = clock
        self._broker = config["broker"]
        self._spool = spool
        self._resends = resends
        self._schemas = schemas
        # Schemas that are not acknowledged; those that have yet to be sent.
        self._unannounced = {}
        self._unsent = []
        self._report = report
        self._commands = commands
        self._base = ("kista/1/%s/" % config["node"]).encode()
        self._back_off = 0
        self._next_try = 0
        self._health_due = 0
        self._replies = []
        self._flying = {}
        self._backlog = -1
        self._echo = b""
        self.state = "starting"
        self.reason = ""
        self.failure = ""
        self.sent = 0
        self.acked = 0
        self.reconnects = 0
        self.heard_ms = None
        if self._broker:
            will = (self._base + b"status", b'{"state":"offline"}')
            self._session = Session(
                hal, config["node"].encode(), self._broker, will, self._acked, self._message
            )

    def step(self):
        """Do what can be done without waiting; return ms until the next call."""
        if not self._broker:
            self._say("unconfigured", "no broker is configured")
            return _DOWN_MS
        if not self._hal.link.up():
            if self.state != "no network":
                self._session.close()
                self._back_off = 0
                self._next_try = 0
            self._say("no network", self._hal.link.why())
            return _DOWN_MS
        if self.state in ("connecting", "online"):
            try:
                return self._work()
            except LinkError as error:
                self._fail(str(error))
                return _DOWN_MS
        wait = self._next_try - self._clock.uptime_ms()
        if wait > 0:
            return min(wait, _DOWN_MS)
        return self._dial()

    def stats(self):
        """Return what the link does: counts since the boot, bytes on the wire."""
        session = self._session if self._broker else None
        return {
            "state": self.state,
            "reason": self.reason,
            # Why the connection ended last: the health message is sent over the next one.
            "failure": self.failure,
            "sent": self.sent,
            "acked": self.acked,
            "reconnects": self.reconnects,
            "inflight": len(self._flying),
            "bytes_out": session.bytes_out if session else 0,
            "bytes_in": session.bytes_in if session else 0,
        }

    def _say(self, state, reason=""):
        self.state = state
        self.reason = reason

    def _dial(self):
        self._say("connecting", self.reason)
        broker = self._broker
        try:
            self._session.open(self._hal.dial(broker["host"], broker["port"], broker.get("tls")))
        except OSError as error:
            self._fail(str(error))
            return _DOWN_MS
        self._introduced = self._echoed = False
        return _BUSY_MS

    def _fail(self, reason):
        """Give the connection up; try again after a while that grows and varies."""
        self._session.close()
        self._say("waiting", reason)
        self.failure = reason
        self.reconnects += 1
        self._back_off = min(max(2 * self._back_off, _BACK_OFF_FIRST_MS), _BACK_OFF_MOST_MS)
        jitter = self._back_off * self._hal.random(1)[0] >> 9
        self._next_try = self._clock.uptime_ms() + self._back_off + jitter

    def _work(self):
        session = self._session
        session.step()
        if not session.connected:
            return _BUSY_MS
        if not self._introduced:
            self._introduce()
        self._send_schemas()
        self._send_replies()
        self._send_health()
        if self._echoed:
            self._send_frames()
        session.step()
        self._await_echo()
        busy = session.window or self._replies or self._echo
        return _BUSY_MS if busy else _CONNECTED_MS

    def _introduce(self):
        """Say who is there, what its frames mean, and that it listens to commands."""
        session = self._session
        self._introduced = True
        self._say("online")
        self._health_due = 0
        session.publish(self._base + b"status", b'{"state":"online"}', (_STATUS, 0), True)
        session.subscribe(self._base + b"command/#")
        self._unsent = []
        self.announce(self._schemas)

    def _send_schemas(self):
        """Announce what has not been; one at a time, as the heap has no place for many."""
        while self._unsent and self._session.room():
            ident, text = self._unsent.pop(0)
            name = b"schema/" + "".join("%02x" % byte for byte in ident).encode()
            self._session.publish(self._base + name, [text], (_SCHEMA, ident), True)

    def schemas(self):
        """Return [(id, JSON), …] of what frames here may be of."""
        return self._schemas

    def announce(self, schemas):
        """Say what frames will mean that may come with the next boot."""
        self._schemas += [one for one in schemas if one not in self._schemas]
        # Most are known already; those that are not go out now, or with the next connection.
        self._unsent += schemas
        for ident, _ in schemas:
            self._unannounced[ident] = True

    def announced(self):
        """Return whether the broker has acknowledged every schema."""
        return not self._unannounced

    def _say_echo(self):
        """Send what must come back. MQTT 3.1.1 has no answer for "you may not write there": a
        broker acknowledges such a frame and throws it away.
        """
        self._echo_sent = self._hal.wire_ms()
        self._echo = b"%d" % self._echo_sent
        self._session.publish(self._base + b"command/echo", self._echo)

    def _await_echo(self):
        waited = (self._hal.wire_ms() - self._echo_sent) % _WIRE_PERIOD
        if self._echo and waited > ANSWER_WITHIN_MS:
            raise LinkError("broker does not pass on what this node writes: see its access rules")

    def _resume(self):
        """Send again what was in flight when the last connection ended."""
        session = self._session
        while session.left and session.room():
            ident, tag = session.left.popitem()
            if tag[0] == _REPLY:
                self._replies.append(tag[1])
            elif tag[0] == _FRAME:
                data = self._spool.get(tag[1])
                if data is None:
                    # It has given way meanwhile; the spool reports it.
                    self._flying.pop(tag[1], None)
                    self._resends.ended(tag[1])
                elif session.session_present:
                    # Under its old packet id: the broker may have it, and then says so.
                    session.again(ident, self._base + b"frames", data, tag)
                    self.sent += 1
                else:
                    self._publish_frame(tag[1], data)

    def _send_frames(self):
        self._resume()
        while len(self._flying) < _WINDOW and self._session.room():
            found = self._next_frame()
            if found is None:
                return
            self._publish_frame(*found)

    def _publish_frame(self, seq, data):
        self._flying[seq] = True
        self._session.publish(self._base + b"frames", data, (_FRAME, seq))
        self.sent += 1

    def _next_frame(self):
        """Return (seq, bytes): by turns the newest, which is live, and the oldest."""
        if self._spool.pending() <= len(self._flying):
            return self._resends.next()
        if not self.sent & 1:
            found = self._spool.latest()
            if found and found[0] not in self._flying and found[0] > self._backlog:
                return found
        while True:
            found = self._spool.next(self._backlog)
            if found is None:
                return self._resends.next()
            self._backlog = found[0]
            if found[0] not in self._flying:
                return found

    def _acked(self, tag):
        # Only an answer ends the back-off: some brokers accept a node, then throw it out.
        self._back_off = 0
        if tag[0] == _FRAME:
            self._flying.pop(tag[1], None)
            # Only now: the broker has it.
            self._spool.ack(tag[1])
            self._resends.ended(tag[1])
            self.acked += 1
        elif tag[0] == _SCHEMA:
            self._unannounced.pop(tag[1], None)

    def _send_health(self):
        now = self._clock.uptime_ms()
        # Making the message takes memory, and so does encoding a frame: one after the other.
        if self._unsent or not self._session.room() or self._spool.coding():
            return
        if now >= self._health_due:
            self._health_due = now + _HEALTH_EVERY_MS
            self._say_echo()
            self._session.publish(self._base + b"health", self._report(), (_HEALTH, 0), True)

    def _send_replies(self):
        while self._replies and self._session.room():
            text = self._replies.pop(0)
            self._session.publish(self._base + b"reply", text, (_REPLY, text))
        self._session.paused = len(self._replies) >= _REPLIES_MOST

    def _message(self, topic, payload):
        """Carry a command out and leave the answer to be sent; umqtt acknowledges it after that."""
        if topic == self._base + b"command/echo":
            # One of an older connection may come first.
            if payload == self._echo:
                self._echo = b""
                self._echoed = True
                self.heard_ms = self._clock.uptime_ms()
            return
        reply = {"command": None, "id": None}
        try:
            reply["command"] = topic[len(self._base) + len("command/") :].decode()
            if payload is None:
                raise ValueError("needs at most %d bytes" % INCOMING_MOST)
            arguments = json.loads(payload) if payload else {}
            if not isinstance(arguments, dict):
                raise ValueError("needs a JSON object")
            reply["id"] = _ident(arguments.get("id"))
            command = self._commands.get(reply["command"])
            if command is None:
                raise ValueError("unknown command")
            reply.update(command(arguments))
            reply["ok"] = True
        except Exception as error:
            # Whatever it is: a command not acknowledged comes again, and would fail for ever.
            reply["ok"] = False
            reply["error"] = "%s: %s" % (type(error).__name__, error)
        self._replies.append(json.dumps(reply).encode())
        self._session.paused = len(self._replies) >= _REPLIES_MOST

    def want_health(self):
        """Send the health message as soon as possible."""
        self._health_due = 0


def _ident(ident):
    """Return a command's id to be repeated in the reply; ValueError for one that cannot be."""
    if ident is None or isinstance(ident, int):
        return ident
    if isinstance(ident, str) and len(ident) <= _IDENT_MOST:
        return ident
    raise ValueError("id: needs a whole number or text of up to %d characters" % _IDENT_MOST)
