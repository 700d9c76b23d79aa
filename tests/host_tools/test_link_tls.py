"""TLS against a real Mosquitto: what is refused, why, and who may write what."""

import contextlib
import json
import socket
import threading
from types import SimpleNamespace

import paho.mqtt.client as mqtt
import pytest
from fault_proxy import FaultProxy
from link_certificates import Authority
from link_rig import finish_node, is_listening, listening, mosquitto, start_node, wait_for

from gateway import dial
from host_tools.broker import free_port

FRAMES = 20
# A node that must be refused is watched for so long.
WATCHED_S = 2.5
# A node that delivers everything ends by itself.
PATIENCE_S = 30
# One line gives each node its own tree, by the name in its certificate, and nothing else.
ACCESS = "pattern readwrite kista/1/%u/#\n"
# What watches the test.
WATCHER = "user watcher\ntopic read kista/#\n"


def test_tls_settings_that_are_none_are_a_reason_and_no_crash():
    with socket.create_server(("127.0.0.1", 0)) as server:
        for tls in ({"ca": 5}, {"ca": [5]}, {"ca": ["x"]}, {"ca": [], "cert": "x"}, {"ca": [b"x"]}):
            conn = dial.Conn("127.0.0.1", server.getsockname()[1], tls)
            with pytest.raises(OSError):
                wait_for(conn.ready)
            conn.close()


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A city's Mosquitto with a listener for each case; `city.ports` by name."""
    folder = tmp_path_factory.mktemp("city")
    old, new = Authority(folder, "old"), Authority(folder, "new")
    certificates = {
        "good": old.sign("good", "localhost"),
        "renewed": new.sign("renewed", "localhost"),
        "expired": old.sign("expired", "localhost", end="20200201000000Z"),
        "future": old.sign("future", "localhost", start="20480101000000Z"),
        "mutual": old.sign("mutual", "localhost"),
    }
    for name in ("n1", "n2", "watcher"):
        certificates[name] = old.sign(name, name)
    ports = {name: free_port() for name in ("good", "renewed", "expired", "future", "mutual")}
    access = folder / "access"
    access.write_text(WATCHER + ACCESS)
    lines = ["per_listener_settings true", "allow_anonymous true"]
    for name, port in ports.items():
        path = certificates[name]
        lines += [f"listener {port} 127.0.0.1", f"certfile {path}.pem", f"keyfile {path}.key"]
        if name == "mutual":
            lines += [f"cafile {old.pem}", "require_certificate true"]
            lines += ["use_identity_as_username true", f"acl_file {access}"]
        else:
            lines.append("allow_anonymous true")
    with mosquitto(folder, "\n".join(lines) + "\n") as broker:
        wait_for(lambda: all(is_listening("127.0.0.1", port) for port in ports.values()))
        yield SimpleNamespace(
            ports=ports | {"plain": broker.port},
            old=old,
            new=new,
            certificates=certificates,
            folder=folder,
        )


def trusting(city, kind, *authorities, **more):
    """Start a node that trusts the authorities (the old one), with a certificate as `proof`."""
    settings = {"host": "localhost", "ca": [one.der for one in authorities or (city.old,)]}
    if "proof" in more:
        path = city.certificates[more.pop("proof")]
        settings.update({"cert": f"{path}.der", "key": f"{path}.key.der"})
    port = more.pop("port", None) or city.ports[kind]
    return start_node(port, FRAMES, more.pop("most_s", WATCHED_S), **settings | more)


def watcher_of(city):
    """What a TLS client needs to hear everything on the listener for certificates."""
    path = city.certificates["watcher"]
    return {"ca_certs": city.old.pem, "certfile": f"{path}.pem", "keyfile": f"{path}.key"}


@contextlib.contextmanager
def talking_plainly():
    """A server that answers whatever comes with the text of another protocol."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"220 mail.example ready\r\n" * 4)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_tls_refuses_what_it_must_and_says_why_while_the_node_goes_on(city):
    with talking_plainly() as plain:
        starts = {
            "trusted CA": lambda: trusting(city, "good", city.new),
            # A name that leads to the broker and is not in its certificate.
            "does not match": lambda: trusting(city, "good", host="127.0.0.1"),
            "expired": lambda: trusting(city, "expired"),
            "in the future": lambda: trusting(city, "future"),
            "no handshake (": lambda: trusting(city, "plain"),
            "INVALID_RECORD": lambda: trusting(city, None, port=plain),
            # The broker's turn to refuse: no certificate of the node's.
            "no handshake": lambda: trusting(city, "mutual"),
        }
        nodes = {why: start() for why, start in starts.items()}
        for why, start in starts.items():
            one = finish_node(nodes[why])
            for _ in range(2):
                if one["slowest_ms"] >= 200:
                    # Was it the machine, with seven nodes at once? Alone it has the time.
                    one = finish_node(start())
            failure = one["stats"]["failure"]
            print(failure)
            assert failure.startswith("TLS: ") and why in failure, (why, one)
            assert not one["acked"] and not one["stats"]["sent"], (why, one)
            # A sampler beside it would have had its turn this often.
            assert one["slowest_ms"] < 200, (why, one)


@pytest.mark.slow
def test_tls_takes_brokers_of_an_old_and_a_new_authority(city):
    for kind in ("good", "renewed"):
        said = finish_node(trusting(city, kind, city.old, city.new, most_s=PATIENCE_S))
        assert len(said["acked"]) == FRAMES, said["stats"]


@pytest.mark.slow
def test_tls_reason_of_a_refusal_stands_in_the_next_health(city):
    with (
        FaultProxy(city.ports["expired"]) as proxy,
        listening(
            city.ports["good"], "kista/1/n1/health", "localhost", ca_certs=city.old.pem
        ) as got,
    ):
        del got[:]
        node = trusting(city, None, port=proxy.port, most_s=PATIENCE_S)
        wait_for(lambda: proxy.connections)
        proxy.target = city.ports["good"]
        said = finish_node(node)
        assert len(said["acked"]) == FRAMES
        wait_for(lambda: got)
    assert "expired" in json.loads(got[-1])["link"]["failure"]


@pytest.mark.slow
def test_tls_certificate_of_a_node_opens_its_own_tree_and_no_other(city):
    port, watcher = city.ports["mutual"], watcher_of(city)
    with (
        listening(port, "kista/1/n1/frames", "localhost", **watcher) as frames,
        listening(port, "kista/1/n2/#", "localhost", **watcher) as elsewhere,
    ):
        del elsewhere[:]
        own = trusting(city, "mutual", proof="n1", most_s=PATIENCE_S)
        # Its deadlines pass fast: after 30 s of its wire it misses what it wrote.
        strange = trusting(city, "mutual", proof="n1", node="n2", speed=40)
        said = finish_node(own)
        assert sorted(said["acked"]) == list(range(FRAMES)), said["stats"]
        wait_for(lambda: len(frames) == FRAMES)
        said = finish_node(strange)
    # Mosquitto acknowledges what it throws away; the node does not fall for it.
    assert "access rules" in said["stats"]["failure"] and not said["acked"], said
    assert not said["stats"]["sent"] and not elsewhere


@pytest.mark.slow
def test_tls_broker_refuses_a_frame_into_the_tree_of_another_node(city):
    port = city.ports["mutual"]
    path = city.certificates["n2"]
    mine = {"ca_certs": city.old.pem, "certfile": f"{path}.pem", "keyfile": f"{path}.key"}
    with listening(port, "kista/1/+/frames", "localhost", **watcher_of(city)) as got:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "n2")
        client.tls_set(**mine)
        client.connect("localhost", port)
        client.loop_start()
        for node in ("n1", "n2"):
            client.publish(f"kista/1/{node}/frames", node, 1).wait_for_publish(10)
        wait_for(lambda: got)
        client.disconnect()
        client.loop_stop()
    assert got == [b"n2"]
