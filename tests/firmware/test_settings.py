import json
import os

from fakes import Hal as QuietHal
from gateway import access, checks, settings
from support import raises

PROVEN, NEW = '{"node": "old"}', '{"node": "new"}'


class Uplink:
    heard_ms = None
    asked = 0

    def want_health(self):
        self.asked += 1


class Health:
    safe_mode = False

    def __init__(self):
        self.said = []

    def say(self, reason):
        self.said.append(reason)


class Pause:
    def __iter__(self):
        yield

    __await__ = __iter__


class Clock:
    now = 0

    def uptime_ms(self):
        return self.now

    def sleep_ms(self, n):
        return Pause()


class Node:
    """What of a node the settings look at; `resets` counts."""

    def __init__(self, hal, slot):
        self.hal = hal
        self.config = {"secrets": slot}
        self.clock = Clock()
        self.uplink = Uplink()
        self.health = Health()
        self.configuration = None
        self.stopped = False

    def stop(self):
        self.stopped = True


class Hal(QuietHal):
    resets = 0

    def reset(self):
        self.resets += 1


class Place:
    """A folder of its own on the disk, as the board's file system."""

    def __init__(self, **files):
        name = "".join("%02x" % byte for byte in os.urandom(6))
        self.path = "/tmp/kista-settings-%s/" % name
        os.mkdir(self.path)
        self.hal = Hal()
        for name, text in files.items():
            with open(self.path + "config." + name, "w") as file:
                file.write(text)

    def boot(self, slot="a"):
        chosen = settings.Settings(self.path, None)
        return chosen, Node(self.hal, slot)

    def files(self):
        return sorted(os.listdir(self.path))

    def remove(self):
        for name in os.listdir(self.path):
            os.remove(self.path + name)
        os.rmdir(self.path)


def test_settings_the_new_one_is_proven_when_the_broker_answers_and_not_before():
    place = Place(json=PROVEN, new=NEW)
    for slot in ("a", "b"):
        place.hal.store.set("secrets_" + slot, b'{"password":"' + slot.encode() + b'"}')
    chosen, node = place.boot("b")
    assert chosen.text() == NEW
    node.clock.now = settings.TURN_MS
    chosen.step(node)
    assert place.files() == ["config.json", "config.new"]
    assert place.hal.store.get("secrets_a") == b'{"password":"a"}'
    # It is heard, but in safe mode: that proves nothing.
    node.uplink.heard_ms, node.health.safe_mode = 5, True
    chosen.step(node)
    assert chosen.state == "new"
    node.health.safe_mode = False
    chosen.step(node)
    assert place.files() == ["config.copy", "config.json"] and node.configuration == "proven"
    assert place.boot()[0].text() == NEW and node.uplink.asked == 1
    # The secrets of the one before are gone; its own are there.
    assert place.hal.store.get("secrets_a") == b"{}"
    assert place.hal.store.get("secrets_b") == b'{"password":"b"}'
    place.remove()


def test_settings_that_reach_nobody_take_turns_and_neither_is_lost():
    place = Place(json=PROVEN, new=NEW)
    for turn in range(6):
        chosen, node = place.boot()
        assert chosen.text() == (PROVEN if turn % 2 else NEW)
        node.clock.now = settings.TURN_MS + 1
        chosen.step(node)
        assert node.stopped and place.hal.resets == turn + 1
        assert place.files() == ["config.json", "config.late" if turn % 2 == 0 else "config.new"]
    place.remove()


def test_settings_stay_with_the_old_one_when_only_that_reaches_the_broker():
    place = Place(json=PROVEN, late=NEW)
    chosen, node = place.boot()
    assert chosen.state == "late" and chosen.text() == PROVEN
    node.uplink.heard_ms = 5
    node.clock.now = 10 * settings.TURN_MS
    chosen.step(node)
    assert place.hal.resets == 0
    assert place.files() == ["config.copy", "config.json", "config.late"]
    place.remove()


def test_settings_the_first_configuration_is_tried_for_ever():
    place = Place(new=NEW)
    chosen, node = place.boot()
    node.clock.now = 10 * settings.TURN_MS
    chosen.step(node)
    assert place.hal.resets == 0 and place.files() == ["config.new"]
    place.remove()
    place = Place()
    chosen, node = place.boot()
    chosen.step(node)
    assert chosen.text() == "" and chosen.state == "none"
    place.remove()


def test_settings_that_cannot_be_read_any_more_are_there_once_more():
    place = Place(json=PROVEN)
    chosen, node = place.boot()
    node.uplink.heard_ms = 5
    chosen.step(node)
    assert place.files() == ["config.copy", "config.json"]
    for rot in ("", PROVEN[:9], "\xff\xfe", None):
        os.remove(place.path + "config.json")
        # Unreadable: opening a folder fails like a bad block does.
        if rot is None:
            os.mkdir(place.path + "config.json")
        else:
            with open(place.path + "config.json", "w") as file:
                file.write(rot)
        chosen, node = place.boot()
        assert chosen.text() == PROVEN and chosen.state == "proven", rot
        _watched(chosen, node)
        assert "copy runs" in node.health.said[0], node.health.said
        node.uplink.heard_ms = 5
        chosen.step(node)
        assert place.boot()[0].text() == PROVEN
    os.rmdir(place.path + "config.json")
    place.remove()


def test_settings_that_cannot_be_written_cost_the_trial_and_not_the_node():
    for name in ("config.new", "config.sent"):
        place = Place(json=PROVEN)
        with open(place.path + name, "w") as file:
            file.write(NEW)
        chosen, node = place.boot()
        node.uplink.heard_ms = 5
        assert chosen.text() == NEW

        def refuse(*names):
            raise OSError(5)

        chosen._move = refuse
        _watched(chosen, node)
        assert len(node.health.said) == 1 and "cannot be kept" in node.health.said[0]
        assert place.hal.resets == 0 and not node.stopped
        place.remove()
    nowhere = settings.Settings("/tmp/kista-nowhere/", None)
    assert nowhere.text() == "" and nowhere.state == "none"


def _watched(chosen, node):
    """Let the settings look twice."""
    watching = chosen.watch(node)
    for _ in range(3):
        watching.send(None)


def _config():
    return {
        "secrets": "b",
        "network": {"wifi": [{"ssid": "open"}, {"ssid": "city"}], "lte": {"apn": "iot"}},
        "broker": {"host": "h", "tls": {}},
    }


def test_access_secrets_come_from_the_slot_that_is_named():
    hal = Hal()
    secrets = {"wifi": ["", "hush"], "lte": "l", "password": "p", "ca": ["YQ=="], "cert": "Yg=="}
    secrets["key"] = "Yw=="
    hal.store.set("secrets_b", json.dumps(secrets).encode())
    config = _config()
    access.unlock(config, hal.store)
    assert config["network"]["wifi"] == [{"ssid": "open"}, {"ssid": "city", "password": "hush"}]
    assert config["network"]["lte"]["password"] == "l" and config["broker"]["password"] == "p"
    assert config["broker"]["tls"] == {"ca": [b"a"], "cert": b"b", "key": b"c"}


def test_access_a_damaged_store_is_a_reason_that_shows_nothing():
    for content in (None, b"", b"hush", b"[]", b"5", b'{"ca": 5, "x": "hush"}', b'{"key":"hus"}'):
        hal = Hal()
        if content is not None:
            hal.store.set("secrets_b", content)
        message = raises(checks.ConfigError, access.unlock, _config(), hal.store)
        assert message.startswith("secrets: ") and "hush" not in message, content
    access.unlock({"secrets": None}, Hal().store)


def test_access_names_the_field_that_is_wrong_and_no_password():
    board = {"name": "sim"}
    for network, part in (
        ([], "network: needs an object"),
        ({"wlan": []}, "network: unknown key 'wlan'"),
        ({"wifi": {}}, "network.wifi: needs a list"),
        ({"wifi": [{}]}, "network.wifi[0].ssid: is missing"),
        ({"wifi": [{"ssid": "x" * 33}]}, "network.wifi[0].ssid: needs text of 1 to 32"),
        ({"wifi": [{"ssid": "x", "password": "hush"}]}, "network.wifi[0].password: needs text of"),
        ({"wifi": [{"ssid": "x"}] * 9}, "network.wifi: needs a list of up to 8"),
        ({"ethernet": {}}, "network.ethernet: board sim has none"),
        ({"lte": {"apn": "x"}}, "network.lte: board sim has none"),
    ):
        message = raises(checks.ConfigError, access.check_network, network, board)
        assert message.startswith(part) and "hush" not in message, message
    board = {"name": "big", "lte": {}, "ethernet": {}}
    assert raises(checks.ConfigError, access.check_network, {"lte": {}}, board).startswith(
        "network.lte.apn"
    )
    both = {"ethernet": {}, "lte": {"apn": "iot"}}
    assert access.check_network(both, board) == both
    for site, part in (
        ({"latitude_udeg": 90000001}, "site.latitude_udeg: needs a whole number"),
        ({"lanes": 2.5}, "site.lanes: needs a whole number"),
        ({"heading_deg": 360}, "site.heading_deg: needs a whole number from 0 to 359"),
        ({"name": ""}, "site.name: needs text"),
        ({"street": "x"}, "site: unknown key"),
    ):
        assert raises(checks.ConfigError, access.check_site, site).startswith(part), part
    assert raises(checks.ConfigError, access.check_slot, {"secrets": "c"}).startswith("secrets:")
