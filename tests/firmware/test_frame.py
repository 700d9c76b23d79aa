import binascii
import struct
from array import array

import frame_vectors

from gateway import frame
from random_frames import column, random_frame, times
from support import Noise, raises


def _same(one, other):
    for name in ("schema", "seq", "boot", "quality", "anchor", "times", "columns"):
        assert getattr(one, name) == getattr(other, name), name
    for i in range(one.channels):
        masks = [(f.flags[i] if f.flags else None) or [0] * one.rows for f in (one, other)]
        assert list(masks[0]) == list(masks[1])


def test_frame_random_ones_come_back():
    for seed in range(60):
        one = random_frame(seed)
        try:
            _same(frame.decode(frame.encode(one)), one)
        except (AssertionError, ValueError):
            print("seed", seed)
            raise


def test_frame_bytes_are_those_of_the_golden_vectors():
    for seed, data in frame_vectors.GOLDEN:
        assert binascii.hexlify(frame.encode(random_frame(seed))).decode() == data, seed


def test_frame_of_arrays_with_marks_beside_them_has_the_same_bytes():
    for seed in range(60):
        one = random_frame(seed)
        bare = frame.Frame(
            one.schema, one.seq, one.boot, one.quality, one.anchor, one.times, one.columns
        )
        bare.columns = [array("i", [value or 0 for value in column]) for column in one.columns]
        bare.flags = one.flags and [bytearray(masks) for masks in one.flags]
        bare.missing = [
            bytes([value is None for value in column]) if None in column else None
            for column in one.columns
        ]
        assert frame.encode(bare) == frame.encode(one), seed


def test_frame_largest_one_comes_back():
    noise = Noise(5)
    columns = [column(noise, i % 2 * 4, 1024) for i in range(2)] + [[7] * 1024] * 30
    one = frame.Frame(b"ab", 1, 2, 1, None, times(noise, 1, 1024), columns)
    _same(frame.decode(frame.encode(one)), one)


def test_frame_beyond_its_limits_is_refused():
    def encode(**changes):
        fields = {"schema": b"ab", "seq": 1, "boot": 2, "quality": 1, "anchor": None}
        fields.update({"times": [0, 1], "columns": [[1, 2]], "flags": None})
        fields.update(changes)
        names = ("schema", "seq", "boot", "quality", "anchor", "times", "columns", "flags")
        return frame.encode(frame.Frame(*[fields[name] for name in names]))

    assert encode()
    for changes, word in (
        ({"times": [], "columns": [[]]}, "rows"),
        ({"times": [0] * 1025, "columns": [[0] * 1025]}, "rows"),
        ({"columns": []}, "channels"),
        ({"columns": [[1, 2]] * 33}, "channels"),
        ({"columns": [[1, 2, 3]]}, "different length"),
        ({"columns": [[1, 1 << 31]]}, "value"),
        ({"times": [0, 1 << 60]}, "time"),
        ({"seq": None}, "together"),
        ({"seq": 1 << 30}, "seq"),
        ({"boot": -1}, "boot"),
        ({"schema": b"abc"}, "schema"),
        ({"anchor": -1}, "anchor"),
        ({"flags": [[0, 256]]}, "flags"),
    ):
        assert word in raises(ValueError, lambda: encode(**changes))  # noqa: B023


def test_frame_encoder_works_in_slices_of_at_most_32_values():
    one = random_frame(7, rows=96)
    encoder = frame.Encoder(one)
    steps = 0
    data = None
    while data is None:
        data = encoder.step()
        steps += 1
    assert data == frame.encode(random_frame(7, rows=96))
    assert steps >= one.channels * 3


def test_frame_peek_sees_header_and_times():
    for seed in range(11, 21):
        one = random_frame(seed)
        assert frame.peek(frame.encode(one)).times == list(one.times), seed
    one = random_frame(11)
    seen = frame.peek(frame.encode(one))
    assert (seen.schema, seen.seq, seen.boot) == (one.schema, one.seq, one.boot)
    assert (seen.quality, seen.anchor, seen.rows) == (one.quality, one.anchor, one.rows)
    assert seen.channels == one.channels


def test_frame_with_any_bit_flipped_or_cut_short_is_refused():
    data = frame.encode(random_frame(3))
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        raises(ValueError, frame.decode, bytes(broken))
    for size in range(len(data)):
        raises(ValueError, frame.decode, data[:size])


def test_frame_of_a_stranger_ends_in_rows_or_in_a_value_error():
    noise = Noise(99)
    rows = refused = 0
    good = {}
    for number in range(150):
        seed = noise.below(40)
        if seed not in good:
            good[seed] = frame.encode(random_frame(seed))
        body = bytearray(good[seed][:-4])
        for _ in range(1 + noise.below(4)):
            body[noise.below(len(body))] = noise.below(256)
        if number % 5 == 0:
            body = bytearray([0xB0 | noise.below(16)] + [noise.below(256) for _ in range(30)])
        data = bytes(body) + struct.pack("<I", binascii.crc32(body))
        try:
            rows += frame.decode(data).rows
        except ValueError:
            refused += 1
    assert rows and refused
