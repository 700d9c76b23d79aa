import json
import subprocess
from pathlib import Path

import pytest
from pty_board import PATHS

from host_tools import boards, build

DARK = [0, 0, 0]
TIMING = [400, 850, 800, 450]


def wire(name, settings):
    """Return (what the HAL did, whether it is on line, whether it loaded the modem's part)."""
    result = subprocess.run(
        [*build.micropython("1M"), str(Path(__file__).parent / "wired.py")],
        input=json.dumps([boards.load(name), settings]),
        env={"MICROPYPATH": ":".join(map(str, PATHS))},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_a_board_with_ethernet_joins_by_it():
    done, up, lte = wire("olimex_esp32_poe", {"ethernet": {}})
    made = {
        "mdc": "pin 23",
        "mdio": "pin 18",
        "power": "pin 12",
        "reset": "None",
        "ref_clk": "pin 17",
        "ref_clk_mode": "3",
        "phy_type": "0",
        "phy_addr": "0",
    }
    # It has no LED either.
    assert done == [["lan", made], ["lan", True]] and up and not lte


def test_a_board_with_a_modem_asks_it_and_its_led_is_lit_by_a_low_level():
    done, up, lte = wire("lilygo_t_sim7000g", {"lte": {"apn": "iot"}})
    assert done == [
        ["uart", 1, 115200, 27, 26],
        ["modem", "ATE0\r"],
        ["pin", 12, False],
        ["pin", 12, True],
    ]
    assert not up and lte


@pytest.mark.parametrize("name, pin", [("esp32s3_generic", 38), ("esp32c3_generic", 8)])
def test_a_led_with_colours_is_sent_them(name, pin):
    done, _, _ = wire(name, {"wifi": []})
    assert done == [
        ["colours", f"pin {pin}", 0, TIMING, [16, 0, 0]],
        ["colours", f"pin {pin}", 0, TIMING, DARK],
    ]


def test_a_shared_bus_goes_as_slowly_as_one_sensor_needs():
    done, _, _ = wire("esp32_generic", {"wifi": [], "i2c": [100000, 50000, 100000]})
    opened = [operation for operation in done if operation[0] == "i2c"]
    assert opened == [["i2c", 0, "pin 22", "pin 21", freq] for freq in (100000, 50000, 50000)]


def test_contacts_are_pulled_up_and_heard_by_interrupt():
    pulses = [[["pulse1"], False], [["pulse1", "pulse2"], True]]
    done, _, _ = wire("esp32_generic", {"wifi": [], "pulse": pulses})
    one = [["pull", 4, 1, 2], ["interrupt", 4, 2], ["edges", [0]]]
    two = [["pull", 4, 1, 2], ["pull", 19, 1, 2], ["interrupt", 4, 3], ["interrupt", 19, 3]]
    assert [operation for operation in done if operation[0] != "pin"] == one + two + [
        ["edges", [0, 2]]
    ]
