"""Each codec of `make bench-frames` gives back what it was given, so that its size counts."""

import pytest

for package in ("cbor2", "msgpack", "zstandard"):
    pytest.importorskip(package, reason=f"{package} is not installed: make bench-frames does it")

from tests.bench import frames, logs, peers  # noqa: E402 - after what skips the file

LOG = logs.generated(seed=5, rows=192)


@pytest.mark.parametrize("peer", [*peers.PEERS, frames.Frame()], ids=lambda peer: peer.name)
def test_a_log_comes_back_from(peer):
    assert frames.size(peer, LOG, 96) > 0


def test_gorilla_takes_a_bit_for_what_stays_the_same():
    shape = peers.Shape(["x"], [1])
    times, cells = [60_000 * i for i in range(100)], [[123] * 100]
    data = peers.Gorilla().encode(shape, times, cells)
    assert peers.Gorilla().decode(shape, data) == (times, cells)
    # Rows, first time, first delta (60 s needs 9 bits), 98 bits; first value, 99 bits.
    assert len(data) == -(-(16 + 32 + 9 + 98 + 64 + 99) // 8)
