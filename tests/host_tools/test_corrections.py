"""Corrections make channels of their own, averages say of how many values they are."""

import contextlib
import csv
import io
from decimal import Decimal

import pytest

from gateway import frame, schema
from host_tools import cli
from host_tools.errors import UserError
from host_tools.ingest import averages, corrections, database
from host_tools.ingest.corrections import KINDS, Corrector
from host_tools.ingest.export import export
from host_tools.ingest.readings import Column, Row, Selection
from ingest_data import START_MS, message, open_store, schema_message

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PM, PM_CF1 = Column("pm2_5", "ug/m3"), Column("pm2_5_standard", "ug/m3")
HUMIDITY, VEHICLES = Column("humidity", "%RH"), Column("vehicles", "1")
SPEED, P85 = Column("speed_mean", "km/h"), Column("speed_p85", "km/h")
COLUMNS = [PM, PM_CF1, HUMIDITY]

GOOD = """
[[correction]]
id = "dry"
kind = "kappa-koehler"
channel = "pm2_5"
kappa = 0.4

[[correction]]
id = "kerb-2026"
kind = "linear"
node = "n1"
channel = "pm2_5@dry"
slope = 1.25
offset = -2
from = 2026-05-11
until = 2026-05-12
"""
EPA = """
[[correction]]
id = "epa"
kind = "epa-2021"
sensor = "pms5003"
channel = "pm2_5_standard"
"""


def row(time_ms=START_MS, flags=None, node="n1", stream="air", period_ms=10_000, **values):
    named = {column.name: column for column in (*COLUMNS, VEHICLES, SPEED, P85)}
    marks = {named[name]: list(marks) for name, marks in (flags or {}).items()}
    told = {named[name]: text for name, text in values.items()}
    return Row(node, stream, time_ms, None, 1, period_ms, told, marks)


def read(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    return corrections.read(path)


def corrected(listed, *rows, columns=COLUMNS):
    """Return [{name: (value, flags)} of what was made, a dict a row]."""
    corrector = Corrector(listed, columns, columns, None)
    made = [column for column in corrector.columns if "@" in column.name]
    return [
        {c.name: (one.values.get(c), one.flags.get(c)) for c in made}
        for one in corrector.each(iter(rows))
    ]


@pytest.mark.parametrize(
    ("humidity", "growth"),
    # 1 + 0.4 / 1.65 / (1 / aw - 1); from 95 % on it stays.
    [("0", 1), ("50", 1.242424), ("80", 1.969697), ("95", 5.606061), ("100", 5.606061)],
)
def test_kappa_koehler_takes_the_water_out_of_dust(tmp_path, humidity, growth):
    listed = read(tmp_path, GOOD)[:1]
    (made,) = corrected(listed, row(pm2_5="100.0", humidity=humidity))
    value, flags = made["pm2_5@dry"]
    assert Decimal(value) == round(Decimal(100 / growth), 2) and flags is None


def test_epa_2021_is_its_formula():
    value = KINDS["epa-2021"].work(Decimal("20"), Decimal("50"), {})
    assert value == Decimal("0.524") * 20 - Decimal("0.0862") * 50 + Decimal("5.75")


def test_one_correction_builds_on_another_and_the_raw_value_stays(tmp_path):
    before = row(pm2_5="30.0", humidity="80")
    corrector = Corrector(read(tmp_path, GOOD), COLUMNS, COLUMNS, None)
    assert [column.name for column in corrector.columns[3:]] == ["pm2_5@dry", "pm2_5@dry@kerb-2026"]
    (after,) = corrector.each(iter([before]))
    names = {column.name: text for column, text in after.values.items()}
    # 30 / 1.9697 = 15.23, and 1.25 of that less 2.
    assert names == {
        "pm2_5": "30.0",
        "humidity": "80",
        "pm2_5@dry": "15.23",
        "pm2_5@dry@kerb-2026": "17.038",
    }
    assert before.values == {PM: "30.0", HUMIDITY: "80"} and not after.flags


def test_flags_go_with_the_value_and_damp_air_is_what_was_corrected(tmp_path):
    listed = read(tmp_path, GOOD)[:1]
    (made,) = corrected(
        listed, row(pm2_5="30.0", humidity="80", flags={"pm2_5": ["spike", "humid"]})
    )
    assert made["pm2_5@dry"] == ("15.23", ["spike"])
    (made,) = corrected(listed, row(pm2_5="30.0", humidity="80", flags={"pm2_5": ["humid"]}))
    assert made["pm2_5@dry"] == ("15.23", None)


def test_without_a_humidity_that_can_be_believed_there_is_no_corrected_value(tmp_path):
    listed = read(tmp_path, GOOD)[:1]
    for one in (
        row(pm2_5="30.0"),
        row(pm2_5="30.0", humidity="80", flags={"humidity": ["stuck"]}),
    ):
        assert corrected(listed, one)[0]["pm2_5@dry"] == (None, ["no_humidity"])
    (made,) = corrected(listed, row(humidity="80", flags={"pm2_5": ["no_answer"]}))
    assert made["pm2_5@dry"] == (None, None)


def test_a_co_location_holds_for_its_node_and_its_time_only(tmp_path):
    listed = read(tmp_path, GOOD)
    moments = (START_MS - 1, START_MS, START_MS + DAY_MS - 1, START_MS + DAY_MS, None)
    rows = [row(time_ms, pm2_5="30.0", humidity="80") for time_ms in moments]
    rows.append(row(node="n2", pm2_5="30.0", humidity="80"))
    made = [one["pm2_5@dry@kerb-2026"] for one in corrected(listed, *rows)]
    good = ("17.038", None)
    assert made == [(None, None), good, good, (None, ["expired"]), (None, None), (None, None)]
    assert all(one["pm2_5@dry"][0] == "15.23" for one in corrected(listed, *rows))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('kind = "linear"', 'kind = "magic"', "correction[1].kind: needs one of kappa-koehler"),
        ("kappa = 0.4", "", "correction[0].kappa: needs a number from 0.01 to 1.5"),
        ("kappa = 0.4", "kappa = nan", "correction[0].kappa: needs a number"),
        ("kappa = 0.4", "kapa = 0.4", "correction[0]: unknown key 'kapa'"),
        ("slope = 1.25", "slope = 0", "correction[1].slope: needs a number from 0.01 to 100"),
        ("until = 2026-05-12", "", "correction[1]: needs node and until"),
        ('node = "n1"', "", "correction[1]: needs node and until"),
        ("until = 2026-05-12", "until = 2026-05-11", "correction[1].until: is not after from"),
        ("until = 2026-05-12", 'until = "soon"', "correction[1].until: needs a date"),
        ('"kerb-2026"', '"dry"', "correction[1].id: is there twice"),
        ('"kerb-2026"', '"K@"', "correction[1].id: 'K@' has 'K'"),
        ('channel = "pm2_5"\n', "", "correction[0].channel: needs a channel's name"),
        ("[[correction]]", "[correction]", "not TOML"),
        (GOOD, "", "needs [[correction]]"),
        (GOOD, EPA.replace("_standard", ""), "one that ends with pm2_5_standard"),
        (GOOD, EPA.replace("pms5003", "sds011"), "[0].sensor: needs one of pms5003, pms7003, pmsa"),
        (GOOD, EPA.replace('sensor = "pms5003"', ""), "correction[0].sensor: needs one of pms5003"),
        ("kappa = 0.4", 'sensor = "pms5003"', "correction[0]: unknown key 'sensor'"),
    ],
)
def test_a_wrong_file_is_one_line_with_the_key_that_is_wrong(tmp_path, old, new, part):
    assert old in GOOD
    with pytest.raises(UserError) as error:
        read(tmp_path, GOOD.replace(old, new))
    assert part in str(error.value) and "c.toml: " in str(error.value)


def test_what_a_correction_cannot_be_made_of_is_refused(tmp_path):
    listed = read(tmp_path, GOOD)
    with pytest.raises(UserError, match=r"'kerb-2026': there is no channel 'pm2_5@dry'"):
        Corrector(listed[1:], COLUMNS, COLUMNS, None)
    epa = read(tmp_path, EPA)
    with pytest.raises(UserError, match=r"'epa' is for averages: add --every 1h"):
        Corrector(epa, COLUMNS, COLUMNS, 900_000)
    further = read(tmp_path, GOOD.replace('"pm2_5"', '"pm2_5_standard@epa"'))[:1]
    with pytest.raises(UserError, match=r"'pm2_5_standard@epa' is the last"):
        Corrector(epa + further, COLUMNS, COLUMNS, HOUR_MS)
    # A gas in other units is no dust.
    gas = Column("pm2_5", "ppb")
    assert Corrector(listed[:1], [gas], [gas], None).columns == [gas]


@pytest.mark.parametrize(("text", "ms"), [("10s", 10_000), ("15m", 900_000), ("1h", HOUR_MS)])
def test_spans_are_parts_of_a_day(text, ms):
    assert averages.parse(text) == ms and averages.parse("1d") == DAY_MS


@pytest.mark.parametrize("text", ["", "h", "0m", "7m", "1.5h", "-1h", "2d", "1w", "99999999s"])
def test_what_is_no_part_of_a_day_is_refused(text):
    with pytest.raises(ValueError):
        averages.parse(text)


def test_an_average_is_of_values_without_a_flag_and_says_of_how_many():
    rows = [
        row(START_MS + 10_000, pm2_5="10.0"),
        row(START_MS + 20_000, pm2_5="99.0", flags={"pm2_5": ["spike"]}),
        row(START_MS + 30_000, flags={"pm2_5": ["no_answer"]}),
        row(START_MS + HOUR_MS, pm2_5="10.5"),
        row(START_MS + HOUR_MS + 1, pm2_5="7.0"),
    ]
    first, second = averages.averaged(iter(rows), HOUR_MS)
    assert (first.time_ms, second.time_ms) == (START_MS, START_MS + HOUR_MS)
    told = {str(column): text for column, text in first.values.items()}
    assert told == {"pm2_5 [ug/m3]": "10.25", "pm2_5 valid": "2", "expected": "360"}
    assert first.flags == {PM: ["spike", "no_answer"]}
    assert [column.name for column in averages.columns([PM, P85])] == [
        "pm2_5",
        "pm2_5 valid",
        "expected",
    ]


def test_rows_without_a_time_are_in_no_average_and_streams_keep_apart():
    rows = [row(None, pm2_5="1.0"), row(pm2_5="1.0"), row(stream="b", pm2_5="3.0")]
    made = list(averages.averaged(iter(rows), HOUR_MS))
    # A row at an interval's beginning tells of the time before it.
    assert [(one.stream, one.time_ms) for one in made] == [
        ("air", START_MS - HOUR_MS),
        ("b", START_MS - HOUR_MS),
    ]


@pytest.mark.parametrize(
    ("column", "texts", "mean"),
    [
        (Column("laeq", "dB(A)"), ["60.0", "70.0"], "67.40"),
        (Column("lamax", "dB(A)"), ["60.0", "81.5", "70.0"], "81.5"),
        (Column("wind_direction", "deg"), ["350", "20"], "5.0"),
        (Column("vehicles_total", "1"), ["17", "30"], "30"),
        (Column("temperature", "degC"), ["-0.50", "0.00"], "-0.250"),
        (Column("voc_index", "1"), ["100", "101"], "100.5"),
    ],
)
def test_each_unit_has_a_mean_of_its_own(column, texts, mean):
    rows = [
        Row("n1", "x", START_MS + 1 + i, None, 1, 1000, {column: text}, {})
        for i, text in enumerate(texts)
    ]
    (made,) = averages.averaged(iter(rows), HOUR_MS)
    assert made.values[column] == mean


def test_a_mean_speed_weighs_as_much_as_its_vehicles_and_percentiles_have_no_mean():
    rows = [
        row(START_MS + 300_000, period_ms=300_000, vehicles="1", speed_mean="80.0", speed_p85="80"),
        row(START_MS + 600_000, period_ms=300_000, vehicles="3", speed_mean="40.0", speed_p85="50"),
        row(START_MS + 900_000, period_ms=300_000, vehicles="0"),
    ]
    (made,) = averages.averaged(iter(rows), 900_000)
    told = {str(column): text for column, text in made.values.items()}
    assert told["speed_mean [km/h]"] == "50.00" and told["speed_mean valid"] == "2"
    assert told["vehicles [1]"] == "1.3" and told["expected"] == "3"
    assert "speed_p85 [km/h]" not in told


def test_a_directions_means_weigh_as_much_as_its_vehicles_and_its_percentile_has_no_mean():
    names = ("vehicles_leaving", "speed_mean_leaving", "headway_mean_leaving", "speed_p85_leaving")
    rows = [
        Row("n1", "x", START_MS + 1 + i, None, 1, 1000, dict(zip(map(_column, names), texts)), {})
        for i, texts in enumerate((("1", "80.0", "9.0", "80"), ("3", "40.0", "1.0", "50")))
    ]
    (made,) = averages.averaged(iter(rows), HOUR_MS)
    told = {column.name: text for column, text in made.values.items()}
    assert told["speed_mean_leaving"] == "50.00" and told["headway_mean_leaving"] == "3.00"
    assert "speed_p85_leaving" not in told


def _column(name):
    return Column(name, "")


AIR = schema.describe(
    "air",
    10_000,
    [["pm2_5", "ug/m3", 10], ["pm2_5_standard", "ug/m3", 1], ["humidity", "%RH", 100]],
)


@pytest.fixture
def path(tmp_path):
    """An hour and a half of damp air, the first half hour of it too damp for the sensor."""
    path = tmp_path / "k.db"
    db, store = open_store(path)
    store.add([schema_message(AIR)])
    for part in range(3):
        store.add([message("frames", _half_hour(part, damp=part == 0))])
    db.close()
    return path


def _half_hour(part, damp):
    times = [START_MS + part * 1_800_000 + 10_000 * i for i in range(1, 181)]
    columns = [[value] * len(times) for value in (300, 40, 8000)]
    marks = [[16] * len(times)] * 2 + [None] if damp else None
    one = frame.Frame(
        schema.ident(AIR), part, 1, 1, None, times=times, columns=columns, flags=marks
    )
    return frame.encode(one)


def test_an_hour_has_raw_and_corrected_means_with_their_counts(path, tmp_path):
    listed = read(tmp_path, GOOD + EPA)
    out = io.StringIO()
    with contextlib.closing(database.open_existing(path)) as db:
        selection = Selection(from_ms=START_MS, until_ms=START_MS + HOUR_MS)
        assert export(db, selection, "csv", out, listed, HOUR_MS) == 1
    (line,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert line["time"] == "2026-05-11T00:00:00.000Z" and line["expected"] == "360"
    # Half of the raw values count; of the corrected ones all.
    assert (line["pm2_5 [ug/m3]"], line["pm2_5 valid"]) == ("30.00", "180")
    assert (line["pm2_5@dry [ug/m3]"], line["pm2_5@dry valid"]) == ("15.230", "360")
    assert line["pm2_5@dry@kerb-2026 [ug/m3]"] == "17.0380"
    # 0.524 * 40 - 0.0862 * 80 + 5.75
    assert line["pm2_5_standard@epa [ug/m3]"] == "19.81"
    assert line["pm2_5_standard@epa valid"] == "360"
    assert line["flags"] == "pm2_5:humid pm2_5_standard:humid"


def kista(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return end.value.code


def test_the_command_takes_corrections_and_spans(path, tmp_path, capsys):
    file = tmp_path / "c.toml"
    file.write_text(GOOD)
    db = ("--db", f"sqlite:///{path}")
    assert kista("export", *db, "--correct", file, "-o", "-") == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(lines) == 540 and {line["pm2_5@dry [ug/m3]"] for line in lines} == {"15.23"}
    assert {line["pm2_5 [ug/m3]"] for line in lines} == {"30.0"}
    assert kista("export", *db, "--every", "15m", "--format", "jsonl", "-o", "-") == 0
    assert capsys.readouterr().out.count('"expected": 90') == 6
    assert kista("export", *db, "--every", "7m", "-o", "-") == 2
    assert "'7m' is no part of a day" in capsys.readouterr().err
    file.write_text(EPA)
    assert kista("export", *db, "--correct", file, "-o", "-") == 1
    assert "add --every 1h" in capsys.readouterr().err
