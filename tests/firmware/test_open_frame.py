"""What an open frame is given comes out of it, row by row and as a frame, whatever its width."""

from gateway import frame
from gateway.open_frame import OpenFrame
from support import Noise, raises

WIDTHS = (1, 2, 7, 32)


def _filled(channels, rows, strange=True):
    """Return (an open frame, its rows): with `strange` some have holes, some are doubtful."""
    noise = Noise(channels)
    one = OpenFrame(0, 1, channels, 0)
    taken = []
    for i in range(rows):
        odd = strange and noise.below(3) == 0
        values = [None if odd and noise.below(2) else noise.below(1 << 20) for _ in range(channels)]
        masks = bytes(noise.below(256) if odd else 0 for _ in range(channels))
        taken.append((1_700_000_000_000 + 10_000 * i + noise.below(9), values, masks))
        one.add(taken[-1])
    return one, taken


def _columns(rows, channels):
    return [[values[i] for _, values, _ in rows] for i in range(channels)]


def _masks(decoded):
    return [
        list(masks or [0] * decoded.rows) for masks in decoded.flags or [None] * decoded.channels
    ]


def test_open_frame_gives_back_its_rows():
    for channels in WIDTHS:
        one, rows = _filled(channels, 96)
        assert len(one) == 96 and list(one) == [time for time, _, _ in rows]
        for i, (time, values, masks) in enumerate(rows):
            found = one.row(i)
            assert (found[0], found[1], bytes(found[2])) == (time, values, masks), (channels, i)
        raises(IndexError, one.__getitem__, 96)


def test_open_frame_any_part_of_it_is_a_frame():
    for channels in WIDTHS:
        one, rows = _filled(channels, 70)
        for start, end in ((0, 70), (0, 1), (63, 65), (69, 70)):
            decoded = frame.decode(frame.encode(one.frame(start, end, b"ab", None)))
            part = rows[start:end]
            assert list(decoded.times) == [time for time, _, _ in part]
            assert [list(column) for column in decoded.columns] == _columns(part, channels)
            assert _masks(decoded) == [[masks[i] for _, _, masks in part] for i in range(channels)]


def test_open_frame_of_plain_rows_keeps_no_marks():
    one, rows = _filled(2, 40, strange=False)
    whole = one.frame(0, 40, b"ab", None)
    assert whole.flags is None and whole.missing is None
    assert frame.decode(frame.encode(whole)).columns == _columns(rows, 2)
