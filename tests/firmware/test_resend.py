import json

from fakes import Store
from gateway import frame, resend
from support import raises

START_S = 1790000000


class Spool:
    """Frames of ten rows at 10 s each, one after the other; those of `dateless` have no time."""

    def __init__(self, first, end, dateless=()):
        self.frames = {}
        for seq in range(first, end):
            begin = (START_S + 100 * seq) * 1000
            quality = 1
            if seq in dateless:
                begin, quality = 5000, 0
            times = [begin + 10000 * i for i in range(10)]
            one = frame.Frame(b"ab", seq, 7, quality, None, times, [list(range(10))])
            self.frames[seq] = frame.encode(one)
        self._kept = (first, end)

    def kept(self):
        return self._kept

    def get(self, seq):
        return self.frames.get(seq)


def _sent(again, deliver=True):
    """Return the numbers of all frames that come when the uplink takes them as they come."""
    found = []
    for _ in range(200):
        again.step()
        one = again.next()
        if one is not None:
            found.append(one[0])
            if deliver:
                again.ended(one[0])
    return found


def test_resend_by_number_brings_what_is_still_there():
    spool = Spool(20, 60)
    del spool.frames[31]
    again = resend.Resend(spool, Store())
    assert again.ask({"first": 0, "last": 22}) == 3
    assert again.ask({"first": 30, "last": 33}) == 4
    assert again.ask({"first": 58, "last": 1 << 29}) == 2
    assert again.ask({"first": 0, "last": 19}) == 0 and again.ask({"first": 60, "last": 70}) == 0
    assert _sent(again) == [20, 21, 22, 30, 32, 33, 58, 59]


def test_resend_by_time_brings_every_frame_with_a_row_of_it_and_those_without_a_date():
    again = resend.Resend(Spool(0, 40, dateless=(3, 30)), Store())
    # The last row of frame 9 is of second 990, the first of frame 12 of second 1200.
    assert again.ask({"from": START_S + 990, "to": START_S + 1200}) == 40
    assert _sent(again) == [3, 9, 10, 11, 12, 30]
    again.ask({"from": START_S + 991, "to": START_S + 1199})
    assert _sent(again) == [3, 10, 11, 30]


def test_resend_is_begun_again_after_a_reset_until_the_last_frame_is_delivered():
    spool, store = Spool(0, 20), Store()
    again = resend.Resend(spool, store)
    again.ask({"first": 4, "last": 6})
    assert _sent(again, deliver=False) == [4, 5, 6]
    again = resend.Resend(spool, store)
    assert _sent(again) == [4, 5, 6] and json.loads(store.get(resend.KEY)) == []
    assert _sent(resend.Resend(spool, store)) == []


def test_resend_holds_a_few_frames_only_and_a_few_requests():
    again = resend.Resend(Spool(0, 100), Store())
    again.ask({"first": 0, "last": 99})
    for _ in range(100):
        again.step()
    assert len(again._found) == 8
    for _ in range(7):
        again.ask({"first": 0, "last": 0})
    assert "wait already" in raises(ValueError, again.ask, {"first": 0, "last": 0})


def test_resend_says_what_it_needs():
    again = resend.Resend(Spool(0, 5), Store())
    for wrong in ({}, {"first": 0}, {"first": "0", "last": 1}, {"first": 2, "last": 1}):
        assert "needs first and last" in raises(ValueError, again.ask, wrong)
    for wrong in ({"from": 5}, {"from": 9, "to": 8}, {"from": "noon", "to": 1 << 30}):
        assert "needs from and to" in raises(ValueError, again.ask, wrong)
    assert _sent(again) == []


def test_resend_survives_whatever_stands_in_the_store():
    for noise in (b"", b"{", b"7", b"[1]", b'[["a", 1, 2, 3]]', b'[["a", "b", 1, 2]]', b"[[1, 2]]"):
        store = Store()
        store.set(resend.KEY, noise)
        assert _sent(resend.Resend(Spool(0, 5), store)) == [], noise
