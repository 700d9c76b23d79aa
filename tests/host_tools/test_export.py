import contextlib
import csv
import io
import json
from decimal import Decimal

import pytest

from gateway import schema
from host_tools import cli
from host_tools.ingest import database, decimals, readings
from host_tools.ingest.export import export, whole_file
from host_tools.ingest.readings import Selection
from ingest_data import (
    CHANNELS,
    START_MS,
    encoded,
    frame_message,
    make_frame,
    message,
    open_store,
    schema_message,
)

TRAFFIC = schema.describe("traffic", 300_000, [["vehicles", "", 1], ["speed", "km/h", 8]])


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "k.db"
    db, store = open_store(path)
    flags = [None, [0, 0, 0, 3, 0, 0], [128] * 6]
    store.add([schema_message(), schema_message(node="n2"), schema_message(TRAFFIC)])
    store.add(
        [
            frame_message(1),
            frame_message(0, flags=flags),
            frame_message(0, node="n2"),
            frame_message(2, text=TRAFFIC, channels=2),
            frame_message(3, boot=9, quality=0, first_ms=500),
            frame_message(4, boot=8, quality=0, first_ms=250),
            frame_message(5, boot=8, anchor=START_MS + 86_400_000),
        ]
    )
    db.close()
    return path


@pytest.fixture
def db(path):
    with contextlib.closing(database.open_existing(path)) as db:
        yield db


def exported(db, form="csv", **selection):
    out = io.StringIO()
    count = export(db, Selection(**selection), form, out)
    if form == "csv":
        lines = list(csv.DictReader(io.StringIO(out.getvalue())))
    else:
        lines = [json.loads(line, parse_float=Decimal) for line in out.getvalue().splitlines()]
    assert len(lines) == count
    return lines


def kista(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    return end.value.code


def cell(value, scale):
    return "" if value is None else str(Decimal(value) / scale)


def test_the_csv_has_every_value_exactly(db):
    lines = exported(db, node="n1", stream="air", until_ms=START_MS + 120_000)
    assert list(lines[0]) == [
        *("time", "node", "stream"),
        *("pm2_5 [ug/m3]", "temperature [Cel]", "vehicles"),
        *("flags", "clock"),
    ]
    frames = [make_frame(0), make_frame(1)]
    wanted = [
        (readings.iso(time), *(column[number] for column in content.columns))
        for content in frames
        for number, time in enumerate(content.times)
    ]
    for line, (time, *values) in zip(lines, wanted, strict=True):
        assert line["time"] == time and line["node"] == "n1" and line["stream"] == "air"
        for (name, unit, scale), value in zip(CHANNELS, values, strict=True):
            text = line[f"{name} [{unit}]" if unit else name]
            assert (text == "") == (value is None)
            assert not text or Decimal(text) * scale == value
    assert lines[0]["time"] == "2026-05-11T00:00:00.000Z" and lines[0]["clock"] == ""
    assert lines[0]["flags"] == "vehicles:sensor_error"
    assert lines[3]["flags"] == "temperature:warm_up+out_of_range vehicles:sensor_error"


def test_two_flags_mean_another_thing_beside_a_value():
    assert readings.flag_names(16 | 32 | 1, False) == ["warm_up", "no_answer", "bad_data"]
    assert readings.flag_names(16 | 32 | 1, True) == ["warm_up", "humid", "disagrees"]
    assert readings.flag_names(255 - 48, True) == readings.flag_names(255 - 48, False)


def test_json_lines_say_the_same_with_exact_numbers(db):
    table, objects = exported(db), exported(db, "jsonl")
    for line, told in zip(table, objects, strict=True):
        assert (told["time"] or "") == line["time"]
        for name in ("pm2_5 [ug/m3]", "temperature [Cel]", "speed [km/h]"):
            assert str(told.get(name, "")) == line[name]
    assert objects[3]["flags"] == {
        "temperature": ["warm_up", "out_of_range"],
        "vehicles": ["sensor_error"],
    }


def test_streams_stand_side_by_side_in_the_order_of_node_stream_and_time(db):
    lines = exported(db)
    assert (
        "speed [km/h]" in lines[0] and len([name for name in lines[0] if "vehicles" in name]) == 1
    )
    groups = list(dict.fromkeys((line["node"], line["stream"]) for line in lines))
    assert groups == [("n1", "air"), ("n1", "traffic"), ("n2", "air")]
    air = [line["time"] for line in lines if (line["node"], line["stream"]) == groups[0]]
    dated = [time for time in air if time]
    assert dated == sorted(dated) and air[len(dated) :] == [""] * 6
    speed = [line["speed [km/h]"] for line in lines if line["stream"] == "traffic"]
    assert speed == [
        "" if value is None else f"{Decimal(value) / 8:.3f}"
        for value in make_frame(2, text=TRAFFIC, channels=2).columns[1]
    ]


def test_rows_without_a_clock_say_what_is_known_of_their_time(db):
    lines = exported(db, node="n1", stream="air")
    resolved = [line for line in lines if line["clock"] == "resolved"]
    assert [line["time"] for line in resolved][:2] == [
        "2026-05-12T00:00:00.250Z",
        "2026-05-12T00:00:10.250Z",
    ]
    unknown = [line for line in lines if line["clock"].startswith("boot=")]
    assert len(resolved) == len(unknown) == 6
    assert unknown[0]["clock"] == "boot=00000009 uptime_ms=500" and unknown[0]["time"] == ""
    assert all(line["time"] for line in exported(db, from_ms=0))


def test_from_is_included_and_to_is_not(db):
    times = [readings.iso(START_MS + number * 10_000) for number in range(12)]
    lines = exported(
        db, node="n1", stream="air", from_ms=START_MS + 20_000, until_ms=START_MS + 90_000
    )
    assert [line["time"] for line in lines] == times[2:9]
    middle_ms = START_MS + 50_000
    first = exported(db, node="n1", stream="air", until_ms=middle_ms)
    second = exported(db, node="n1", stream="air", from_ms=middle_ms, until_ms=START_MS + 120_000)
    assert [line["time"] for line in first + second] == times


@pytest.mark.parametrize(
    "text, unix_ms",
    [
        ("2026-05-11", START_MS),
        ("2026-05-11T00:00:00Z", START_MS),
        ("2026-05-11T02:00+02:00", START_MS),
        ("2026-05-11 00:00:01.250", START_MS + 1250),
    ],
)
def test_times_are_read_as_utc_unless_they_name_a_zone(text, unix_ms):
    assert readings.parse_time(text) == unix_ms


@pytest.mark.parametrize(
    "value, scale, text",
    [
        (0, 1, "0"),
        (-7, 1, "-7"),
        (5, 10, "0.5"),
        (-5, 10, "-0.5"),
        (100, 100, "1.00"),
        (-1234, 100, "-12.34"),
        (3, 4, "0.75"),
        (1, 8, "0.125"),
        (2**31 - 1, 1000, "2147483.647"),
        (-(2**31), 10**9, "-2.147483648"),
    ],
)
def test_decimals_are_exact(value, scale, text):
    assert decimals.of(scale).text(value) == text


@pytest.mark.parametrize("scale", [0, -10, 3, 7, 10**10])
def test_a_scale_without_exact_decimals_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        decimals.of(scale)


def test_no_query_sorts_a_table_in_memory(db):
    seen = []
    db.set_trace_callback(seen.append)
    list(readings.rows(db, Selection(from_ms=1)))
    list(readings.rows(db, Selection()))
    db.set_trace_callback(None)
    queries = [query for query in seen if "samples" in query]
    assert queries
    for query in queries:
        plan = " ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + query))
        assert "TEMP B-TREE" not in plan and "SCAN" not in plan, plan


def test_the_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
    with whole_file(path) as file:
        file.write("all")
    assert path.read_text() == "all" and list(tmp_path.iterdir()) == [path]


def test_the_command_writes_a_file_or_the_standard_output(path, tmp_path, capsys):
    db, out = f"sqlite:///{path}", tmp_path / "out.csv"
    assert kista("export", "--db", db, "--node", "n2", "--format", "csv", "-o", str(out)) == 0
    assert f"6 rows in {out}" in capsys.readouterr().out
    assert kista("export", "--db", db, "--node", "n2", "-o", "-") == 0
    captured = capsys.readouterr()
    assert captured.out == out.read_text() and not captured.err


@pytest.mark.parametrize(
    "options, code, text",
    [
        (["--node", "n7"], 1, "no node 'n7' in the database; it has n1, n2"),
        (["--stream", "x"], 1, "no stream 'x' in the database; it has air, traffic"),
        (["--from", "noon"], 2, "'noon' is no date"),
        (["-o", "nowhere/x.csv"], 1, "nowhere/x.csv: No such file"),
        (["--db", "postgresql://h/db"], 1, "only sqlite:///FILE"),
        (["--db", "sqlite:///nowhere.db"], 1, "nowhere.db: there is no such database"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(path, capsys, options, code, text):
    assert kista("export", "--db", f"sqlite:///{path}", "-o", "-", *options) == code
    errors = capsys.readouterr().err
    assert text in errors and "Traceback" not in errors


def test_nodes_are_listed_with_what_is_missing(path, capsys):
    db, store = open_store(path)
    store.add(
        [
            message("status", b'{"state":"online"}'),
            message("health", b'{"boot":1,"free_heap":51200,"last_error":"a\\u001b[2Jb"}'),
            message("frames", encoded(9)),
            message("frames", b"noise"),
        ]
    )
    db.close()
    assert kista("nodes", "--db", f"sqlite:///{path}") == 0
    header, first, second = (
        line.split("\t") for line in capsys.readouterr().out.strip().splitlines()
    )
    told = dict(zip(header, first, strict=True))
    assert told["node"] == "n1" and told["state"] == "online" and told["rows"] == "42"
    assert told["missing"] == "3 (6-8)" and told["undated"] == "6" and told["aside"] == "1"
    assert told["health"] == "free heap 51200, last error a?[2Jb"
    assert second[:2] == ["n2", "-"]
