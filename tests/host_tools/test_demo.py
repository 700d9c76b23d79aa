"""The demo from end to end: what goes into the sensors comes out of the database."""

import pytest

from host_tools import cli
from host_tools.demo.show import Demo

SDS = "sensor_id;sensor_type;location;lat;lon;timestamp;P1;durP1;ratioP1;P2;durP2;ratioP2\n"


def _run(tmp_path, *recordings):
    return Demo(tmp_path, list(recordings), 1, 100_000, hours=6).run(lambda: None)


@pytest.mark.slow(30)
def test_a_short_day_with_an_outage_and_a_power_cut_arrives_whole(tmp_path):
    outcome = _run(tmp_path)
    assert outcome.good and outcome.audit.taken > 2100
    assert outcome.audit.stored + outcome.audit.died == outcome.audit.taken
    assert 0 < outcome.audit.died <= 7 and outcome.audit.youngest_death_ms <= 60_000
    assert outcome.json_bytes > 10 * outcome.wire_bytes


@pytest.mark.slow(8)
def test_recordings_come_out_as_they_went_in(tmp_path):
    air = tmp_path / "2018-01-10_sds011_sensor_1.csv"
    lines = [
        f"1;SDS011;1;57.1;-2.0;2018-01-10T00:{minute:02d}:06;{20 + minute}.53;;;{minute}.40;;"
        for minute in range(0, 60, 3)
    ]
    air.write_text(SDS + "\n".join(lines) + "\nbroken line\n")
    weather = tmp_path / "weather.csv"
    weather.write_text(
        "time,temperature,humidity,pressure\n"
        + "".join(
            f"2018-01-10T00:{minute:02d}:10Z,{-3.25 + minute / 20:.2f},61.5,1003.1{minute % 10}\n"
            for minute in range(0, 60, 5)
        )
    )
    traffic = tmp_path / "traffic.csv"
    traffic.write_text(
        "time,vehicles,speed_mean\n"
        + "".join(
            f"2018-01-10T00:{minute:02d}:00Z,{minute},{30 + minute}\n" for minute in range(5, 60, 5)
        )
    )
    outcome = _run(tmp_path, air, weather, traffic)
    assert outcome.good and outcome.replay.different == 0
    assert outcome.replay.equal == 20 * 2 + 12 * 3 + 11 * 2
    assert outcome.recording.rounded == 20
    assert outcome.recording.skipped == {"wrong number of cells": 1}


def test_a_recording_that_no_sensor_could_play_is_refused(tmp_path, capfd):
    path = tmp_path / "x.csv"
    path.write_text("time,unicorns\n2018-01-10T00:00:00Z,3\n")
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", "--recording", str(path)])
    assert stop.value.code == 1
    message = capfd.readouterr().err
    assert "no column is named like" in message and message.count("\n") == 1
