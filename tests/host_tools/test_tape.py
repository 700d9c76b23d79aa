from collections import Counter
from pathlib import Path

import pytest

from host_tools.errors import UserError
from host_tools.twin import run, source, tape

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ARCHIVE_HEAD = (
    "sensor_id;sensor_type;location;lat;lon;timestamp;P1;durP1;ratioP1;P2;durP2;ratioP2\n"
)
MAY = 1_778_457_600_000  # 2026-05-11T00:00:00Z


def archive_line(time, p1, p2):
    return f"5331;SDS011;3121;57.138;-2.077;{time};{p1};;;{p2};;\n"


@pytest.fixture
def make(tmp_path):
    """Return a function that writes a recording and reads it."""

    def _make(text, name="recording.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tape.read([path])

    return _make


def test_an_archive_file_becomes_the_sensors_integers(make):
    recording = make(
        ARCHIVE_HEAD
        + archive_line("2026-05-11T00:00:06", "52.80", "24.50")
        + archive_line("2026-05-11T00:02:34", "58.53", "23.20")
        + archive_line("2026-05-11T00:05:02", "", "23.25")
    )
    assert recording.channels == {"sds011": ["pm10", "pm2_5"]}
    assert recording.rows["sds011"] == {
        MAY + 6000: [528, 245],
        MAY + 154_000: [585, 232],
        MAY + 302_000: [None, 233],
    }
    # 58.53 and 23.25: the sensor speaks tenths.
    assert recording.rounded == 2 and not recording.skipped


def test_a_traffic_file_becomes_the_counted_periods(make, tmp_path):
    recording = make(
        "status,avgMeasuredTime,avgSpeed,extID,medianMeasuredTime,TIMESTAMP,vehicleCount,_id,"
        "REPORT_ID\n"
        "OK,74,50,668,74,2026-05-11T00:05:00,5,20746220,158324\n"
        "OK,73,51.5,668,73,2026-05-11T00:10:00,6,20746392,158324\n"
    )
    assert recording.channels == {"ld2451": ["speed_mean", "vehicles"]}
    assert recording.rows["ld2451"] == {MAY + 300_000: [500, 5], MAY + 600_000: [515, 6]}
    played = source.Tape(recording.write(tmp_path)["ld2451"])
    assert played.interval(MAY) is None
    first = (MAY, MAY + 300_000, {"speed_mean": 500, "vehicles": 5})
    assert played.interval(MAY + 1) == played.interval(MAY + 300_000) == first
    assert played.interval(MAY + 300_001)[2] == {"speed_mean": 515, "vehicles": 6}
    assert played.interval(MAY + 600_001) is None


def test_broken_lines_are_counted_by_reason_and_the_rest_is_taken(make):
    recording = make(
        "time,pm2_5,pm10\n"
        "2026-05-11T00:00:00,1.0,2.0\n"
        "2026-05-11T00:00:10,1.0\n"  # half a line
        "2026-05-11T00:00:20,1.0,2.0,3.0\n"
        "yesterday,1.0,2.0\n"
        ",1.0,2.0\n"
        "NaN,1.0,2.0\n"
        "Infinity,1.0,2.0\n"
        "1e30,1.0,2.0\n"
        "-5,1.0,2.0\n"
        "2026-05-11T00:00:30,x,2.0\n"
        "2026-05-11T00:00:40,NaN,2.0\n"
        "2026-05-11T00:00:50,1e99,2.0\n"
        "2026-05-11T00:01:00,-1,2.0\n"
        "2026-05-11T00:01:10,6553.6,2.0\n"  # more than the sensor's 16 bits can say
        '2026-05-11T00:01:20,"1.0,2.0\n'  # a stray quotation mark
        "\n"
        "2026-05-11T00:01:30,3.0,4.0\n"
        "2026-05-11T00:01:30,5.0,6.0\n"
        '"2026-05-11T00:01:40","7.0","8.0"\r\n'
        "2026-05-11T00:01:5"  # where the disk was full
    )
    assert recording.rows["sds011"] == {
        MAY: [10, 20],
        MAY + 90_000: [50, 60],
        MAY + 100_000: [70, 80],
    }
    assert recording.skipped == Counter(
        {
            "wrong number of cells": 4,
            "time not readable": 6,
            "value not a number in range": 5,
            "time given twice, the later line holds": 1,
        }
    )
    assert recording.rounded == 0


def test_what_no_sensor_can_say_is_no_recording_of_it(make):
    recording = make("time,temperature,pressure\n0,-40.01,1000\n1,-40,1100.01\n2,20.005,1013.25\n")
    assert recording.rows == {"bme280": {2000: [2001, 101325]}}
    recording = make("time,vehicles\n0,240\n300,241\n600,1.5\n")
    assert recording.rows == {"ld2451": {0: [240], 600_000: [2]}}
    assert recording.rounded == 1


def test_a_mean_speed_of_no_vehicles_is_none(make):
    recording = make("time,vehicleCount,avgSpeed\n0,0,0\n300,0,51\n600,0,\n900,1,52\n")
    assert list(recording.rows["ld2451"].values()) == [[0, None], [0, None], [0, None], [1, 520]]
    assert recording.skipped == {"mean of no vehicles": 2}


def test_noise_is_refused_in_one_line(make):
    for text, said in (
        ("", "has no column `time`"),
        ("when,pm2_5\n1,2\n", "has no column `time`"),
        ("time,unicorns\n1,2\n", "no column is named like a sensor's channel; known are "),
        ("time,pm2_5\n", "it is empty"),
        ("time,pm2_5\nx,1\ny,1\n", "2 × time not readable"),
        ("time,vehicles,vehicleCount\n1,2,2\n", "two columns are 'vehicles'"),
        (bytes(range(256)) * 50, "has no column `time`"),
        ("x" * 200_000, "has no column `time`"),
        ("time,pm2_5\n1," + "9" * 200_000, "wrong number of cells"),
    ):
        with pytest.raises(UserError) as error:
            make(text)
        assert said in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match=str(path)):
            tape.read([path])


def test_files_are_joined_by_time_and_sensor(tmp_path):
    warm, damp, dust = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    warm.write_text("time,temperature\n10,20\n20,21\n")
    damp.write_text("time;humidity\n20;50\n30;51\n")
    dust.write_text("\ufefftime,P1,P2\n10,5,4\n")
    recording = tape.read([warm, damp, dust])
    assert recording.channels["bme280"] == ["temperature", "humidity"]
    assert recording.rows["bme280"] == {
        10_000: [2000, None],
        20_000: [2100, 5000],
        30_000: [None, 5100],
    }
    assert recording.rows["sds011"] == {10_000: [50, 40]}
    assert not recording.skipped
    rows = list(tape.rows_of(recording))
    assert len(rows) == 4 and ("bme280", 10_000, {"temperature": 2000}) in rows


def test_a_recording_is_played_by_the_sensors_that_are_fitted(tmp_path):
    path = tmp_path / "dust.csv"
    path.write_text("time,pm2_5\n10,5\n")
    assert tape.read([path]).rows == {"sds011": {10_000: [50]}}
    assert tape.read([path], {"pms5003"}).rows == {"pms5003": {10_000: [5]}}
    assert set(tape.PLAYERS) == {d for _, _, sensors in run.STREAMS for d in sensors}
    sensors = [{"driver": "sds011", "bus": "uart1"}, {"driver": "x", "bus": "i2c0"}]
    assert run.fitted({"streams": [{"sensors": sensors}]}) == {"sds011", "x"}
    for without in (None, {}, {"streams": 5}, {"streams": [{"sensors": [None]}]}):
        assert run.fitted(without) == set(tape.PLAYERS)


def test_a_model_says_what_is_usual_for_it_and_else_what_the_street_has():
    street = source.Generator(1)
    model = source.Generator(1, {"pm2_5": (20, 30), "co2": (400, 500)})
    times = range(MAY, MAY + source.DAY_MS, 1_234_567)
    assert all(20 <= model.value("pm2_5", t) <= 30 for t in times)
    assert all(400 <= model.value("co2", t) <= 500 for t in times)
    assert all(model.value("pm10", t) == street.value("pm10", t) for t in times)
    assert any(street.value("pm2_5", t) > 30 for t in times)
    assert street.value("co2", MAY) is None


def test_times_are_read_to_the_millisecond():
    for text, ms in (
        ("0", 0),
        ("1778457600", MAY),
        ("1778457600.123", MAY + 123),
        (" 1778457600.1234 ", MAY + 123),
        ("2026-05-11T00:00:00", MAY),
        ("2026-05-11 00:00:00", MAY),
        ("2026-05-11T00:00:00Z", MAY),
        ("2026-05-11T02:00:00+02:00", MAY),
        ("2026-05-11T00:00:00.250", MAY + 250),
        ("2026-05-11", MAY),
    ):
        assert tape.parse_time(text) == ms, text
    for text in ("", "x", "-1", "1e20", "NaN", "12:00", "2026-13-01"):
        with pytest.raises(ValueError):
            tape.parse_time(text)


def test_a_tape_plays_what_was_written_at_any_time_in_any_order(tmp_path):
    recording = tape.Recording({"sds011": {}}, {"sds011": ["pm10", "pm2_5"]})
    times = [MAY + 150_000 * i for i in range(40) if i not in (7, 8)]
    times += [MAY + 36_000_000 + 150_000 * i for i in range(40)]
    for i, time in enumerate(times):
        recording.rows["sds011"][time] = [i, None if i == 5 else 2 * i]
    played = source.Tape(recording.write(tmp_path)["sds011"])
    asked = sorted({t + d for t in times for d in (-1, 0, 1, 149_999)} | {MAY - 5, MAY * 2})
    for order in (asked, asked[::-1], asked[::3] + asked[1::3], [asked[-1], asked[0]] * 3):
        for t_ms in order:
            before = [i for i, time in enumerate(times) if time <= t_ms]
            i = before[-1] if before else None
            silent = i is None or t_ms - times[i] > source.HOLDS_MS
            assert played.value("pm10", t_ms) == (None if silent else i)
            fine = None if silent or i == 5 else 2 * i
            assert played.value("pm2_5", t_ms) == fine
            assert played.value("temperature", t_ms) is None
            assert played.interval(t_ms) is None
    first, last = times[0], times[37]
    assert recording.spans(3_600_000) == [(first, last), (times[38], times[-1])]


@pytest.mark.skipif(not DATA.exists(), reason="the recordings are not beside the project")
def test_the_recordings_beside_the_project_are_read_whole():
    dust = sorted((DATA / "sensor.community").glob("*.csv"))
    traffic = sorted((DATA / "aarhus").glob("*.csv"))
    recording = tape.read([*dust, *traffic])
    lines = sum(len(path.read_text().splitlines()) - 1 for path in dust)
    skipped = sum(recording.skipped.values())
    assert lines - skipped <= len(recording.rows["sds011"]) <= lines
    assert len(recording.rows["ld2451"]) == 5999
    assert len(recording.spans(source.HOLDS_MS)) > 1
