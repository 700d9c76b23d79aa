import base64
import json

import pytest

from host_tools import authority, boards, build, site
from host_tools.errors import UserError

BOARD = boards.load("esp32_generic")
TEXT = """
node = "post-17"
[[network.wifi]]
ssid = "city"
password = "hush-wifi"
[[network.wifi]]
ssid = "depot"
[broker]
url = "mqtts://mqtt.example.org"
ca = "ca"
[site]
name = "Torshamnsgatan 20"
latitude = 59.4046
longitude = 17.9497
height_m = 4.25
heading_deg = 210
lanes = 2
[[streams]]
name = "air"
period_ms = 10000
sensors = [{ driver = "sds011", bus = "uart1" }, { driver = "bme280", bus = "i2c0" }]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    house = authority.create(folder / "ca", "Test")
    house.issue("post-17")
    house.issue("post-18")
    (folder / "noise.pem").write_text("-----BEGIN NOISE-----\nhush\n")
    return folder


def plan(folder, text=TEXT, ask=lambda what: "hush-asked"):
    path = folder / "site.toml"
    path.write_text(text)
    return site.plan(site.read(path), BOARD, folder, ask)


def test_an_empty_password_is_an_open_network_and_not_asked_for(folder):
    text = TEXT.replace('ssid = "depot"', 'ssid = "depot"\npassword = ""')
    made = plan(folder, text, ask=None)
    assert made.config["network"] == {"wifi": [{"ssid": "city"}, {"ssid": "depot"}]}
    assert made.secrets["wifi"] == ["hush-wifi", ""]


def test_the_file_of_the_node_holds_all_but_the_secrets(folder):
    asked = []
    made = plan(folder, ask=lambda what: asked.append(what) or "hush-depot")
    assert asked == ["Password of Wi-Fi 'depot' (empty: none)"]
    config = json.loads(made.text("b"))
    assert config["network"] == {"wifi": [{"ssid": "city"}, {"ssid": "depot"}]}
    assert config["broker"] == {"host": "mqtt.example.org", "port": 8883, "tls": {}}
    assert config["secrets"] == "b"
    assert config["site"] == {
        "name": "Torshamnsgatan 20",
        "latitude_udeg": 59404600,
        "longitude_udeg": 17949700,
        "height_cm": 425,
        "heading_deg": 210,
        "lanes": 2,
    }
    secrets = json.loads(made.stored())
    of = folder / "ca/issued/post-17"
    assert secrets["wifi"] == ["hush-wifi", "hush-depot"]
    assert base64.b64decode(secrets["ca"][0]) == (folder / "ca/ca.der").read_bytes()
    assert base64.b64decode(secrets["cert"]) == (of / "cert.der").read_bytes()
    assert base64.b64decode(secrets["key"]) == (of / "key.der").read_bytes()
    assert "hush" not in repr(made) and b"hush" not in made.text("b")


def test_user_and_password_instead_of_a_certificate(folder):
    text = TEXT.replace('ca = "ca"', 'authority = "ca/ca.der"\nuser = "post-17"')
    made = plan(folder, text)
    assert made.config["broker"]["user"] == "post-17"
    assert made.secrets["password"] == "hush-asked" and "key" not in made.secrets
    plain = plan(folder, TEXT.replace('mqtts://mqtt.example.org"\nca = "ca"', 'mqtt://u:hush@h"'))
    assert plain.config["broker"] == {"host": "h", "port": 1883, "user": "u"}
    assert plain.secrets["password"] == "hush"
    open_wifi = plan(folder, ask=lambda what: "")
    assert open_wifi.secrets["wifi"] == ["hush-wifi", ""]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('"post-17"', '"Post 17"', "node: 'Post 17' has 'P' in it"),
        ("[broker]", "[brokers]", "broker: needs an object"),
        ("mqtts://", "http://", "broker URL: starts with neither"),
        ('ca = "ca"', "", "broker.authority: mqtts:// needs it"),
        ('ca = "ca"', 'ca = "nowhere"', "broker.authority: "),
        ('ca = "ca"', 'authority = "noise.pem"', "broker.authority: "),
        ('ca = "ca"', 'authority = "ca/ca.pem"\nkey = "k"', "go together"),
        ("mqtts://", "mqtt://", "broker.url: certificates need mqtts://"),
        (
            'ca = "ca"',
            'authority = "ca/ca.pem"\ncertificate = "ca/issued/post-17/cert.pem"\n'
            'key = "ca/issued/post-18/key.pem"',
            "broker.key: does not belong",
        ),
        ("lanes", "lane", "site: unknown key 'lane'"),
        ("59.4046", "159.4046", "site.latitude_udeg: needs a whole number"),
        ("59.4046", '"north"', "site.latitude: needs a number"),
        ("10000", "10", "streams[0].period_ms: needs"),
        ('"uart1"', '"uart7"', "streams[0].sensors[0].bus: board esp32_generic has no bus"),
        ("hush-wifi", "hush", "network.wifi[0].password: needs text of 8 to 63"),
        ("[[network.wifi]]", "[network.lte]\napn = 'iot'\n[[network.wifi]]", "network.lte: board"),
        ("node = ", "nodes = ", "node: needs a name of 1 to 32"),
        ("[[streams]]", "[[stream]]", "configuration: unknown key 'stream'"),
        ("network.wifi", "networks.wifi", "configuration: unknown key 'networks'"),
        ("node = ", "node ? ", "not TOML"),
    ],
)
def test_what_cannot_be_is_said_by_its_field_before_anything_is_asked(folder, old, new, part):
    assert old in TEXT
    with pytest.raises(UserError) as error:
        plan(folder, TEXT.replace(old, new, 1), ask=lambda what: pytest.fail("asked too early"))
    said = str(error.value)
    assert part in said and "hush" not in said and "\n" not in said


def test_a_node_without_any_network_is_refused(folder):
    text = TEXT[: TEXT.index("[[network")] + TEXT[TEXT.index("[broker]") :]
    with pytest.raises(UserError, match="network: needs wifi, ethernet or lte"):
        plan(folder, text)


def test_a_password_that_was_typed_is_judged_too(folder):
    with pytest.raises(UserError, match=r"network.wifi\[1\].password: needs text of 8 to 63"):
        plan(folder, ask=lambda what: "short")


def test_the_file_in_the_handbook_is_good(folder):
    text = (build.ROOT / "docs/field.md").read_text()
    text = text[text.index("```toml\n") + len("```toml\n") :]
    made = plan(folder, text[: text.index("```")].replace("…", "hush-wifi"))
    assert made.config["node"] == "post-17" and len(made.config["streams"]) == 2
