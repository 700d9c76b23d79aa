from array import array

from gateway import edges
from gateway.edges import CLOSED, SECOND


class Pin:
    def __init__(self, level=1):
        self.level = level

    def value(self):
        return self.level


class Fixture:
    """Two contacts and a clock that a test moves."""

    def __init__(self, places=8, levels=(1, 1)):
        self.us = 0
        self.pins = [Pin(level) for level in levels]
        self.edges = edges.Edges(self.ticks_us, self.pins, places)

    def ticks_us(self):
        return self.us

    def edge(self, us, level, number=0):
        self.us = us
        self.pins[number].level = level
        self.edges.note(self.pins[number])


def taken(ring, size=8):
    buf = array("i", [0] * size)
    count = ring.readinto(buf)
    return list(buf[:count])


def test_edges_come_out_in_order_with_time_input_and_level():
    f = Fixture()
    f.edge(100, 0)
    f.edge(207, 0, 1)
    f.edge(300, 1)
    f.edge((1 << 30) - 1, 1, 1)
    wanted = [100 | CLOSED, 204 | CLOSED | SECOND, 300, (1 << 30) - 4 | SECOND]
    assert taken(f.edges) == wanted and taken(f.edges) == []
    assert f.edges.now() == (1 << 30) - 4


def test_edges_a_contact_that_is_closed_at_first_has_just_closed():
    assert taken(Fixture(levels=(0, 1)).edges) == [CLOSED]
    assert taken(Fixture(levels=(1, 0)).edges) == [CLOSED | SECOND]
    assert taken(Fixture(levels=(0,)).edges) == [CLOSED]


def test_edges_that_find_no_room_are_counted_and_the_older_ones_stay():
    f = Fixture(places=4)
    for i in range(10):
        f.edge(i * 4, 0)
    assert f.edges.lost == 7
    assert taken(f.edges, 2) == [1, 5] and taken(f.edges) == [9]
    # For ever on: the ring goes round.
    for i in range(1000):
        f.edge(i * 8, i & 1)
        assert taken(f.edges) == [i * 8 | (not i & 1)]
    assert f.edges.lost == 7


def test_edges_are_noted_without_making_an_object():
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return
    f = Fixture(places=64)
    note, pin, pins = f.edges.note, f.pins[1], f.pins
    f.us = (1 << 30) - 1
    buf = array("i", [0] * 64)
    heap_lock()
    try:
        for _ in range(80):
            note(pin)
            note(pins[0])
        count = f.edges.readinto(buf)
    finally:
        heap_unlock()
    assert count == 63 and f.edges.lost == 97
