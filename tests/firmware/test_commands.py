"""Commands on a whole node, with a folder for its configurations and a broker that answers."""

import json
import os
import sys

from node_fakes import BOARD, CONFIG, Hal, Link, run_node

# isort: split
from gateway import app, health, settings
from link_fakes import Conn, message
from support import raises

TOPIC = b"kista/1/post-17/command/"


class Up(Link):
    def up(self):
        return True


class Post(Hal):
    """A board with a network, a file system and secrets; `conn` is its broker's end."""

    def __init__(self, config=CONFIG, answers=True):
        super().__init__()
        self.link = Up()
        self.conn = Conn(answers=answers, echoes=answers)
        name = "".join("%02x" % byte for byte in os.urandom(6))
        self.folder = "/tmp/kista-commands-%s/" % name
        os.mkdir(self.folder)
        with open(self.folder + settings.PROVEN, "w") as file:
            file.write(json.dumps(config))

    def dial(self, host, port, tls):
        self.conn.closed = False
        return self.conn

    def boot(self, seconds):
        """Run a boot for so long; return (its settings, the node)."""
        chosen = settings.Settings(self.folder, lambda: BOARD)
        node = app.Node(self, BOARD, chosen.text(), chosen)
        node.waiting_steps.append(lambda: _watch(chosen, node))
        self.run(node, seconds)
        return chosen, node

    def run(self, node, seconds):
        run_node(self, node, seconds)

    def ask(self, node, name, ident=1, **arguments):
        """Send a command; return the reply."""
        arguments["id"] = ident
        self.conn.packets = []
        self.conn.incoming += message(TOPIC + name.encode(), json.dumps(arguments).encode())
        self.run(node, 4)
        (reply,) = self.conn.published(b"/reply")
        return json.loads(reply[1])

    def files(self):
        return sorted(os.listdir(self.folder))

    def remove(self):
        for name in os.listdir(self.folder):
            os.remove(self.folder + name)
        os.rmdir(self.folder)


async def _watch(chosen, node):
    node.configuration = chosen.state
    chosen.step(node)
    return 500


def _slower(**more):
    stream = dict(CONFIG["streams"][0], period_ms=20000)
    return dict(CONFIG, streams=[stream], **more)


def test_commands_config_is_tried_and_proven_when_the_broker_answers():
    post = Post()
    _, node = post.boot(30)
    reply = post.ask(node, "config", 5, config=_slower())
    assert reply == {"command": "config", "id": 5, "ok": True, "trial_s": 600}, reply
    # What its frames will mean was said before the trial.
    (schema,) = [one for one in post.conn.published(b"") if b"/schema/" in one[0]]
    assert json.loads(schema[1])["period_ms"] == 20000
    post.run(node, 20)
    assert post.resets and post.files() == ["config.copy", "config.json", "config.sent"]
    assert node.spool.idle()
    chosen, node = post.boot(2)
    assert node.streams[0].period_ms == 20000
    post.run(node, 10)
    assert chosen.state == node.configuration == "proven"
    assert post.files() == ["config.copy", "config.json"]
    assert json.loads(settings.Settings(post.folder, None).text()) == _slower()
    post.remove()


def test_commands_config_that_does_not_reach_the_broker_is_gone_after_ten_minutes():
    post = Post()
    _, node = post.boot(30)
    assert post.ask(node, "config", config=_slower())["ok"]
    post.run(node, 20)
    post.resets = 0
    post.conn = Conn(answers=False, echoes=False)
    chosen, node = post.boot(595)
    assert chosen.state == "sent" and not post.resets and node.rows() >= 29
    post.run(node, 10)
    assert post.resets
    post.conn = Conn()
    chosen, node = post.boot(10)
    assert chosen.state == "reverted" and node.streams[0].period_ms == 10000
    health = json.loads(post.conn.published(b"/health")[-1][1])
    assert health["configuration"] == "reverted" and post.files() == ["config.copy", "config.json"]
    # What was taken on trial is there, beside what came before it.
    assert node.spool.kept()[1] >= 2 and node.spool.pending() == 0
    post.remove()


def test_commands_config_that_a_power_cut_ends_has_had_its_boot():
    post = Post()
    _, node = post.boot(30)
    post.ask(node, "config", config=_slower())
    # Cut before the trial begins: nothing has happened, the sender has not seen it restart.
    assert settings.Settings(post.folder, None).state == "proven"
    post.run(node, 20)
    assert settings.Settings(post.folder, None).state == "sent"
    assert settings.Settings(post.folder, None).state == "reverted"
    assert settings.Settings(post.folder, None).state == "proven"
    post.remove()


def test_commands_config_that_cannot_be_is_refused_with_its_field_and_changes_nothing():
    post = Post(dict(CONFIG, secrets="a"))
    post.store.set("secrets_a", b'{"wifi": ["hush"]}')
    _, node = post.boot(30)
    wifi = {"wifi": [{"ssid": "x"}]}
    spoken = {"wifi": [{"ssid": "x", "password": "hushhush"}]}
    for arguments, why in (
        ({}, "config: needs an object"),
        ({"config": [1]}, "config: needs an object"),
        ({"config": dict(CONFIG, node="other")}, "config.node: needs to stay 'post-17'"),
        ({"config": dict(CONFIG, streams=[])}, "streams: needs a list"),
        ({"config": _slower(lamp=1)}, "configuration: unknown key"),
        ({"config": dict(CONFIG, network=spoken)}, "password: belongs into secrets"),
        ({"config": dict(CONFIG, network=wifi)}, "secrets: are missing for another network"),
        ({"config": dict(CONFIG, network=wifi), "secrets": 7}, "secrets: "),
        (
            {"config": dict(CONFIG, network=wifi), "secrets": {"wifi": ["short"]}},
            "wifi[0].password",
        ),
    ):
        reply = post.ask(node, "config", **arguments)
        assert not reply["ok"] and why in reply["error"], reply
        assert "hush" not in reply["error"]
    post.run(node, 60)
    assert not post.resets and post.files() == ["config.copy", "config.json"]
    reply = post.ask(
        node, "config", config=dict(CONFIG, network=wifi), secrets={"wifi": ["pst-quiet"]}
    )
    with open(post.folder + "config.part") as file:
        assert "pst-quiet" not in file.read()
    assert reply["ok"] and post.store.get("secrets_b") == b'{"wifi": ["pst-quiet"]}'
    assert "already" in post.ask(node, "config", config=CONFIG)["error"]
    post.run(node, 20)
    chosen, node = post.boot(20)
    assert node.config["network"]["wifi"][0]["password"] == "pst-quiet"
    assert chosen.state == "proven" and post.store.get("secrets_a") == b"{}"
    post.remove()


def test_commands_that_are_small():
    post = Post()
    _, node = post.boot(30)
    assert post.ask(node, "identify", seconds=30) == {
        "command": "identify",
        "id": 1,
        "ok": True,
        "seconds": 30,
    }
    assert 20000 < node.commands.identify_until_ms - node.clock.uptime_ms() <= 30000
    for seconds in (-1, 3601, "x"):
        assert "seconds: needs" in post.ask(node, "identify", seconds=seconds)["error"]
    assert post.ask(node, "resend", first=0, last=5)["frames"] == 0
    assert post.ask(node, "health")["ok"] and post.conn.published(b"/health")
    for label, why in (("sds011", "cannot be calibrated"), ("co2", "there is none called 'co2'")):
        assert why in post.ask(node, "calibrate", sensor=label, ppm=420)["error"]
    assert "unknown command" in post.ask(node, "dance")["error"]
    assert not node.commands.get("reboot")({}) and not post.resets
    post.run(node, 10)
    assert post.resets
    post.remove()


def test_commands_without_a_place_for_a_configuration_say_so():
    node = app.Node(Hal(), BOARD, json.dumps(CONFIG))
    assert "kept here" in raises(ValueError, node.commands.get("config"), {"config": CONFIG})


def test_commands_reach_a_node_whose_flash_driver_or_bus_fails():
    def refuse(*arguments):
        raise OSError("gone")

    driver = sys.modules.get("drivers.sds011")
    for broken in ("flash", "driver", "uart"):
        post = Post()
        if broken == "driver":
            # A file that is there and is not what it was.
            sys.modules["drivers.sds011"] = refuse
        else:
            setattr(post, broken, refuse)
        for boot in range(5):
            try:
                app.Node(post, BOARD, json.dumps(CONFIG))
            except Exception as error:
                health.leave_word(post, error)
                continue
            raise AssertionError("%s, boot %d" % (broken, boot))
        _, node = post.boot(30)
        assert node.health.safe_mode and node.rows() == 0 and not post.resets
        report = json.loads(post.conn.published(b"/health")[-1][1])
        assert report["safe_mode"] and report["boots"] == 6 and report["last_error"], report
        assert report["next"] == (None if broken == "flash" else 0), report
        assert report["reasons"] == (["flash: OSError: gone"] if broken == "flash" else [])
        assert post.ask(node, "health")["ok"]
        assert post.ask(node, "resend", first=0, last=9)["frames"] == 0
        assert post.ask(node, "reboot")["ok"]
        post.run(node, 10)
        assert post.resets
        post.remove()
        if broken == "driver":
            del sys.modules["drivers.sds011"]
            if driver:
                sys.modules["drivers.sds011"] = driver
