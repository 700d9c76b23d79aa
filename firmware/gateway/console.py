"""The serial console: what changes is said in a line, and a question is answered in one.

A line is level, seconds since the start, text: `W 93 link: no network (wrong Wi-Fi password)`.
`log` and Return has everything that holds now said once more.
`health` and Return asks for the health message, which comes as `H` and JSON. `frames` and Return
asks for the newest rows of each stream: `S` and what the columns mean (JSON), `F` and frames
(base64); `frame 17` for that one. `stop` and Return ends the taking of rows and commits them, so
that nothing is lost by interrupting the node: `K`.
"""

import binascii

from micropython import const

_LOOK_MS = const(100)
# A UART of 115200 baud writes so much in 5 ms: nothing that must be done has to wait longer.
_PIECE = const(64)
_OUT_MOST = const(4096)
_LINE_MOST = const(32)
_ROWS_EVERY_MS = const(60 * 1000)


class Console:
    """`read()`: one character, "" when there is none now. `write(text)`."""

    def __init__(self, read, write):
        self._read = read
        self._write = write
        self._out = ""
        self._line = ""
        self._said = {}
        self._rows_due = 0
        self.dropped = 0

    async def watch(self, node):
        """Speak and listen for as long as the node runs."""
        self._log("I", node, "node %s" % node.config["node"])
        while True:
            await node.clock.sleep_ms(self.step(node))

    def step(self, node):
        """Say what changed, hear what is asked, write a piece; return ms until the next call."""
        self._look(node)
        self._listen(node)
        if self._out:
            self._write(self._out[:_PIECE])
            self._out = self._out[_PIECE:]
        return 10 if self._out else _LOOK_MS

    def _look(self, node):
        link = node.uplink
        self._tell(node, "I" if link.state == "online" else "W", "link", link.state, link.reason)
        clock = node.clock.source
        self._tell(node, "I" if clock else "W", "clock", clock or "not set", node.clock.refused)
        self._tell(node, "I", "configuration", node.configuration)
        for reason in node.health.reasons:
            self._tell(node, "E", reason, "")
        for stream in node.streams:
            for sampler in stream.samplers:
                failed = sampler.failed
                if failed is not None:
                    self._tell(node, "E" if failed else "I", sampler.label, failed or "answers")
                says = sampler.says()
                if says:
                    self._tell(node, "I", sampler.label + " set", says)
        now = node.clock.uptime_ms()
        if now >= self._rows_due:
            self._rows_due = now + _ROWS_EVERY_MS
            stats = (node.rows(), node.spool.pending(), link.acked)
            self._log("I", node, "rows %d, frames waiting %d, delivered %d" % stats)

    def _tell(self, node, level, what, state, why=""):
        """Say `what` is in `state` now, unless that was the last thing said of it."""
        if self._said.get(what) != state:
            self._said[what] = state
            text = "%s: %s" % (what, state) if state else what
            self._log(level, node, text + (" (%s)" % why if why and level != "I" else ""))

    def _log(self, level, node, text):
        # What is not a level and a time is not ours: a reason may come from anywhere.
        text = " ".join(text.split())
        self._say("%s %d %s\r\n" % (level, node.clock.uptime_ms() // 1000, text))

    def _say(self, text):
        if len(self._out) + len(text) > _OUT_MOST:
            self.dropped += 1
        else:
            self._out += text

    def _listen(self, node):
        for _ in range(_LINE_MOST):
            character = self._read()
            if not character:
                return
            if character in "\r\n":
                line, self._line = self._line, ""
                if line == "log":
                    self._said = {}
                    self._rows_due = 0
                elif line == "health":
                    self._say("H " + b"".join(node.report()).decode() + "\r\n")
                elif line == "frames":
                    self._frames(node)
                elif line.startswith("frame "):
                    seq = line[6:]
                    self._frame(node.spool.get(int(seq)) if seq.isdigit() else None)
                elif line == "stop":
                    node.stop()
                    self._say("K\r\n")
            elif len(self._line) < _LINE_MOST:
                self._line += character

    def _frames(self, node):
        """Say what the columns mean, the newest closed frame, and the rows behind it."""
        for _, text in node.uplink.schemas():
            self._say("S " + text.decode() + "\r\n")
        found = [node.spool.get(node.spool.kept()[1] - 1)]
        found += [node.spool.glimpse(stream) for stream in range(len(node.streams))]
        for data in found:
            if data:
                self._frame(data)

    def _frame(self, data):
        """Say a frame, "F" alone when there is none."""
        text = " " + binascii.b2a_base64(data).decode().strip() if data else ""
        self._say("F" + text + "\r\n")


def of_terminal():
    """Return a console on the interpreter's own input and output."""
    import select
    import sys

    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)

    def read():
        return sys.stdin.read(1) if poll.poll(0) else ""

    return Console(read, sys.stdout.write)
