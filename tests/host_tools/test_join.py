import json
import subprocess
from pathlib import Path

from pty_board import PATHS

from host_tools import build


def join(wanted, air, seconds, *change):
    """Return [[second, what the link says], …] of the chip's own link in a world of that `air`."""
    arguments = [json.dumps(wanted), json.dumps(air), str(seconds)]
    arguments += [json.dumps(change)] if change else []
    result = subprocess.run(
        [*build.micropython("1M"), str(Path(__file__).with_name("join.py")), *arguments],
        env={"MICROPYPATH": ":".join(map(str, PATHS))},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def network(ssid, password):
    return {"ssid": ssid, "password": password}


def test_a_wrong_password_then_the_right_one_joins_without_a_reset():
    wanted = [network("city", "wrong123"), network("city", "right123")]
    heard = join(wanted, {"city": "right123"}, 120)
    assert [why for _, why in heard] == ["not joined yet", "wrong Wi-Fi password", ""]
    assert heard[-1][0] <= 30


def test_of_several_networks_the_one_that_is_there_is_found_again_and_again():
    wanted = [network("depot", "12345678"), network("street", "12345678")]
    heard = join(wanted, {"street": "12345678"}, 300)
    assert [why for _, why in heard] == ["not joined yet", "Wi-Fi network not found", ""]
    heard = join(wanted, {}, 7200, 3600, {"depot": "12345678"})
    # An hour without any, and no reset: then it joins within one turn of both.
    assert heard[-1][1] == "" and 3600 <= heard[-1][0] <= 3650


def test_a_password_that_is_changed_at_the_access_point_is_found_right_later():
    heard = join(
        [network("city", "new-pass")], {"city": "old-pass"}, 1000, 500, {"city": "new-pass"}
    )
    assert [why for _, why in heard] == ["not joined yet", "wrong Wi-Fi password", ""]
    assert 500 <= heard[-1][0] <= 530
