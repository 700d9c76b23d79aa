import copy
import json

import pytest

from gateway import flags
from host_tools import build, cli, doctor
from host_tools.doctor import GREEN, GREY, RED, YELLOW, examine

# What a node on a good day says (recorded from a board on a pty).
GOOD = {
    "link": {"state": "online", "reason": "", "failure": "", "acked": 12},
    "rssi": -61,
    "clock": "ntp",
    "clock_refused": "",
    "time_ms": 1790000000000,
    "uptime_s": 10800,
    "version": "0.1.0",
    "python": "micropython 1.26.1",
    "lost": [],
    "waiting": 1,
    "broker": "mqtt.city:8883",
    "boots": 1,
    "reset": "power",
    "rows": 1080,
    "reasons": [],
    "safe_mode": False,
    "sensors": {
        "dust": [0, 0, "sds011", [50, 84], [0, 0]],
        "bme280": [1, 0, "bme280", [2150, 4000, 101325], [0, 0, 0]],
    },
    "board": "esp32_generic",
    "node": "post-17",
    "configuration": "proven",
    "last_error": "",
}


def lights(report):
    return {finding.what: finding.light for finding in examine(report)}


def changed(**what):
    report = copy.deepcopy(GOOD)
    for key, value in what.items():
        if isinstance(value, dict):
            report[key].update(value)
        else:
            report[key] = value
    return report


def test_a_good_day_is_green_and_says_what_the_sensors_read():
    found = {finding.what: finding for finding in examine(GOOD)}
    assert {finding.light for finding in found.values()} == {GREEN}
    assert not any(finding.do for finding in found.values())
    assert found["dust"].says == "pm2_5 5 ug/m3, pm10 8.4 ug/m3"
    assert found["bme280"].says == "temperature 21.5 degC, humidity 40 %RH, pressure 1013.25 hPa"
    assert found["power"].says == "running for 3 h"
    assert found["time"].says.startswith("2026-09-21 14:13:20 UTC")


NO_ANSWER, BAD_DATA = [flags.NO_ANSWER] * 2, [flags.BAD_DATA] * 2


@pytest.mark.parametrize(
    ("what", "line", "light", "part"),
    [
        ({"last_error": "ValueError: x"}, "power", YELLOW, "ValueError: x"),
        ({"reset": "watchdog"}, "power", YELLOW, "it hung"),
        ({"boots": 9, "uptime_s": 60}, "power", YELLOW, "started 9 times"),
        ({"reasons": ["configuration: node: bad"]}, "configuration", RED, "refused: node: bad"),
        ({"safe_mode": True}, "configuration", RED, "safe mode"),
        ({"configuration": "new"}, "configuration", YELLOW, "on trial"),
        ({"configuration": "late"}, "configuration", YELLOW, "the old one works"),
        ({"sensors": {"dust": [0, 0, "sds011", [], []]}}, "dust", YELLOW, "no reading yet"),
        (
            {"sensors": {"dust": [9, 0, "sds011", [None] * 2, NO_ANSWER]}},
            "dust",
            RED,
            "does not answer",
        ),
        (
            {"sensors": {"dust": [0, 9, "sds011", [None] * 2, BAD_DATA]}},
            "dust",
            RED,
            "sends wrong data",
        ),
        (
            {"sensors": {"dust": [0, 0, "sds011", [20000, 5], [2, 0]]}},
            "dust",
            YELLOW,
            "2000 ug/m3, pm10 0.5 ug/m3: outside",
        ),
        (
            {"sensors": {"dust": [100, 0, "sds011", [1, 5], [0, 0]]}},
            "dust",
            YELLOW,
            "missed 100 readings",
        ),
        ({"sensors": {"dust": [0, 0, "sds011", [1, 5], [1, 1]]}}, "dust", GREEN, "warming up"),
        ({"sensors": {"dust": [0, 0, "sds011", [1, 5], [16, 16]]}}, "dust", GREEN, "too damp"),
        (
            {"sensors": {"dust": [0, 0, "sds011", [1, 5], [4, 0]]}},
            "dust",
            YELLOW,
            "always the same",
        ),
        ({"sensors": {"dust": [0, 0, "sds011", [1, 5], [32, 0]]}}, "dust", YELLOW, "otherwise"),
        ({"sensors": {"dust": [0, 0, "sds011", [1, 5], [128, 0]]}}, "dust", YELLOW, "a fault"),
        # One value is missing, which is no disagreement.
        ({"sensors": {"dust": [0, 0, "sds011", [1, None], [0, 32]]}}, "dust", GREEN, "pm10 -"),
        ({"sensors": {"dust": [0, 0, "own", [1, 5], [0, 0]]}}, "dust", GREEN, "0 1, 1 5"),
        ({"sensors": {"dust": [0, 0, "own", [1, 5], [0, 0], 9]}}, "dust", GREEN, "0 1, 1 5"),
        (
            {"sensors": {"dust": [0, 0, "sds011", [1, 5], [0, 0], 7999, "set so"]}},
            "dust",
            GREEN,
            "0.5 ug/m3; set so; awake 7,999 of 8,000 h",
        ),
        (
            {"sensors": {"dust": [0, 0, "sds011", [1, 5], [0, 0], None, "", 3]}},
            "dust",
            YELLOW,
            "input lost 3 times",
        ),
        (
            {"sensors": {"dust": [0, 0, "sds011", [1, 5], [0, 0], 8000]}},
            "dust",
            YELLOW,
            "it has outlived itself",
        ),
        ({"rssi": -72}, "network", YELLOW, "weak"),
        ({"rssi": -85}, "network", RED, "too weak"),
        ({"rssi": None}, "network", GREEN, "connected"),
        ({"way": "lte", "rssi": -85}, "network", GREEN, "LTE -85 dBm, good"),
        ({"way": "lte", "rssi": -95}, "network", YELLOW, "LTE -95 dBm, weak"),
        ({"way": "lte", "rssi": -105}, "network", RED, "LTE -105 dBm, too weak"),
        ({"way": "ethernet", "rssi": None}, "network", GREEN, "connected by Ethernet"),
        (
            {"link": {"state": "no network", "reason": "wrong Wi-Fi password"}},
            "network",
            RED,
            "wrong Wi-Fi password",
        ),
        (
            {"link": {"state": "waiting", "reason": "no address for mqtt.city (-2)"}},
            "name resolution",
            RED,
            "no address for mqtt.city",
        ),
        (
            {"link": {"state": "waiting", "reason": "TLS: invalid cert"}},
            "broker",
            RED,
            "TLS: invalid cert",
        ),
        (
            {"link": {"state": "connecting", "reason": "", "failure": ""}},
            "broker",
            YELLOW,
            "connecting",
        ),
        ({"clock": "", "clock_refused": "no answer"}, "time", YELLOW, "not set yet (no answer)"),
        ({"waiting": 200}, "memory", YELLOW, "frames waiting: 200"),
        ({"lost": [[3, 5], [9, 9]]}, "memory", YELLOW, "frames lost: 4"),
        ({"version": "0.0.9"}, "versions", YELLOW, "firmware 0.0.9"),
    ],
)
def test_each_trouble_has_its_line_its_light_and_what_to_do(what, line, light, part):
    report = changed(**what)
    found = {finding.what: finding for finding in examine(report)}
    assert found[line].light == light and part in found[line].says
    assert bool(found[line].do) == (light != GREEN)
    # Nothing else has changed but what depends on it.
    others = {name: one for name, one in lights(report).items() if name != line}
    allowed = {GREEN, GREY} if line in ("network", "name resolution") else {GREEN}
    assert set(others.values()) <= allowed, others


def test_what_stands_behind_a_red_light_on_the_way_is_not_known():
    report = changed(link={"state": "no network", "reason": "Wi-Fi network not found"})
    assert [lights(report)[name] for name in ("network", "name resolution", "broker")] == [
        RED,
        GREY,
        GREY,
    ]
    report = changed(link={"state": "unconfigured", "reason": "no broker is configured"})
    report["broker"] = None
    assert lights(report)["broker"] == RED and lights(report)["network"] == GREY


@pytest.mark.parametrize(
    "reason",
    ["TLS: expired", "connection refused", "broker refuses: protocol version", "odd", "ECONNRESET"],
)
def test_every_reason_that_the_link_can_give_has_its_advice(reason):
    report = changed(link={"state": "waiting", "reason": reason, "failure": reason})
    broker = next(finding for finding in examine(report) if finding.what == "broker")
    assert broker.light == RED and broker.do and reason in broker.says


def test_a_report_of_another_firmware_is_no_traceback():
    for report in ({}, {"sensors": {}}, {"link": {}}, json.loads('{"lost": [], "rssi": -90}')):
        assert examine(report)


def test_the_command_needs_to_know_which_node(capsys):
    for arguments in ([], ["--node", "post-17"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["doctor", *arguments])
        assert ended.value.code == 2 and "--broker" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--port", "/dev/no-such-port"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("kista: /dev/no-such-port: cannot be opened")
    assert doctor._span(59) == "59 s" and doctor._span(7200) == "2 h"


def test_what_helps_with_a_network_is_said_for_what_a_node_can_say():
    said = "".join(
        (build.FIRMWARE / "gateway" / name).read_text()
        for name in ("links.py", "ethernet.py", "lte.py")
    )
    for reason in doctor.NETWORK:
        assert f'"{reason}"' in said, reason
