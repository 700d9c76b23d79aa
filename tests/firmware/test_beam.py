"""Frames: 9 bytes of a TF-Luna as its manual lays them out (SJ-PM-TF-Luna A05, appendix I)."""

from gateway import beam
from support import Noise, raises

# 33 cm, strength 1000, 25 degC: 0x59 0x59, three words low byte first, the sum's low byte.
FRAME = b"\x59\x59\x21\x00\xe8\x03\xc8\x08\x8e"
ROAD, CAR, BLIND, GLARE = (520, 1000), (180, 1000), (0, 20), (300, 65535)


def frame(distance, strength):
    body = b"YY" + bytes((distance & 255, distance >> 8, strength & 255, strength >> 8, 0xC8, 8))
    return body + bytes((sum(body) & 255,))


class Line:
    def __init__(self):
        self.waiting = b""
        self.sent = b""

    def any(self):
        return len(self.waiting)

    def read(self, n):
        data, self.waiting = self.waiting[:n], self.waiting[n:]
        return data or None

    def write(self, data):
        self.sent += data


class Fixture:
    """A beam that has learnt a road 520 cm away, unless told otherwise."""

    def __init__(self, background=ROAD):
        self.line = Line()
        self.now = 0
        self.seen = []
        self.beam = beam.Beam(self.line, 0, 60, self._changed)
        if background:
            self.after(background, 1000)

    def _changed(self, number, taken, ms):
        self.seen.append((taken, ms))

    def after(self, what, ms):
        """So long the beam says the same; return what has changed."""
        for _ in range(ms // 200):
            self.now += 200
            self.line.waiting += frame(*what) * 20
            self.beam.step(self.now)
        self.now += ms % 200
        self.line.waiting += frame(*what) * (ms % 200 // 10)
        self.beam.step(self.now)
        seen, self.seen = self.seen, []
        return seen


def test_beam_reads_a_frame_and_refuses_every_flipped_bit():
    assert beam.parse(FRAME) == (33, 1000, 2500)
    for bit in range(8 * len(FRAME)):
        wrong = bytearray(FRAME)
        wrong[bit // 8] ^= 1 << bit % 8
        part = "header" if bit < 16 else "checksum"
        assert raises(ValueError, beam.parse, wrong) == part
    assert raises(ValueError, beam.parse, FRAME[:8]) == "length"
    assert beam.set_rate(100) == b"\x5a\x06\x03\x64\x00\xc7"
    assert beam.set_rate(250) == b"\x5a\x06\x03\xfa\x00\x5d"


def test_beam_finds_frames_in_noise_in_pieces_and_two_in_one():
    noise = b"\x59\x00\x59\x59\x59" + FRAME[:5] + b"\xff" * 7 + b"\x59"
    # A frame whose own bytes look like the beginning of one.
    odd = frame(0x5959, 0x5959)
    stream = (noise + FRAME + odd + FRAME[:4] + FRAME + noise + odd) * 3
    for size in (1, 2, 8, 9, 10, 18, 33, len(stream)):
        f = Fixture()
        begun = f.beam.frames
        for i in range(0, len(stream), size):
            f.line.waiting += stream[i : i + size]
            f.beam.step(f.now)
        assert f.beam.frames - begun == 12, size
        assert f.beam.broken and len(f.beam._rest) < 9
    # Noise without end fills no memory.
    random = Noise(1)
    for _ in range(200):
        f.line.waiting += bytes([(0x59, random.below(256))[random.below(2)] for _ in range(50)])
        f.beam.step(f.now)
    assert len(f.beam._rest) < 9


def test_beam_is_taken_by_what_is_nearer_and_free_when_it_has_gone():
    f = Fixture()
    assert f.beam.background == 520 and f.line.sent == beam.set_rate(100)
    assert f.after(CAR, 400) == [(True, 1010)]
    assert f.after(ROAD, 1000) == [(False, 1410)]
    # Once, or within the margin, is nothing; a gap of a lorry is none.
    assert f.after(CAR, 10) == [] and f.after(ROAD, 190) == []
    assert f.after((470, 1000), 400) == []
    assert f.after(CAR, 200) == [(True, 3010)]
    assert f.after(ROAD, 100) == [] and f.after(CAR, 100) == []
    assert f.after(ROAD, 200) == [(False, 3410)]


def test_beam_background_follows_and_is_frozen_while_something_stands_before_it():
    f = Fixture()
    f.after((524, 1000), 2000)
    assert f.beam.background == 521
    f.after((510, 1000), 4000)
    assert f.beam.background == 513
    f.after(CAR, 300000)
    assert f.beam.taken and f.beam.background == 513
    # What stands longer than ten minutes is the background.
    ((taken, _),) = f.after(CAR, 301000)
    assert not taken and f.beam.background == 180
    # When it drives away the road is seen again.
    assert f.after(ROAD, 6000) == [] and f.beam.background == 520
    assert len(f.after(CAR, 1000)) == 1


def test_beam_that_gets_nothing_back_keeps_what_it_knew_for_a_minute():
    for nothing in (BLIND, GLARE, (0, 1000), (65535, 0)):
        f = Fixture()
        assert f.after(nothing, 5000) == [] and f.beam.background == 520
        f.after(CAR, 400)
        assert f.after(nothing, 50000) == [] and f.after(CAR, 200) == []
        assert [taken for taken, _ in f.after(nothing, 61000)] == [False]
    # Over an open field whatever comes back is a vehicle.
    f = Fixture(BLIND)
    assert f.after(CAR, 400) == [(True, 1010)]
    assert f.after(BLIND, 400) == [(False, 1410)]


def test_beam_learns_the_farthest_while_a_car_goes_by():
    f = Fixture(None)
    f.after(CAR, 600)
    assert f.after(ROAD, 400) == [] and f.beam.background == 520
    assert Fixture(CAR).beam.background == 180
