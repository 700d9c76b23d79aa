import json

from gateway import config
from support import raises

BOARD = {
    "name": "sim",
    "buses": {
        "uart1": {"kind": "uart", "pins": {"tx": 17, "rx": 16}},
        "uart2": {"kind": "uart", "pins": {"tx": 4, "rx": 16}},
        "uart3": {"kind": "uart", "pins": {"tx": 5, "rx": 18}},
        "i2c0": {"kind": "i2c", "pins": {"sda": 21, "scl": 22}},
    },
}


class Dust:
    BUS = "uart"
    MIN_PERIOD_MS = 1000
    CHANNELS = (("pm2_5", "ug/m3", 10), ("pm10", "ug/m3", 10))


class Weather:
    BUS = "i2c"
    MIN_PERIOD_MS = 2000
    CHANNELS = (("temperature", "C", 100),)
    ADDRESSES = (118, 119)
    OPTIONS = (("address", 118, 119), ("mode", ("calm", "quick")))


class Breath:
    BUS = "i2c"
    MIN_PERIOD_MS = 2000
    CHANNELS = (("co2", "ppm", 1), ("temperature", "C", 100))
    ADDRESSES = (119,)


class Pair(Dust):
    BUSES = 2
    CHANNELS = (("vehicles", "1", 1),)


def _load(name):
    drivers = {"dust": Dust, "weather": Weather, "breath": Breath, "pair": Pair}
    if name not in drivers:
        raise ImportError(name)
    return drivers[name]


def _good():
    return {
        "node": "post-17",
        "broker": {"host": "127.0.0.1"},
        "streams": [
            {
                "name": "air",
                "period_ms": 10000,
                "sensors": [
                    {"driver": "dust", "bus": "uart1"},
                    {"driver": "weather", "bus": "i2c0", "address": 118},
                ],
            }
        ],
    }


def _refused(change):
    settings = _good()
    change(settings)
    return raises(config.ConfigError, config.parse, json.dumps(settings), BOARD, _load)


def _set(*path):
    """Return a change: the last of `path` is put where the others lead to."""

    def change(settings):
        for key in path[:-2]:
            settings = settings[key]
        settings[path[-2]] = path[-1]

    return change


def test_config_good_one_comes_back_with_its_defaults():
    checked = config.parse(json.dumps(_good()), BOARD, _load)
    assert checked["broker"]["port"] == 1883 and checked["broker"]["keepalive_s"] == 60
    names = [channel[0] for channel in config.channels(checked["streams"][0], _load)]
    assert names == ["pm2_5", "pm10", "temperature"]


def test_config_names_the_field_that_is_wrong():
    first = ("streams", 0, "sensors", 0)
    cases = (
        (_set(*first, "driver", "sds999"), "streams[0].sensors[0].driver", "sds999"),
        (_set(*first, "driver", "../x"), "streams[0].sensors[0].driver", "../x"),
        (_set(*first, "driver", None), "streams[0].sensors[0].driver", "None"),
        (_set(*first, "bus", "uart9"), "streams[0].sensors[0].bus", "i2c0, uart1, uart2, uart3"),
        (_set(*first, "bus", "i2c0"), "streams[0].sensors[0].bus", "speaks uart"),
        (_set("streams", 0, "period_ms", 1500), "streams[0].period_ms", "2000"),
        (_set("streams", 0, "period_ms", 10.5), "streams[0].period_ms", "whole number"),
        (_set("streams", 0, "period_ms", True), "streams[0].period_ms", "whole number"),
        (_set("streams", 0, "name", "air/1"), "streams[0].name", "'/'"),
        (_set("node", "post#1"), "node", "'#'"),
        (_set("node", ""), "node", "1 to 32"),
        (_set("node", "x" * 33), "node", "1 to 32"),
        (_set("streams", []), "streams", "1 to 8"),
        (_set("streams", 0, "sensors", []), "streams[0].sensors", "1 to 12"),
        (_set("broker", {}), "broker.host", "host"),
        (_set("broker", "port", 70000), "broker.port", "65535"),
        (_set("broker", None), "broker", "object"),
        (_set("wifi", {}), "configuration", "'wifi'"),
        (_set("board", "esp32_generic"), "board", "'sim'"),
        (_set("time_servers", "a"), "time_servers", "list"),
    )
    for change, field, detail in cases:
        message = _refused(change)
        assert message.startswith(field + ":") and detail in message, message


def test_config_refuses_an_option_that_the_driver_does_not_have_or_not_so():
    field = "streams[0].sensors[1]"
    for key, value, wrong, detail in (
        ("address", 120, ".address", "from 118 to 119"),
        ("address", "118", ".address", "whole number"),
        ("address", True, ".address", "whole number"),
        ("address", None, ".address", "whole number"),
        ("mode", "fast", ".mode", "calm, quick"),
        ("mode", ["calm"], ".mode", "calm, quick"),
        ("adress", 118, "", "'adress'; known are driver, bus, name, address, mode"),
    ):
        message = _refused(_set("streams", 0, "sensors", 1, key, value))
        assert message.startswith(field + wrong + ":") and detail in message, message
    message = _refused(_set("streams", 0, "sensors", 0, "address", 118))
    assert "'address'; known are driver, bus, name" in message, message
    settings = _good()
    settings["streams"][0]["sensors"][1]["mode"] = "calm"
    checked = config.parse(json.dumps(settings), BOARD, _load)
    assert checked["streams"][0]["sensors"][1]["mode"] == "calm"


def test_config_refuses_a_pin_used_twice_but_shares_an_i2c_bus():
    def second_uart(settings):
        settings["streams"][0]["sensors"].append({"driver": "dust", "bus": "uart2", "name": "b"})

    message = _refused(second_uart)
    assert message.startswith("streams[0].sensors[2].bus: pin 16"), message

    def second_weather(settings, address=119):
        sensor = {"driver": "weather", "bus": "i2c0", "address": address, "name": "roof"}
        settings["streams"][0]["sensors"].append(sensor)

    settings = _good()
    second_weather(settings)
    checked = config.check(settings, BOARD, _load)
    names = [channel[0] for channel in config.channels(checked["streams"][0], _load)]
    assert names[-1] == "roof_temperature"
    message = _refused(lambda settings: second_weather(settings, 118))
    assert message.startswith("streams[0].sensors[2].address: 118 "), message


def test_config_hangs_a_pair_on_two_buses():
    def pair(**buses):
        settings = _good()
        settings["streams"][0]["sensors"][0] = dict(driver="pair", **buses)
        return settings

    checked = config.check(pair(bus="uart1", bus2="uart3"), BOARD, _load)
    assert checked["streams"][0]["sensors"][0]["bus2"] == "uart3"
    for buses, wrong in (
        ({"bus": "uart1"}, "bus2: board sim has no bus None"),
        ({"bus": "uart1", "bus2": "uart1"}, "bus2: pin 16 of uart1 is already used by uart1"),
        ({"bus": "uart1", "bus2": "uart2"}, "bus2: pin 16 of uart2 is already used by uart1"),
        ({"bus": "uart1", "bus2": "i2c0"}, "bus2: pair speaks uart, not i2c"),
    ):
        message = raises(config.ConfigError, config.check, pair(**buses), BOARD, _load)
        assert message.startswith("streams[0].sensors[0]." + wrong), message
    message = _refused(_set("streams", 0, "sensors", 0, "bus2", "uart3"))
    assert message.startswith("streams[0].sensors[0]: unknown key 'bus2'"), message


def test_config_tells_sensors_of_different_kinds_apart():
    breath = {"driver": "breath", "bus": "i2c0"}
    settings = _good()
    sensors = settings["streams"][0]["sensors"]
    sensors.append(breath)
    # Its one address is 119; the first of the other is 118, whether it is said or not.
    message = raises(config.ConfigError, config.parse, json.dumps(settings), BOARD, _load)
    assert "two sensors give 'temperature'; give each a name" in message, message
    breath["name"] = "room"
    checked = config.check(settings, BOARD, _load)
    names = [channel[0] for channel in config.channels(checked["streams"][0], _load)]
    assert names == ["pm2_5", "pm10", "temperature", "co2", "room_temperature"]
    sensors[1]["address"] = 119
    message = raises(config.ConfigError, config.parse, json.dumps(settings), BOARD, _load)
    assert message == "streams[0].sensors[2].address: 119 is already that of weather"
    del sensors[1]["address"]
    sensors.append({"driver": "weather", "bus": "i2c0", "address": 118, "name": "roof"})
    message = raises(config.ConfigError, config.parse, json.dumps(settings), BOARD, _load)
    assert message == "streams[0].sensors[3].address: 118 is already that of weather"


def test_config_never_repeats_a_password():
    message = _refused(_set("broker", "password", ["s3cret"]))
    assert message.startswith("broker.password") and "s3cret" not in message


def test_config_refuses_what_is_not_json_or_too_long():
    for text in ("", "{", "[]", "null", '"x"', "x" * 9000):
        raises(config.ConfigError, config.parse, text, BOARD, _load)


def test_config_salvages_enough_of_a_bad_one_to_connect_and_say_so():
    settings = _good()
    settings["streams"] = "nonsense"
    kept = config.salvage(json.dumps(settings), BOARD)
    assert kept["node"] == "post-17" and kept["broker"]["host"] == "127.0.0.1"
    assert kept["streams"] == []
    for text in ("", "{", "[]", "{}", '{"node": 3}'):
        kept = config.salvage(text, BOARD)
        assert kept["broker"] is None and kept["streams"] == []
