"""A small part of `make fuzz`."""

import pytest

import fuzz_frames

FRAMES = 400
pytestmark = pytest.mark.usefixtures("codec_made")


def test_frames_from_strangers_end_in_rows_or_in_a_value_error():
    rows, refused, most_bytes, _, failure = fuzz_frames.work((20, 0, FRAMES))
    assert failure is None
    assert rows and 0 < refused < FRAMES and 0 < most_bytes <= fuzz_frames.MEMORY_MOST


def test_a_number_replays_its_frame():
    good = fuzz_frames.good_frames()
    assert fuzz_frames.stranger(7, 123, good) == fuzz_frames.stranger(7, 123, good)
    assert fuzz_frames.stranger(7, 123, good) != fuzz_frames.stranger(7, 124, good)
