import json

from fakes import Hal as QuietHal
from gateway.clock import Clock
from gateway.console import Console


class Uplink:
    state = "no network"
    reason = "not joined yet"
    acked = 0

    def schemas(self):
        return [(b"ab", b'{"stream":"air"}')]


class Health:
    def __init__(self):
        self.reasons = []


class Spool:
    def pending(self):
        return 3

    def kept(self):
        return 5, 8

    def get(self, seq):
        return {7: b"closed", 5: b"old"}.get(seq)

    def glimpse(self, stream):
        return b"open"


class Sampler:
    label = "sds011"
    failed = None
    settings = ""

    def says(self):
        return self.settings


class Stream:
    def __init__(self, sampler):
        self.samplers = [sampler]


class Node:
    def __init__(self):
        self.hal = QuietHal()
        self.clock = Clock(self.hal)
        self.uplink = Uplink()
        self.health = Health()
        self.spool = Spool()
        self.sampler = Sampler()
        self.streams = [Stream(self.sampler)]
        self.configuration = "new"
        self.stopped = False

    def rows(self):
        return 7

    def report(self):
        return [json.dumps({"node": "post-17"})[:-1].encode(), b', "filler": "%s"}' % (b"x" * 1000)]

    def stop(self):
        self.stopped = True


class Line:
    """The two directions of a serial line; `pieces` are what was written at a time."""

    def __init__(self):
        self.typed = ""
        self.pieces = []

    def read(self):
        character, self.typed = self.typed[:1], self.typed[1:]
        return character

    def write(self, text):
        self.pieces.append(text)

    def said(self):
        text = "".join(self.pieces)
        self.pieces = []
        return text


def _until_quiet(console, node, most=200):
    for _ in range(most):
        wait = console.step(node)
        node.hal.advance(wait)
        if wait > 50:
            return
    raise AssertionError("it never stops talking")


def test_console_says_what_changes_once():
    node, line = Node(), Line()
    console = Console(line.read, line.write)
    _until_quiet(console, node)
    assert line.said() == (
        "W 0 link: no network (not joined yet)\r\nW 0 clock: not set\r\n"
        "I 0 configuration: new\r\nI 0 rows 7, frames waiting 3, delivered 0\r\n"
    )
    _until_quiet(console, node)
    assert line.said() == ""
    node.uplink.state, node.uplink.reason = "online", ""
    node.sampler.failed = "does not answer"
    node.health.reasons.append("configuration: a\nb")
    _until_quiet(console, node)
    said = line.said().split("\r\n")
    assert [text.split(" ", 2)[::2] for text in said[:-1]] == [
        ["I", "link: online"],
        ["E", "configuration: a b"],
        ["E", "sds011: does not answer"],
    ]
    node.sampler.failed = ""
    node.sampler.settings = "self-calibration off"
    node.hal.advance(60000)
    _until_quiet(console, node)
    said = line.said()
    assert "sds011: answers" in said and "rows 7" in said
    assert said.count("I 60 sds011 set: self-calibration off\r\n") == 1


def test_console_answers_health_in_pieces_that_delay_nobody():
    node, line = Node(), Line()
    console = Console(line.read, line.write)
    line.typed = "noise\r\nhealth\r"
    _until_quiet(console, node)
    assert max(len(piece) for piece in line.pieces) <= 64
    answers = [text for text in line.said().split("\r\n") if text.startswith("H ")]
    assert len(answers) == 1 and json.loads(answers[0][2:])["node"] == "post-17"


def test_console_says_frames_when_it_is_asked():
    node, line = Node(), Line()
    console = Console(line.read, line.write)
    _until_quiet(console, node)
    line.said()
    line.typed = "frames\rframe 5\rframe 6\rframe x\r"
    _until_quiet(console, node)
    assert line.said().split("\r\n")[:-1] == [
        'S {"stream":"air"}',
        "F Y2xvc2Vk",
        "F b3Blbg==",
        "F b2xk",
        "F",
        "F",
    ]


def test_console_bears_whatever_is_typed_and_drops_what_nobody_could_read():
    node, line = Node(), Line()
    console = Console(line.read, line.write)
    line.typed = "x" * 1000 + "health" + "\r" + "health\r" * 50
    for _ in range(100):
        console.step(node)
    assert console.dropped > 40 and not node.stopped
    line.typed = "stop\r"
    _until_quiet(console, node, 1000)
    assert node.stopped and line.said().endswith("K\r\n")
