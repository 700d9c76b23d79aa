"""The demo's judge finds what is missing, doubled or wrong, and forgives only what died with the
power.
"""

import pytest

import ingest_data as data
from host_tools.demo.show import Outcome
from host_tools.twin import audit, tape

FRAME = data.make_frame(0, rows=4)


def _line(row, frame=FRAME):
    values = ",".join("" if v is None else str(v) for v in [c[row] for c in frame.columns])
    return f"r 0 1 1 {frame.times[row]} {values}\n"


def _compare(tmp_path, ledger, *messages):
    path = tmp_path / "ledger"
    path.write_text(ledger)
    db, store = data.open_store(tmp_path / "city.db")
    store.add([data.schema_message(), *messages])
    return audit.compare(audit.Ledger(path), db, "n1", ["air"])


ALL = "b\n" + "".join(_line(row) for row in range(4))


def test_rows_that_all_came_are_good(tmp_path):
    found = _compare(tmp_path, ALL + "c\n", data.frame_message(0, rows=4))
    assert found.good and (found.taken, found.stored, found.died) == (4, 4, 0)


def test_a_committed_row_that_did_not_come_is_missing(tmp_path):
    other = data.make_frame(1, rows=4)
    found = _compare(tmp_path, ALL + _line(0, other) + "c\n", data.frame_message(0, rows=4))
    assert found.missing == 1 and not found.good


def test_a_row_that_came_twice_is_doubled(tmp_path):
    again = data.encoded(5, rows=4, first_ms=FRAME.times[0])
    again = data.frame.decode(again)
    again.columns = FRAME.columns
    twice = data.message("frames", data.frame.encode(again))
    found = _compare(tmp_path, ALL + "c\n", data.frame_message(0, rows=4), twice)
    assert found.doubled == 4 and not found.good


def test_a_value_that_changed_on_the_way_is_missing_and_foreign(tmp_path):
    broken = ALL.replace(_line(2), _line(2).rstrip() + "9\n")
    found = _compare(tmp_path, broken + "c\n", data.frame_message(0, rows=4))
    assert (found.missing, found.doubled) == (1, 1)


def test_rows_not_committed_when_the_power_went_may_be_gone_or_not(tmp_path):
    dying = "b\n" + _line(0) + "c\n" + _line(1) + _line(2) + "r 0 1 1 17784\n" + "b\n"
    one = data.make_frame(0, rows=4)
    one.times = one.times[:2]
    one.columns = [column[:2] for column in one.columns]
    one.rows = 2
    found = _compare(tmp_path, dying, data.message("frames", data.frame.encode(one)))
    # Row 1 had reached the flash although its commit was never noted; row 2 died.
    assert found.good and (found.taken, found.stored, found.died) == (3, 2, 1)


def test_a_line_that_a_kill_cut_short_is_read_when_it_is_whole(tmp_path):
    path = tmp_path / "ledger"
    path.write_text(ALL[:-5])
    ledger = audit.Ledger(path)
    assert len(ledger.read()) == 3
    path.write_text(ALL)
    assert len(ledger.read()) == 1 and len(ledger.rows) == 4


@pytest.mark.parametrize(
    ("changes", "good"),
    [({}, True), ({"missing": 1}, False), ({"doubled": 1}, False)],
)
def test_the_demo_fails_when_the_audit_does(changes, good):
    counts = dict.fromkeys(audit.Audit.__dataclass_fields__, 0)
    found = audit.Audit(**{**counts, **changes})
    assert Outcome(found, None, tape.Recording(), 0, 0, 0.0).good is good
    different = audit.Replay(different=1)
    assert not Outcome(found, different, tape.Recording(), 0, 0, 0.0).good
