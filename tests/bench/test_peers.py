"""Each codec of `make bench-frames` gives back what it was given, so that its size counts."""

import random

import pytest

for package in ("cbor2", "msgpack", "numpy", "zstandard"):
    pytest.importorskip(package, reason=f"{package} is not installed: make bench-frames does it")

from tests.bench import frames, limit, logs, peers  # noqa: E402 - after what skips the file

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


def test_the_limit_of_noise_is_its_entropy():
    noise = random.Random(8)
    fair = [noise.randrange(2) for _ in range(5000)]
    wide = [round(noise.gauss(0, 40)) for _ in range(5000)]
    assert 0.95 < limit.column_bits(fair) < 1.6
    # A Gaussian of standard deviation 40: log2(40 sqrt(2 pi e)).
    assert limit.column_bits(wide) == pytest.approx(7.37, abs=0.05)
