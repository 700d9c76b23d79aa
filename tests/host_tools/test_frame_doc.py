"""The worked example of docs/frame.md decodes to the rows that stand beside it."""

import re

import pytest

import frame_reader
from gateway import frame, schema
from host_tools import build
from random_frames import random_frame

DOC = (build.ROOT / "docs" / "frame.md").read_text()


def _table():
    """Return (columns, flags) of the example's table."""
    lines = DOC.split("## An example")[1].split("```")[0].splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in row] for row in rows]
    columns = [[int(row[i]) if row[i] else None for row in cells] for i in (0, 1)]
    return columns, [int(row[2]) for row in cells]


def test_the_example_decodes_to_its_rows():
    data = bytes.fromhex(re.search(r"```\n([0-9a-f]+)\n```", DOC).group(1))
    one = frame.decode(data)
    columns, flags = _table()
    text = schema.describe("air", 10000, [["pm2_5", "ug/m3", 10], ["pm10", "ug/m3", 10]])
    assert one.schema == schema.ident(text) and one.schema.hex() in DOC
    assert (one.seq, one.boot, one.quality, one.anchor) == (17, 123456789, 1, None)
    assert one.times == [1778457600000 + 10000 * i for i in range(5)]
    assert one.columns == columns and one.flags == [flags, flags]


def test_the_schema_in_the_text_is_canonical():
    text = schema.describe("air", 10000, [["pm2_5", "ug/m3", 10]]).decode()
    assert f"`{text}`" in DOC


@pytest.mark.parametrize("seed", range(80))
def test_a_decoder_written_from_the_page_reads_any_frame(seed):
    one = random_frame(seed)
    seq, boot, anchor, times, columns, flags = frame_reader.read(frame.encode(one))
    assert (seq, boot, anchor, times) == (one.seq, one.boot, one.anchor, one.times)
    assert columns == one.columns
    masks = [mask or [0] * one.rows for mask in one.flags or [None] * one.channels]
    assert (flags or [[0] * one.rows] * one.channels) == masks
