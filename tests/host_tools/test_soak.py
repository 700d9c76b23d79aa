"""The short form of `make soak`: days of two hours."""

import pytest
import soak


@pytest.mark.slow(20)
def test_soak_leaves_the_heap_as_it_was_and_every_row_in_the_database():
    said = []
    assert soak.main(days=3, seed=3, day_hours=2, say=said.append) == 0, "\n".join(said)
