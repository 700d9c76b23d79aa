import random
import sqlite3

import pytest

from gateway import frame, schema
from host_tools.errors import UserError
from host_tools.ingest import database, messages, report
from ingest_data import (
    CHANNELS,
    SCHEMA,
    START_MS,
    contents,
    encoded,
    expected,
    frame_message,
    make_frame,
    message,
    open_store,
    schema_message,
)


@pytest.fixture
def opened(tmp_path):
    db, store = open_store(tmp_path / "k.db")
    yield db, store
    db.close()


def reasons(db):
    return [reason for (reason,) in db.execute("SELECT reason FROM aside ORDER BY id")]


def test_a_frame_becomes_rows_and_values(opened):
    db, store = opened
    flags = [None, [0, 1, 2, 3, 128, 255], None]
    counts = store.add([schema_message(), frame_message(0, flags=flags), frame_message(1)])
    assert contents(db) == expected([make_frame(0, flags=flags), make_frame(1)])
    assert (counts["frames"], counts["rows"], counts["values"]) == (2, 12, 36)


def test_the_same_frame_twice_changes_nothing(opened):
    db, store = opened
    store.add([schema_message(), frame_message(0), frame_message(1)])
    before = contents(db)
    counts = store.add([frame_message(1), frame_message(0), schema_message(), frame_message(0)])
    assert counts["duplicates"] == 3 and not counts["frames"]
    assert contents(db) == before and not reasons(db)


def test_other_bytes_under_a_known_key_are_kept_aside(opened):
    db, store = opened
    store.add([schema_message(), frame_message(3)])
    before = contents(db)
    other = frame_message(3, rows=5)
    assert store.add([other])["aside"] == 1
    assert store.add([other])["aside"] == 0
    assert reasons(db) == ["boot 00000001 seq 3 is stored with other bytes"]
    assert db.execute("SELECT data FROM aside").fetchone()[0] == other.payload
    assert contents(db) == before


def test_a_frame_waits_for_its_schema(opened):
    db, store = opened
    assert store.add([frame_message(0), frame_message(1)])["waiting"] == 2
    assert contents(db) == [] and report.nodes(db)[0].waiting == {schema.ident(SCHEMA).hex(): 2}
    # Another node's announcement is not this node's word.
    store.add([schema_message(node="n2")])
    assert contents(db) == [] and store.waiting() == 2
    assert store.add([schema_message()])["waiting"] == -2
    assert contents(db) == expected([make_frame(0), make_frame(1)])
    assert report.nodes(db)[0].waiting == {}


def test_a_frame_with_too_few_channels_is_kept_aside_before_and_after_its_schema(opened):
    db, store = opened
    counts = store.add([frame_message(0, channels=2), frame_message(1), schema_message()])
    assert (counts["frames"], counts["aside"], counts["waiting"]) == (1, 1, 0)
    store.add([frame_message(2, channels=4), frame_message(3)])
    assert reasons(db) == ["2 channels, its schema has 3", "4 channels, its schema has 3"]
    assert contents(db) == expected([make_frame(1), make_frame(3)])
    assert db.execute("SELECT DISTINCT topic FROM aside").fetchall() == [("kista/1/n1/frames",)]


ARCHIVED = frame.encode(frame.Frame(schema.ident(SCHEMA), None, None, 1, None, [0], [[1]] * 3))
BROKEN = [
    ("n1/frames", b""),
    ("n1/frames", b"hello"),
    ("n1/frames", encoded(9)[:-1]),
    ("n1/frames", ARCHIVED),
    ("n1/frames", b"\xb0" * 40),
    ("N1/frames", encoded(9)),
    ("n" * 33 + "/frames", encoded(9)),
    ("/frames", encoded(9)),
    ("n1/frames/x", encoded(9)),
    ("n1/schema", SCHEMA),
    ("n1/schema/0000", SCHEMA),
    ("n1/unheard", b"{}"),
    ("n1/status", b"online"),
    ("n1/status", b"[]"),
    ("n1/status", b"{}"),
    ("n1/status", b'{"state": 1}'),
    ("n1/health", b"[" * 60_000),
    ("n1/health", b"\xff{}"),
    ("n1/health", b'{"lost": [[1, 2]]}'),
    ("n1/health", b'{"boot": 1, "lost": [[2, 1]]}'),
    ("n1/health", b'{"boot": 1, "lost": [[true, 1]]}'),
    ("n1/health", b'{"boot": 1e300, "lost": 3}'),
    ("n1/health", b'{"x": "' + b"x" * 70_000 + b'"}'),
    ("n1/reply", b"no"),
    ("n1/\udcff", b"no"),
]


def test_what_is_broken_is_kept_aside_with_its_reason_and_the_rest_goes_on(opened):
    db, store = opened
    batch = [schema_message(), frame_message(0)]
    batch += [messages.Message(f"kista/1/{topic}", payload, 1) for topic, payload in BROKEN]
    batch += [messages.Message("elsewhere", b"", 1), frame_message(1)]
    counts = store.add(batch)
    assert counts["aside"] == len(BROKEN) + 1
    assert all(reasons(db)) and contents(db) == expected([make_frame(0), make_frame(1)])
    assert report.strays(db) + report.nodes(db)[0].aside == len(BROKEN) + 1


def test_noise_gives_way_to_newer_noise(opened, monkeypatch):
    db, store = opened
    monkeypatch.setattr("host_tools.ingest.store.ASIDE_MOST", 5)
    for number in range(12):
        store.add([message("frames", b"noise %d" % number)])
    assert [id for (id,) in db.execute("SELECT id FROM aside ORDER BY id")] == [8, 9, 10, 11, 12]


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"channels":[],"period_ms":1,"stream":"air"}',
        b'{"channels":[["a","",1],["a","",1]],"period_ms":1,"stream":"air"}',
        b'{"channels":[["a","",3]],"period_ms":1,"stream":"air"}',
        b'{"channels":[["a","",0]],"period_ms":1,"stream":"air"}',
        b'{"channels":[["a","",true]],"period_ms":1,"stream":"air"}',
        b'{"channels":[["a","\\ud800",1]],"period_ms":1,"stream":"air"}',
        b'{"channels":[["A b","",1]],"period_ms":1,"stream":"air"}',
        b'{"channels":[["a","",1]],"period_ms":0,"stream":"air"}',
        b'{"channels":[["a","",1]],"period_ms":1,"stream":"a/b"}',
        b'{"channels":[["a","",1]],"period_ms":1}',
        b'{"channels":[%s["z","",1]],"period_ms":1,"stream":"air"}' % (b'["a","",1],' * 32),
    ],
)
def test_a_schema_that_means_nothing_is_refused(opened, text):
    db, store = opened
    assert store.add([schema_message(text)])["aside"] == 1
    assert reasons(db)[0] and not db.execute("SELECT * FROM schemas").fetchall()


def test_no_flipped_bit_and_no_cut_gets_in_or_stops_the_rest(opened):
    db, store = opened
    data = encoded(0)
    store.add([schema_message()])
    broken = [
        bytes(b ^ (1 << n % 8) * (i == n // 8) for i, b in enumerate(data))
        for n in range(0, 8 * len(data))
    ]
    broken += [data[:n] for n in range(len(data))]
    counts = store.add([message("frames", payload) for payload in broken])
    assert counts["aside"] == len(broken) and contents(db) == []
    assert store.add([message("frames", data)])["frames"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_no_message_of_random_json_stops_ingest(opened, seed):
    db, store = opened
    chance = random.Random(seed)
    pieces = [b"{", b"}", b"[", b"]", b",", b":", b'"boot"', b'"lost"', b'"state"', b"1", b"-1e999"]
    pieces += [b'"channels"', b'"stream"', b"null", b"NaN", b"\xff", b'"\\ud800"', b"9" * 5000]
    for _ in range(100):
        some = []
        for _ in range(4):
            payload = b"".join(chance.choices(pieces, k=chance.randrange(1, 12)))
            ident = schema.ident(payload).hex()
            kind = chance.choice(["status", "health", "reply", f"schema/{ident}"])
            some.append(message(kind, payload))
        store.add(some)
    assert report.nodes(db)[0].aside > 300, f"seed {seed}"


def test_rows_of_a_boot_without_time_are_dated_when_it_learns_the_time(opened):
    db, store = opened
    undated = {"quality": 0, "first_ms": 5000}
    store.add([schema_message(), frame_message(0, boot=7, **undated)])
    assert contents(db) == expected([make_frame(0, boot=7, **undated)])
    assert report.nodes(db)[0].undated_rows == 6
    # The anchors of another boot and of another node say nothing.
    store.add([frame_message(1, boot=8, anchor=1000), schema_message(node="n2")])
    store.add([frame_message(1, boot=7, anchor=2000, node="n2")])
    assert report.nodes(db)[0].undated_rows == 6
    store.add([frame_message(2, boot=7, anchor=START_MS), frame_message(3, boot=7, **undated)])
    frames = [make_frame(n, boot=7, **undated) for n in (0, 3)]
    frames += [make_frame(1, boot=8, anchor=1000), make_frame(2, boot=7, anchor=START_MS)]
    found = [row for row in contents(db) if row[0] == "n1"]
    assert found == expected(frames, offsets={7: START_MS, 8: 1000})
    assert report.nodes(db)[0].undated_rows == 0


def test_an_anchor_counts_even_while_its_frame_waits(opened):
    db, store = opened
    store.add([frame_message(1, boot=7, anchor=START_MS)])
    store.add([frame_message(0, boot=7, quality=0, first_ms=0), schema_message()])
    assert report.nodes(db)[0].undated_rows == 0
    assert {row[4] for row in contents(db) if row[3] == 0} == {
        START_MS + number * 10_000 for number in range(6)
    }


@pytest.mark.parametrize("field", [{"first_ms": -1}, {"first_ms": 1 << 48}, {"anchor": 1 << 48}])
def test_a_time_that_no_calendar_has_is_refused(field, monkeypatch, opened):
    db, store = opened
    # The encoder may refuse it too: what counts is that ingest does not rely on that.
    monkeypatch.setattr(messages.frame, "decode", lambda data: make_frame(0, **field))
    assert store.add([schema_message(), message("frames", b"x")])["aside"] == 1
    assert "out of range" in reasons(db)[0]


def test_a_node_whose_flash_was_replaced_starts_again(opened):
    db, store = opened
    late = START_MS + 10**9
    old = [make_frame(seq, boot=5) for seq in range(6)]
    new = [make_frame(seq, boot=3, first_ms=late + seq * 10**6) for seq in range(3)]
    store.add([schema_message(), *(frame_message(seq, boot=5) for seq in range(6))])
    store.add([frame_message(seq, boot=3, first_ms=late + seq * 10**6) for seq in range(3)])
    assert contents(db) == expected(old + new)
    assert report.nodes(db)[0].missing == []


@pytest.mark.parametrize("seed", range(15))
def test_any_order_and_any_repetition_gives_the_same_database(tmp_path, seed):
    chance = random.Random(seed)
    sent = [schema_message()]
    sent += [frame_message(n, boot=1, quality=0, first_ms=n * 60_000) for n in range(4)]
    sent += [frame_message(n, boot=1, anchor=START_MS if n == 4 else None) for n in range(4, 7)]
    sent += [frame_message(n, boot=2) for n in range(7, 12)]
    sent += [frame_message(n, boot=3, quality=0, first_ms=n) for n in range(12, 14)]
    shuffled = chance.choices(sent, k=20) + sent
    chance.shuffle(shuffled)
    results = []
    for name, batch in (("a.db", sent), ("b.db", shuffled)):
        db, store = open_store(tmp_path / name)
        while batch:
            size = chance.randrange(1, 8)
            store.add(batch[:size])
            batch = batch[size:]
        results.append(contents(db))
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert results[0] == results[1] and len(results[0]) == 14 * 6 * 3, f"seed {seed}"


GAPS = {
    "nothing arrived": ([], [], [], []),
    "nothing is missing": ([(1, 0, [(0, 9)])], [], [], []),
    "a hole within a boot": ([(1, 0, [(0, 3), (6, 9)])], [], [(4, 5)], []),
    "a hole between boots": ([(1, 0, [(0, 3)]), (2, 5, [(6, 9)])], [], [(4, 5)], []),
    "a hole the node told of": ([(1, 0, [(0, 3), (6, 9)])], [(1, 4, 5)], [], [(4, 5)]),
    "told of in part": ([(1, 0, [(0, 3), (9, 9)])], [(1, 5, 6)], [(4, 4), (7, 8)], [(5, 6)]),
    "told of, but arrived": ([(1, 0, [(0, 3)])], [(1, 2, 2)], [], []),
    "told of before the first": ([(1, 0, [(5, 9)])], [(1, 0, 4)], [], [(0, 4)]),
    "told by a boot without frames": ([(1, 0, [(0, 3), (5, 5)])], [(2, 4, 4)], [], [(4, 4)]),
    "told and nothing arrived": ([], [(2, 4, 4)], [], [(4, 4)]),
    "boots in another order of arrival": ([(2, 5, [(6, 9)]), (1, 0, [(0, 3)])], [], [(4, 5)], []),
    "a new flash": ([(1, 0, [(0, 9)]), (2, 5, [(0, 1), (4, 5)])], [], [(2, 3)], []),
    "a new flash, its first frames gone": ([(1, 0, [(0, 9)]), (2, 5, [(3, 5)])], [], [], []),
    "a new flash that is behind": ([(1, 0, [(4, 9)]), (2, 5, [(1, 2)])], [], [], []),
    "an undated boot between": (
        [(2, None, [(4, 5)]), (1, 0, [(0, 3)]), (3, 5, [(6, 9)])],
        *[[]] * 3,
    ),
    "an undated boot, and a hole": (
        [(2, None, [(5, 5)]), (1, 0, [(0, 3), (6, 9)])],
        [],
        [(4, 4)],
        [],
    ),
    "an undated boot of another flash": ([(2, None, [(0, 1)]), (1, 0, [(0, 9)])], *[[]] * 3),
    "the old boot's last frame, recovered": (
        [(1, 0, [(0, 3), (5, 5)]), (2, 5, [(4, 4), (6, 7)])],
        [],
        [],
        [],
    ),
}


@pytest.mark.parametrize("name", GAPS)
def test_gaps(name):
    boots, told, missing, lost = GAPS[name]
    assert report.gaps(boots, told) == (missing, lost)


SENT = {
    "the node has sent more": ([(1, 0, [(0, 3)])], (1, 6), [(4, 5)]),
    "so says a boot of which nothing came": ([(1, 0, [(0, 3)])], (2, 6), [(4, 5)]),
    "all of it came": ([(1, 0, [(0, 5)])], (1, 6), []),
    "more came since": ([(1, 0, [(0, 9)])], (1, 6), []),
    "said before its flash was replaced": ([(1, 0, [(0, 9)]), (2, 5, [(0, 1)])], (1, 20), []),
}


@pytest.mark.parametrize("name", SENT)
def test_gaps_behind_the_last_frame_that_came(name):
    boots, sent, missing = SENT[name]
    assert report.gaps(boots, [], sent) == (missing, [])


def test_a_node_is_shown_with_what_it_said_and_what_is_missing(opened):
    db, store = opened
    store.add(
        [
            message("status", b'{"state":"online"}', retained=True, arrived_ms=5),
            message("health", b'{"boot":1,"lost":[[2,3]],"free_heap":9}', arrived_ms=70),
            schema_message(),
            *(frame_message(seq) for seq in (0, 1, 4, 6)),
            message("status", b'{"state":"offline"}', arrived_ms=START_MS + 9),
            message("reply", b'{"id":1}', node="n2"),
            message("reply", b'{"id":1}', node="n2"),
            message("health", b"", node="n2"),
        ]
    )
    first, second = report.nodes(db)
    assert (first.name, second.name) == ("n1", "n2")
    assert first.status == {"state": "offline"} and first.health["free_heap"] == 9
    # The broker's last will is no sign of life; what it had retained is not one either.
    assert first.last_seen_ms == START_MS
    assert (first.missing, first.lost, first.rows) == ([(5, 5)], [(2, 3)], 24)
    assert db.execute("SELECT count(*) FROM replies").fetchone()[0] == 1


def test_a_batch_is_all_or_nothing(opened):
    db, store = opened
    store.add([schema_message(), frame_message(0)])
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 2}")
    batch = [
        frame_message(seq, rows=96, node=node) for node in ("n1", "n9") for seq in range(1, 40)
    ]
    batch.insert(0, schema_message(node="n9"))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.add(batch)
    assert contents(db) == expected([make_frame(0)]) and len(report.nodes(db)) == 1
    db.execute("PRAGMA max_page_count = 100000")
    assert store.add(batch)["frames"] == 78
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_readings_view_is_made_for_people(opened):
    db, store = opened
    content = make_frame(0)
    content.columns[1][0] = -1234
    store.add([schema_message(), message("frames", frame.encode(content))])
    row = db.execute(
        "SELECT node, stream, time, channel, value, unit FROM readings"
        " WHERE channel = 'temperature'"
    ).fetchone()
    assert row == ("n1", "air", "2026-05-11T00:00:00.000Z", "temperature", -12.34, "Cel")
    count = db.execute("SELECT count(*) FROM readings").fetchone()[0]
    assert count == 6 * len(CHANNELS)


def test_commits_are_durable_and_types_are_kept(opened):
    db, _ = opened
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_an_sqlite_without_strict_tables_will_do(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_STRICT", False)
    db, store = open_store(tmp_path / "k.db")
    store.add([schema_message(), frame_message(0)])
    assert contents(db) == expected([make_frame(0)])
    db.close()


def test_a_database_keeps_its_client_id_and_two_differ(tmp_path):
    names = []
    for name in ("a.db", "a.db", "b.db"):
        db = database.create(tmp_path / name)
        names.append(database.client_id(db))
        db.close()
    assert names[0] == names[1] != names[2] and names[0].startswith("kista-ingest-")


def test_one_database_has_one_worker(tmp_path):
    path = tmp_path / "k.db"
    with database.alone(path), pytest.raises(UserError, match="another"), database.alone(path):
        pass
    with database.alone(path):
        pass
    with pytest.raises(UserError, match="No such"), database.alone(tmp_path / "nowhere" / "k.db"):
        pass


def test_a_file_that_is_no_database_of_ours_is_refused(tmp_path):
    path = tmp_path / "x.db"
    with pytest.raises(UserError, match="no such database"):
        database.open_existing(path)
    assert not path.exists()
    path.write_text("time,pm2_5\n" * 100)
    for opener in (database.create, database.open_existing):
        with pytest.raises(UserError, match="not a database"):
            opener(path)
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close()
    for opener in (database.create, database.open_existing):
        with pytest.raises(UserError, match="another program"):
            opener(path)
    path.unlink()
    db = database.create(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UserError, match="newer"):
        database.create(path)
    with pytest.raises(UserError, match="unable to open"):
        database.create(tmp_path / "nowhere" / "x.db")
