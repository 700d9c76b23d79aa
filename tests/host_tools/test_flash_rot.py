"""A bit flips in a flash that has seen a life: every one of them in turn (`make chaos-flash`).

`make test` takes a sample, the same each time. A failure prints byte and bit.
"""

import io

import pytest
from flash_life import (
    EVERYTHING,
    SIZE,
    Life,
    mounted,
    packed_once,  # noqa: F401 - a fixture
    rows_of,
)

from gateway import frame

COMMITS = 300
# Prime, so that all bits of a byte and all parts of a record have their turn.
STRIDE = 1 if EVERYTHING else 1499
PARTS = 16 if EVERYTHING else 1


def _offered(spool):
    """Return {seq: bytes} of what the spool would send."""
    found = {}
    after = -1
    while True:
        one = spool.next(after)
        if one is None:
            return found
        after = one[0]
        found[after] = one[1]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_flipped_bit_costs_more_than_its_record_or_brings_what_was_not_there(
    packed_once,  # noqa: F811
    part,
):
    life = Life(lambda *operation: None)
    life.live(COMMITS)
    content = life.image.getvalue()
    due = max(life.frames) + 1
    before = mounted(io.BytesIO(content))
    whole = _offered(before)
    lost = _numbers(before.lost())
    rows = set().union(*(rows_of(frame.decode(whole[seq])) for seq in whole if seq >= due), set())
    checked = costly = 0
    for bit in range(part * STRIDE, SIZE * 8, STRIDE * PARTS):
        where = f"byte {bit >> 3}, bit {bit & 7}"
        rotten = bytearray(content)
        rotten[bit >> 3] ^= 1 << (bit & 7)
        spool = mounted(io.BytesIO(bytes(rotten)))
        while spool._journal.step() or spool._frames.step():
            pass
        offered = _offered(spool)
        old = {seq: data for seq, data in offered.items() if seq < due}
        assert all(life.frames.get(seq) == data for seq, data in old.items()), where
        came = [rows_of(frame.decode(data)) for seq, data in offered.items() if seq >= due]
        gone = rows - set().union(*came, set())
        assert set().union(*came, set()) <= rows, where
        assert sum(map(len, came)) == len(set().union(*came, set())), f"{where}: rows came twice"
        missing = {seq for seq in whole if seq < due} - old.keys()
        more = _numbers(spool.lost()) - lost
        assert len(missing) + (1 if gone else 0) <= 1, f"{where}: {missing} and {gone} are gone"
        # A commit has three rows at most of each of the two streams.
        assert len(gone) <= 3, f"{where}: {gone}"
        assert missing <= more and len(more) <= 1, f"{where}: {missing} gone, {more} said"
        if missing or gone:
            costly += 1
            # The journal is read twice where there is something to recover.
            assert 1 <= spool.stats()["corrupt"] <= 2, f"{where}: {spool.stats()}"
        checked += 1
    print(checked, "bits,", costly, "of them cost a record;", SIZE, "bytes")
    assert costly


def _numbers(spans):
    return {seq for first, last in spans for seq in range(first, last + 1)}
