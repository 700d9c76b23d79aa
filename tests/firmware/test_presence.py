from fakes import Hal
from gateway.clock import Clock
from gateway.presence import Contacts, Presence
from pulse_fakes import Line


class Fixture:
    def __init__(self, count=1, ahead_us=0):
        self.hal = Hal(ticks=5000)
        self.line = Line(self.hal, ahead_us)
        self.seen = []
        self.contacts = Contacts(self.line, Clock(self.hal), count, 20, self._changed)

    def _changed(self, number, closed, ticks, ms):
        self.seen.append((number, closed, ms))

    def after(self, ms):
        """Let time pass and look; return what has changed."""
        self.hal.advance(ms)
        self.contacts.step()
        seen, self.seen = self.seen, []
        return seen


class Period:
    def __init__(self):
        self.ms = 0

    def occupy(self, lane, ms):
        self.ms += ms


def test_presence_a_contact_has_changed_when_it_began_to_and_bouncing_is_nothing():
    for ahead in (0, (1 << 30) - 7000000):
        f = Fixture(ahead_us=ahead)
        assert f.after(3000) == []
        f.line.close()
        f.line.open(1000)
        f.line.close(1500)
        assert f.after(10) == []
        assert f.after(990) == [(0, 1, 3000)]
        # A gap of 5 ms is bouncing, too.
        f.line.open(0)
        f.line.close(5000)
        assert f.after(1000) == []
        f.line.open(0)
        f.line.close(300)
        f.line.open(9000)
        assert f.after(1000) == [(0, 0, 5000)]


def test_presence_leaves_a_spike_out_and_takes_what_lasts():
    f = Fixture()
    for ms in (1, 5, 19):
        f.line.close()
        f.line.open(ms * 1000)
        assert f.after(1000) == []
    f.line.close()
    f.line.open(21000)
    assert f.after(1000) == [(0, 1, 3000), (0, 0, 3021)]
    # It chatters without end: it keeps what it had.
    for _ in range(500):
        f.line.close(0)
        f.line.open(1000)
        assert f.after(2) == []


def test_presence_two_contacts_come_in_their_order_however_late_one_looks():
    f = Fixture(2)
    f.line.close(0)
    f.line.close(288000, number=1)
    f.line.open(468000)
    f.line.open(756000, number=1)
    wanted = [(0, 1, 0), (1, 1, 288), (0, 0, 468), (1, 0, 756)]
    assert f.after(5000) == wanted


def test_presence_an_edge_that_was_lost_costs_no_more_than_its_passage():
    f = Fixture()
    f.line.close()
    f.line.close(100000)
    assert f.after(1000) == [(0, 1, 0)]
    f.line.open()
    assert f.after(1000) == [(0, 0, 1000)]
    f.line.lost = 5
    assert f.contacts.overran() and not f.contacts.overran()


def test_presence_occupancy_is_whole_over_the_ends_of_periods():
    period = Period()
    presence = Presence(period, 900000)
    presence.change(True, 1000)
    presence.change(False, 3000)
    presence.change(True, 9000)
    assert not presence.finish(10000) and period.ms == 3000
    assert not presence.finish(20000) and period.ms == 13000
    assert presence.finish(909000) and period.ms == 902000
    presence.change(False, 910000)
    assert period.ms == 903000 and not presence.finish(920000)
