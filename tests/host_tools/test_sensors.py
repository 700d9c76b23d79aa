"""`kista sensors` and docs/sensors.md say of each sensor what its driver and its model say."""

import types

import pytest

from host_tools import catalogue, cli, sensors_page
from host_tools.errors import UserError


def _kista(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    return stop.value.code


def test_the_page_is_what_the_drivers_say_today():
    fresh = sensors_page.page(catalogue.everything())
    assert sensors_page.PATH.read_text() == fresh, "docs/sensors.md is out of date: run `make docs`"


def test_the_page_has_a_line_and_a_section_for_each_driver():
    page = sensors_page.PATH.read_text()
    for name in catalogue.names():
        assert page.count(f"| [{name}](#{name}) |") == 1 and page.count(f"\n## {name}\n") == 1
        # In the table and in the section.
        assert page.count(f"(../tests/drivers/test_{name}.py)") == 2


def test_the_command_lists_every_sensor(capsys):
    assert _kista("sensors") == 0
    head, *lines = capsys.readouterr().out.strip().splitlines()
    assert head.split("\t") == list(catalogue.OVERVIEW)
    told = {line.split("\t")[0]: line.split("\t") for line in lines}
    assert list(told) == catalogue.names()
    assert told["sds011"][2] == "UART 9600 8N1"
    assert told["sds011"][3] == "pm2_5, pm10: 0.1 µg/m³, 0 to 999.9"
    assert told["sds011"][-1] == "tests/drivers/test_sds011.py"
    assert told["bme280"][2] == "I²C 100 kHz, 0x76 or 0x77"


def test_the_overview_shortens_a_long_list_and_the_sensors_own_table_does_not(capsys):
    assert _kista("sensors") == 0
    assert "vehicles_0_20_approaching … vehicles_80_up_leaving (14): 1," in capsys.readouterr().out
    assert _kista("sensors", "ld2451") == 0
    assert "vehicles_30_40_leaving" in capsys.readouterr().out


def test_the_command_tells_all_of_one_sensor(capsys):
    assert _kista("sensors", "sds011") == 0
    told = capsys.readouterr().out
    for text in ("warm-up\t30 s", "TXD (3.3 V)\tRX of a UART", "tests/drivers/test_sds011.py"):
        assert text in told
    assert told.index("what to distrust") < told.index("It counts water as dust")


def test_markdown_is_the_page_or_a_section_of_it(capsys):
    assert _kista("sensors", "--markdown") == 0
    page = capsys.readouterr().out
    assert page == sensors_page.PATH.read_text()
    assert _kista("sensors", "bme280", "--markdown") == 0
    assert capsys.readouterr().out in page


def test_an_unknown_sensor_is_one_line_with_those_that_there_are(capsys):
    assert _kista("sensors", "sds999") == 1
    message = capsys.readouterr().err
    assert "'sds999'" in message and "sds011" in message and message.count("\n") == 1


def test_a_model_without_facts_is_named_with_what_it_lacks(monkeypatch):
    from host_tools.twin.sensors import sds011

    monkeypatch.delattr(sds011, "FACTS")
    with pytest.raises(UserError, match=r"sensors/sds011.py: FACTS lack sensor, measures"):
        catalogue.load("sds011")


def test_channels_alike_stand_together_in_units_people_write():
    channels = (("a", "ug/m3", 10), ("b", "ug/m3", 10), ("c", "degC", 100), ("d", "1", 1))
    driver = types.SimpleNamespace(CHANNELS=channels)
    limits = ((0, 9999), (0, 9999), (-4000, 8550), (0, 2000000))
    assert catalogue.channels(driver, limits) == [
        "a, b: 0.1 µg/m³, 0 to 999.9",
        "c: 0.01 °C, -40 to 85.5",
        "d: 1, 0 to 2000000",
    ]
    assert catalogue.channels(driver, (None, None, None, (0, 5))) == ["d: 1, 0 to 5"]


def test_what_is_flagged_is_told_of_channels_alike():
    channels = (("a", "ug/m3", 10), ("b", "ug/m3", 10), ("c", "degC", 100), ("d", "1", 1))
    driver = types.SimpleNamespace(
        CHANNELS=channels, STUCK_ROWS=(9, 9, 0, 0), PAIR=((25, 30), (25, 30), (100, 0), 0)
    )
    dust = "stuck after 9 equal rows; disagrees beyond 2.5 µg/m³ and 30 %"
    assert catalogue.judged(driver) == [f"a, b: {dust}", "c: disagrees beyond 1 °C"]
    driver = types.SimpleNamespace(
        CHANNELS=channels, SPIKE=(0, 0, 0, 5), HUMIDITY_MOST=(70, 0, 0, 0)
    )
    assert catalogue.judged(driver) == [
        "a: humid from 70 %RH on",
        "d: spike beyond 5 from both before it",
    ]
    assert catalogue.judged(types.SimpleNamespace(CHANNELS=channels)) == []


def test_options_are_told_with_their_limits_or_choices():
    driver = types.SimpleNamespace(OPTIONS=(("far", 1, 9), ("mode", ("slow", "fast"))))
    sensor = catalogue.Sensor("x", driver, None, {"options": {"far": "in m"}})
    assert catalogue.options(sensor).rows == [
        ("far", "1 to 9", "in m"),
        ("mode", "slow, fast", ""),
    ]
