"""Frames that a broker has acknowledged and forgotten are asked for, and not for ever."""

import json

import pytest

from host_tools.ingest import repair
from ingest_data import frame_message, message, open_store, schema_message

AFTER_S = 10


class Rig:
    """A database and what was asked of the nodes, on a clock of its own."""

    def __init__(self, folder):
        self.db, self.store = open_store(folder / "k.db")
        self.asked = []
        self.now = 0.0
        self.repair = repair.Repair(
            lambda topic, payload: self.asked.append((topic, json.loads(payload))), AFTER_S
        )

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.repair.step(self.db, self.now)
            self.now += 0.1

    def spans(self):
        return [(request["first"], request["last"]) for _, request in self.asked]


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_what_is_missing_for_a_while_is_asked_for_where_it_was(rig):
    rig.store.add([schema_message(), *(frame_message(seq) for seq in (0, 1, 4, 6))])
    rig.store.add([schema_message(node="n2"), frame_message(7, node="n2")])
    rig.run(AFTER_S - 1)
    assert rig.asked == []
    rig.run(AFTER_S)
    topic = "kista/1/n1/command/resend"
    assert rig.asked == [
        (topic, {"id": "2-3", "first": 2, "last": 3}),
        (topic, {"id": "5-5", "first": 5, "last": 5}),
    ]


def test_what_came_by_itself_is_not_asked_for(rig):
    rig.store.add([schema_message(), frame_message(0), frame_message(2)])
    rig.run(AFTER_S / 2)
    rig.store.add([frame_message(1)])
    rig.run(5 * AFTER_S)
    assert rig.asked == []


def test_what_the_node_has_given_up_is_not_asked_for(rig):
    told = message("health", b'{"boot":1,"lost":[[1,1]],"waiting":0,"next":4}')
    rig.store.add([schema_message(), frame_message(0), frame_message(2), told])
    rig.run(3 * AFTER_S)
    assert rig.spans() == [(3, 3)]


def test_what_does_not_come_is_asked_for_ever_more_rarely(rig):
    rig.store.add([schema_message(), frame_message(0), frame_message(2)])
    rig.run(1000)
    # After 10, 50, 210 and 850 s.
    assert rig.spans() == [(1, 1)] * 4


def test_a_node_is_asked_for_a_few_spans_at_a_time(rig):
    rig.store.add([schema_message(), *(frame_message(2 * n) for n in range(8))])
    rig.run(AFTER_S + 6)
    assert 4 <= len(rig.asked) <= 7
    rig.run(AFTER_S)
    assert {(n, n) for n in range(1, 15, 2)} <= set(rig.spans())
