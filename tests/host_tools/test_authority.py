import queue
import stat
import subprocess

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from secure_broker import HOST, SecureBroker

from host_tools import authority, build, cli, mosquitto
from host_tools.errors import UserError
from host_tools.tls import Identity

WAIT_S = 5


def kista(*arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    return ended.value.code


def modes(folder):
    """Return {name: permissions} of every file below."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in files}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    secure = SecureBroker(tmp_path_factory.mktemp("broker"), "post-17", "post-18", "ingest")
    with secure.running():
        yield secure


class Person:
    """A client with a certificate, that waits for what the broker says."""

    def __init__(self, broker, name):
        self.heard = queue.Queue()
        self._said = queue.Queue()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            f"test-{name}",
            reconnect_on_failure=False,
        )
        of = broker.issued(name) if name else None
        keys = (of / "cert.pem", of / "key.pem") if of else (None, None)
        Identity(broker.house.folder / "ca.pem", *keys).secure(self.client)
        self.client.on_connect = lambda *a: self._said.put("connected")
        self.client.on_disconnect = lambda *a: self._said.put("disconnected")
        self.client.on_connect_fail = lambda *a: self._said.put("refused")
        self.client.on_subscribe = lambda *a: self._said.put("subscribed")
        self.client.on_publish = lambda *a: self._said.put("acknowledged")
        self.client.on_message = lambda _c, _u, message: self.heard.put(
            (message.topic, message.payload)
        )
        self.client.connect_async(HOST, broker.port)
        self.client.loop_start()
        self.state = self._said.get(timeout=WAIT_S)

    def subscribe(self, topic):
        self.client.subscribe(topic, 1)
        assert self._said.get(timeout=WAIT_S) == "subscribed"

    def publish(self, topic, payload):
        """Publish as a node does. The broker acknowledges even what it then throws away."""
        self.client.publish(topic, payload, 1)
        assert self._said.get(timeout=WAIT_S) == "acknowledged"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


def test_a_node_writes_its_own_tree_and_no_other(broker):
    with Person(broker, "ingest") as reader, Person(broker, "post-17") as node:
        reader.subscribe("kista/1/#")
        node.subscribe("kista/1/post-18/#")
        node.publish("kista/1/post-17/frames", b"own")
        node.publish("kista/1/post-18/frames", b"forged")
        node.publish("kista/1/post-17/status", b"own too")
        got = [reader.heard.get(timeout=WAIT_S) for _ in range(2)]
        assert got == [("kista/1/post-17/frames", b"own"), ("kista/1/post-17/status", b"own too")]
        # An operator commands, but speaks for no node; a node hears nothing meant for another.
        reader.publish("kista/1/post-18/frames", b"forged")
        reader.publish("kista/1/post-18/command/reboot", b"{}")
        assert reader.heard.get(timeout=WAIT_S)[0] == "kista/1/post-18/command/reboot"
        assert node.heard.empty()


def test_without_a_certificate_or_with_anothers_authority_nobody_gets_in(broker, tmp_path):
    with Person(broker, None) as stranger:
        assert stranger.state != "connected"
    other = authority.create(tmp_path / "other", "Test")
    other.issue("post-17")
    for name in ("cert.pem", "key.pem"):
        target = broker.issued("forger")
        target.mkdir(exist_ok=True)
        (target / name).write_bytes((other.folder / "issued/post-17" / name).read_bytes())
    with Person(broker, "forger") as forger:
        assert forger.state != "connected"


def test_a_revoked_node_is_refused_and_a_new_certificate_is_good(tmp_path, capsys):
    broker = SecureBroker(tmp_path, "post-17", "post-18")
    with broker.running(), Person(broker, "post-18") as node:
        assert node.state == "connected"
    assert kista("ca", "revoke", "post-18", "--ca", tmp_path / "ca") == 0
    # Again, without naming the host: the certificate of the broker stays.
    before = (tmp_path / "broker/broker.pem").read_bytes()
    broker.configure([])
    assert (tmp_path / "broker/broker.pem").read_bytes() == before
    with broker.running():
        with Person(broker, "post-18") as revoked:
            assert revoked.state != "connected"
        broker.house.issue("post-18")
        for name in ("post-17", "post-18"):
            with Person(broker, name) as node:
                assert node.state == "connected"


def test_micropython_connects_with_the_der_files(broker, tmp_path):
    script = tmp_path / "connect.py"
    script.write_text(
        "import sys, time\nfrom gateway import dial\n"
        "ca, cert, key = (open(name, 'rb').read() for name in sys.argv[2:])\n"
        f"c = dial.Conn('{HOST}', int(sys.argv[1]), {{'ca': [ca], 'cert': cert, 'key': key}})\n"
        "while not c.ready(): time.sleep_ms(2)\n"
        "out = b'\\x10\\x10\\x00\\x04MQTT\\x04\\x02\\x00\\x3c\\x00\\x04test'\n"
        "while not c.write(out): time.sleep_ms(2)\n"
        "got = bytearray(4)\n"
        "while not c.readinto(got): pass\n"
        "print(bytes(got))\n"
    )
    of = broker.issued("post-17")
    files = [broker.house.folder / "ca.der", of / "cert.der", of / "key.der"]
    result = subprocess.run(
        [*build.micropython("1M"), str(script), str(broker.port), *map(str, files)],
        env={"MICROPYPATH": f"{build.FIRMWARE}:.frozen"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert result.stdout.strip() == r"b' \x02\x00\x00'", result.stdout + result.stderr


def test_keys_are_their_owners_alone_and_never_on_the_screen(tmp_path, capsys):
    folder, out = tmp_path / "ca", tmp_path / "broker"
    assert kista("ca", "init", "--ca", folder) == 0
    assert kista("ca", "issue", "post-17", "ingest", "--ca", folder) == 0
    assert kista("broker", "mosquitto", "-o", out, "--ca", folder, "--host", "mqtt.city") == 0
    assert kista("ca", "list", "--ca", folder) == 0
    secret = [name for name, mode in {**modes(folder), **modes(out)}.items() if "key" in name]
    assert sorted(secret) == ["broker.key", "ca.key"] + [
        f"issued/{name}/key.{form}" for name in ("ingest", "post-17") for form in ("der", "pem")
    ]
    for name, mode in {**modes(folder), **modes(out)}.items():
        assert mode == 0o600 or name not in [*secret, "acl"], name
    said = "".join(capsys.readouterr())
    for path in [*folder.rglob("*key*"), out / "broker.key"]:
        if path.suffix == ".pem" or path.name.endswith(".key"):
            assert path.read_text().splitlines()[1] not in said
    served = x509.load_pem_x509_certificate((out / "broker.pem").read_bytes())
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mqtt.city"]


def test_what_cannot_be_is_said_in_a_line(tmp_path, capsys):
    folder = tmp_path / "ca"
    cases = [
        (("ca", "issue", "post-17"), "no authority here; make one: kista ca init"),
        (("ca", "init"), ""),
        (("ca", "init"), "there is an authority already"),
        (("ca", "issue", "Post 17"), "use a-z 0-9 _ -"),
        (("ca", "issue", "post-17"), ""),
        (("ca", "issue", "post-17"), "add --renew"),
        (("ca", "issue", "post-17", "--renew"), ""),
        (("ca", "revoke", "post-17", "--older"), ""),
        (("ca", "revoke", "post-17", "--older"), "no certificate to revoke"),
        (("ca", "revoke", "post-99"), "no certificate to revoke"),
        (("broker", "mosquitto", "-o", tmp_path / "b"), "--host"),
        (("broker", "mosquitto", "-o", tmp_path / "b c", "--host", "x"), "no blanks"),
    ]
    for arguments, part in cases:
        code = kista(*arguments, "--ca", folder)
        error = capsys.readouterr().err
        assert (code, error.count("\n")) == ((1, 1) if part else (0, 0)), (arguments, error)
        assert part in error
    (folder / "issued.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        authority.Authority(folder).entries()
    (folder / "ca.key").write_text("no key")
    with pytest.raises(UserError, match="damaged"):
        authority.Authority(folder)
    assert mosquitto.ACL.count("pattern") == 1
