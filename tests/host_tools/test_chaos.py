"""The short form of `make chaos`: every kind of fault once, then the database is compared."""

import chaos
import pytest


@pytest.mark.slow(18)
def test_chaos_leaves_nothing_missing_nothing_doubled_nothing_crashed(capsys):
    # A minute of faults is in `make chaos MINUTES=1`; the order of these follows from the seed too.
    code = chaos.main(seed=7, minutes=0.15)
    assert code == 0, capsys.readouterr().out
