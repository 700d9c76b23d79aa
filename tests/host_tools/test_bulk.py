"""Frames in bulk: the compiled codec gives what the device's own code gives, in every case."""

import binascii
import struct

import pytest

pytest.importorskip("numba", reason="numba is not installed: pip install kista[fast]")

from gateway import frame
from gateway.open_frame import OpenFrame
from host_tools import codec
from host_tools.bulk import frames as bulk
from random_frames import random_frame
from support import Noise

FRAMES = 160
pytestmark = pytest.mark.usefixtures("codec_made")


def _strange(noise: Noise) -> frame.Frame:
    """Return a frame of what `random_frame` leaves out: 32 bits, far times, many channels."""
    rows = (1, 2, 7, 96, 300)[noise.below(5)]
    spread = 1 << noise.below(29)
    full = [(noise.below(1 << 16) << 16 | noise.below(1 << 16)) - (1 << 31) for _ in range(rows)]
    columns = [full, [noise.below(spread) - spread // 2 for _ in range(rows)], [None] * rows]
    columns += [[None if noise.below(3) else 10 * i for i in range(rows)]] * noise.below(29)
    times = [noise.below(1 << 24) * noise.below(1 << 24) for _ in range(rows)]
    masks = [[noise.below(256) for _ in range(rows)], None, *[[0] * rows] * (len(columns) - 2)]
    return frame.Frame(
        b"zz", None, None, 0, None, times, columns, masks if noise.below(2) else None
    )


def _frames() -> list[frame.Frame]:
    noise = Noise(77)
    return [_strange(noise) if seed % 4 == 0 else random_frame(seed) for seed in range(FRAMES)]


def _look(one: frame.Frame) -> tuple:
    flags = [list(masks or [0] * one.rows) for masks in one.flags or [None] * one.channels]
    known = (one.schema, one.seq, one.boot, one.quality, one.anchor)
    return known, list(one.times), one.columns, flags


@pytest.fixture(scope="module")
def packed() -> list[bytes]:
    return [frame.encode(one) for one in _frames()]


def test_the_compiled_encoder_makes_the_same_bytes(packed):
    for number, data in enumerate(bulk.encode(_frames())):
        assert data == packed[number], f"frame {number}"


def test_a_frame_that_still_takes_rows_has_the_same_bytes():
    noise = Noise(5)
    one = OpenFrame(0, 1, 9, 0)
    for i in range(96):
        values = [None if noise.below(5) == 0 else noise.below(1 << 12) for _ in range(9)]
        one.add((10_000 * i, values, bytes(noise.below(4) for _ in range(9))))
    whole = one.frame(0, 96, b"ab", 7)
    assert bulk.encode([whole]) == [frame.encode(whole)]


def test_the_compiled_decoder_finds_the_same_rows(packed):
    for number, one in enumerate(bulk.to_frames(packed)):
        assert _look(one) == _look(frame.decode(packed[number])), f"frame {number}"


def test_frames_come_in_batches_of_one_schema_in_their_order(packed):
    batches = bulk.decode(packed[:40])
    assert sorted(i for batch in batches for i in batch.frames.tolist()) == list(range(40))
    for batch in batches:
        assert batch.frames.tolist() == sorted(batch.frames.tolist())
        for i, rows in zip(batch.frames, batch.rows):
            assert packed[i][1:3] == batch.schema and frame.decode(packed[i]).rows == rows
        assert batch.times.shape == (batch.rows.sum(),)
        assert batch.values.shape == batch.missing.shape == batch.flags.shape
        assert not batch.values[batch.missing].any()


def test_the_largest_frame_goes_both_ways():
    noise = Noise(3)
    columns = [[noise.below(1 << 20) for _ in range(1024)] for _ in range(32)]
    one = frame.Frame(b"ab", 1, 2, 1, 0, [1000 * i for i in range(1024)], columns)
    (data,) = bulk.encode([one])
    assert data == frame.encode(one)
    assert bulk.to_frames([data])[0].columns == columns


def test_what_the_reference_refuses_is_refused_and_nothing_else(packed):
    noise = Noise(2026)
    refused = 0
    for number in range(600):
        body = bytearray(packed[noise.below(len(packed))][:-4])
        for _ in range(1 + noise.below(4)):
            body[noise.below(len(body))] = noise.below(256)
        if number % 5 == 0:
            body = bytearray([0xB0 | noise.below(16)] + [noise.below(256) for _ in range(40)])
        data = bytes(body) + struct.pack("<I", binascii.crc32(body))
        try:
            wanted = _look(frame.decode(data))
        except ValueError as error:
            refused += 1
            with pytest.raises(ValueError, match="frame 0: ") as compiled:
                bulk.decode([data])
            assert str(error) in str(compiled.value), number
        else:
            assert _look(bulk.to_frames([data])[0]) == wanted, number
    assert 60 < refused < 540


def test_a_broken_frame_is_named_by_its_place(packed):
    some = packed[:5]
    some[3] = some[3][:-1] + bytes([some[3][-1] ^ 1])
    with pytest.raises(ValueError, match="frame 3: frame: checksum"):
        bulk.decode(some)
    with pytest.raises(codec.Broken) as broken:
        codec.decode(some)
    assert broken.value.index == 3


def test_beyond_a_frames_limits_the_message_is_the_references():
    for changes in ({"columns": [[1 << 31]]}, {"columns": [[1 << 70]]}, {"times": [1 << 60]}):
        fields = {"times": [0], "columns": [[1]], **changes}
        one = frame.Frame(b"ab", None, None, 1, None, **fields)
        with pytest.raises(ValueError) as wanted:
            frame.encode(one)
        with pytest.raises(ValueError) as got:
            bulk.encode([one])
        assert str(got.value) == str(wanted.value)


def test_without_numba_the_same_arrays_come_out(packed, monkeypatch):
    compiled = bulk.decode(packed)
    monkeypatch.setattr(bulk, "walk", None)
    plain = bulk.decode(packed)
    for one, other in zip(compiled, plain):
        for name, value in vars(one).items():
            other_value = getattr(other, name)
            same = value == other_value if name == "schema" else (value == other_value).all()
            assert same, name
    assert bulk.encode(_frames()[:9]) == packed[:9]
