import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from fault_proxy import FaultProxy

from gateway import dial
from host_tools import build
from host_tools.broker import Broker, free_port

TESTS = Path(__file__).resolve().parent.parent
PATHS = [build.ROOT / "firmware", TESTS, build.UMQTT.parent.parent]


def start_node(*arguments, wire_speed=1):
    return subprocess.Popen(
        [*build.micropython("1M"), str(TESTS / "host_tools/link_node.py"), *map(str, arguments)],
        env={
            "MICROPYPATH": ":".join([".frozen", *map(str, PATHS)]),
            "WIRE_SPEED": str(wire_speed),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def finish_node(node, most_s=60):
    try:
        said, _ = node.communicate(timeout=most_s)
    finally:
        node.kill()
    assert node.returncode == 0, said
    return json.loads(said.splitlines()[-1])


@contextlib.contextmanager
def mosquitto(folder, more=""):
    if not shutil.which("mosquitto"):
        pytest.skip("mosquitto is not on PATH")
    port = free_port()
    path = folder / f"mosquitto{port}.conf"
    path.write_text(f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n{more}")
    process = subprocess.Popen(["mosquitto", "-c", str(path)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def running(kind, folder):
    if kind == "embedded":
        with Broker() as broker:
            yield broker.port
    else:
        with mosquitto(folder) as port:
            yield port


@contextlib.contextmanager
def listening(port, topic="kista/1/n1/frames"):
    """A subscriber straight at the broker; yields the list of payloads."""
    got = []
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "test-listener")
    client.on_message = lambda _client, _data, message: got.append(message.payload)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe(topic, 1)
    client.loop_start()
    assert ready.wait(10)
    yield got
    client.disconnect()
    client.loop_stop()


def wait_for(condition, most_s=20):
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def assert_all_arrived(got, said, count):
    assert sorted(set(said["acked"])) == list(range(count)), said["stats"]
    end = time.monotonic() + 5
    while len(set(got)) < count and time.monotonic() < end:
        time.sleep(0.02)
    assert {int(payload[:6]) for payload in got} >= set(said["acked"])
    assert said["slowest_ms"] < 200, said["slowest_ms"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_every_frame_arrives_though_connections_are_cut_inside_packets(kind, tmp_path):
    cuts = [30, 1501]
    with (
        running(kind, tmp_path) as port,
        listening(port) as got,
        FaultProxy(port, delay_s=0.01, piece=50, cuts=cuts) as proxy,
    ):
        said = finish_node(start_node(proxy.port, 100, 50))
        assert proxy.connections == 3
    assert_all_arrived(got, said, 100)


@pytest.mark.slow
def test_every_frame_arrives_one_byte_at_a_time():
    with (
        Broker() as broker,
        listening(broker.port) as got,
        FaultProxy(broker.port, piece=1) as proxy,
    ):
        said = finish_node(start_node(proxy.port, 40, 30))
    assert_all_arrived(got, said, 40)


@pytest.mark.slow
def test_a_connection_that_died_without_a_word_is_given_up_and_nothing_is_lost():
    with (
        Broker() as broker,
        listening(broker.port) as got,
        FaultProxy(broker.port, delay_s=0.02) as proxy,
    ):
        node = start_node(proxy.port, 400, 40, wire_speed=40)
        wait_for(lambda: len(got) >= 20)
        proxy.frozen = True
        wait_for(lambda: proxy.connections >= 2)
        proxy.frozen = False
        said = finish_node(node)
    assert said["stats"]["reconnects"] >= 1
    assert_all_arrived(got, said, 400)


@pytest.mark.slow
def test_a_node_waits_for_a_broker_that_is_not_there_yet():
    port = free_port()
    node = start_node(port, 10, 30)
    time.sleep(0.8)
    with Broker(port), listening(port) as got:
        assert_all_arrived(got, finish_node(node), 10)


@pytest.mark.slow
def test_a_window_drains_a_backlog_ten_times_faster_than_one_publish_after_the_other():
    with Broker() as broker, FaultProxy(broker.port, delay_s=0.1) as proxy:
        own = finish_node(start_node(proxy.port, -10, 30))
        window = finish_node(start_node(proxy.port, 96, 30))
    own_rate = len(own["acked"]) / own["ms"]
    window_rate = len(window["acked"]) / window["ms"]
    print(f"{own_rate * 1000:.1f} -> {window_rate * 1000:.1f} frames/s")
    assert len(window["acked"]) == 96 and window_rate > 10 * own_rate


def test_tls_settings_that_are_none_are_a_reason_and_no_crash():
    with socket.create_server(("127.0.0.1", 0)) as server:
        for tls in ({"ca": 5}, {"ca": [5]}, {"ca": ["x"]}, {"ca": [], "cert": "x"}, {"ca": [b"x"]}):
            conn = dial.Conn("127.0.0.1", server.getsockname()[1], tls)
            with pytest.raises(OSError):
                wait_for(conn.ready)
            conn.close()


def make_authority(folder, name):
    """Return (certificate, key) of an authority; PEM beside DER."""
    path, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl(
        *f"req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN={name}".split(),
        *f"-out {path} -keyout {key}".split(),
    )
    openssl("x509", "-in", path, "-outform", "DER", "-out", folder / f"{name}.der")
    return path, key


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.mark.slow
def test_tls_takes_the_right_authority_and_host_and_nothing_else(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on PATH")
    authority, authority_key = make_authority(tmp_path, "right")
    make_authority(tmp_path, "wrong")
    key, request, certificate = (tmp_path / f"broker.{kind}" for kind in ("key", "csr", "pem"))
    openssl(
        *f"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {key} -out {request}".split()
    )
    openssl(
        *f"x509 -req -in {request} -CA {authority} -CAkey {authority_key}".split(),
        *f"-CAcreateserial -days 30 -out {certificate}".split(),
    )
    right, wrong = tmp_path / "right.der", tmp_path / "wrong.der"
    with mosquitto(tmp_path, f"certfile {certificate}\nkeyfile {key}\n") as port:
        for authorities in (right, f"{wrong},{right}"):
            said = finish_node(start_node(port, 20, 15, authorities, "localhost"))
            assert len(said["acked"]) == 20, said["stats"]
        # A name that leads to the broker and is not in its certificate.
        for authorities, host in ((wrong, "localhost"), (right, "127.0.0.1")):
            said = finish_node(start_node(port, 1, 1, authorities, host))
            print(said["stats"]["failure"])
            assert not said["acked"] and said["stats"]["failure"].startswith("TLS: "), said["stats"]
