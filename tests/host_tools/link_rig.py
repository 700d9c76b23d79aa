"""What tests of the link share: a node's uplink in a process, brokers, a subscriber."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import iotcore
import paho.mqtt.client as mqtt
import pytest

from host_tools import build
from host_tools.broker import Broker, free_port

TESTS = Path(__file__).resolve().parent.parent
PATHS = [build.ROOT / "firmware", TESTS, build.UMQTT.parent.parent]


def start_node(port, frames, most_s, wire_speed=1, **more):
    """Start link_node.py; `more`: its other settings."""
    settings = {"port": port, "frames": frames, "most_s": most_s, "speed": wire_speed, **more}
    return start_script(TESTS / "host_tools/link_node.py", settings)


def start_script(script, settings, paths=()):
    """Start a script on MicroPython that finds its settings, and modules in `paths`."""
    return subprocess.Popen(
        [*build.micropython("1M"), str(script)],
        env={
            "MICROPYPATH": ":".join([".frozen", *map(str, [*PATHS, *paths])]),
            # Not an argument: those are 255 characters long at most.
            "SETTINGS": json.dumps(settings, default=str),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def finish_node(node, most_s=120):
    """Return what a node says of itself at its end."""
    try:
        said, _ = node.communicate(timeout=most_s)
    finally:
        node.kill()
    assert node.returncode == 0, said
    return json.loads(said.splitlines()[-1])


@contextlib.contextmanager
def mosquitto(folder, more="allow_anonymous true\n", port=None, address="127.0.0.1"):
    """A Mosquitto of its own, as a process with a `port`; skips where there is none."""
    program = _program()
    port = port or free_port()
    path = folder / f"mosquitto{port}.conf"
    path.write_text(f"user root\nlistener {port} {address}\n{more}")
    process = subprocess.Popen([program, "-c", str(path)], stderr=subprocess.DEVNULL)
    process.port = port
    try:
        wait_for(lambda: is_listening(address, port), 10)
        yield process
    finally:
        process.kill()
        process.wait(10)


def is_listening(address, port):
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(kind, folder):
    """A broker of a kind, "embedded" or "mosquitto"; yields its port."""
    if kind == "embedded":
        with Broker() as broker:
            yield broker.port
    else:
        with mosquitto(folder) as process:
            yield process.port


class House:
    """A broker of a kind with a plain listener, `port`, and one for TLS, `tls_port`; a context.

    It can be ended and started again at the same places. `keeps`: its sessions are on the disk.
    """

    def __init__(self, kind, folder, authority, keeps=True, address="127.0.0.1", ports=None):
        self.kind = kind
        self.authority = authority
        self.address = address
        self.port, self.tls_port = ports or (free_port(), free_port())
        self._path = folder / f"{kind}{self.port}.toml"
        certificate = authority.sign(f"of{self.port}", "localhost")
        write = self._rumqttd if kind == "embedded" else self._mosquitto
        self._path.write_text(write(certificate, keeps, folder))
        self._stack = contextlib.ExitStack()
        self.pid = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if self.kind == "embedded":
            broker = self._stack.enter_context(iotcore.Broker(config_path=str(self._path)))
            self.pid = broker._process.pid
        else:
            program = _program()
            process = subprocess.Popen([program, "-c", self._path], stderr=subprocess.DEVNULL)
            self._stack.callback(process.wait, 10)
            self._stack.callback(process.kill)
            self.pid = process.pid
            for port in (self.port, self.tls_port):
                wait_for(lambda port=port: is_listening(self.address, port), 10)

    def stop(self):
        """End it as a loss of power would."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self.pid = None
        self._stack.close()

    def node(self, tls, proxy_port, frames, most_s, **more):
        """Start a node that goes through a proxy, over TLS or not."""
        if tls:
            more = {"host": "localhost", "ca": [self.authority.der], **more}
        return start_node(proxy_port, frames, most_s, **more)

    def _mosquitto(self, certificate, keeps, folder):
        kept = "autosave_on_changes true\nautosave_interval 1\n" if keeps else ""
        # Whatever it has acknowledged is on its way to the listener, however late that reads.
        kept += "max_inflight_messages 0\n"
        return (
            f"user root\nallow_anonymous true\npersistence {str(keeps).lower()}\n"
            f"persistence_location {folder}/\n{kept}listener {self.port} {self.address}\n"
            f"listener {self.tls_port} {self.address}\n"
            f"certfile {certificate}.pem\nkeyfile {certificate}.key\n"
        )

    def _rumqttd(self, certificate, keeps, folder):
        text = "id = 0\n[router]\nid = 0\nmax_connections = 100\nmax_outgoing_packet_count = 200\n"
        text += "max_segment_size = 104857600\nmax_segment_count = 10\n"
        for name, port in (("plain", self.port), ("tls", self.tls_port)):
            text += f'[v4.{name}]\nname = "{name}"\nlisten = "{self.address}:{port}"\n'
            text += "next_connection_delay_ms = 1\n"
            if name == "tls":
                text += f'[v4.tls.tls]\ncertpath = "{certificate}.pem"\n'
                text += f'keypath = "{certificate}.key"\n'
            text += f"[v4.{name}.connections]\nconnection_timeout_ms = 60000\n"
            text += "max_payload_size = 20480\nmax_inflight_count = 100\ndynamic_filters = true\n"
        return text


def _program():
    """Return where Mosquitto is; skips where it is not."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin") or shutil.which(
        "mosquitto"
    )
    if not program:
        pytest.skip("mosquitto is not installed: apt install mosquitto, or brew install mosquitto")
    return program


class Heard(list):
    """The payloads a subscriber has heard. `ended`: it has lost its connection, all read."""

    def __init__(self):
        super().__init__()
        self.ended = threading.Event()


@contextlib.contextmanager
def listening(port, topic="kista/1/n1/frames", address="127.0.0.1", qos=1, **tls):
    """A subscriber straight at the broker; yields what it has Heard.

    With `qos` 0 it writes nothing: no broker's end finds it writing, it reads to the last byte.
    """
    got = Heard()
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if tls:
        client.tls_set(**tls)
    client.on_message = lambda _client, _data, message: got.append(message.payload)
    client.on_subscribe = lambda *_: ready.set()
    client.on_disconnect = lambda *_: got.ended.set()
    # With each connection: a broker that was restarted may have forgotten.
    client.on_connect = lambda *_: client.subscribe(topic, qos)
    client.connect(address, port)
    client.loop_start()
    assert ready.wait(10)
    yield got
    client.disconnect()
    client.loop_stop()


def wait_for(condition, most_s=60):
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def assert_all_arrived(got, said, count, step_most_ms=200):
    """What the node holds for delivered is exactly `count` frames, and the subscriber has them."""
    assert sorted(set(said["acked"])) == list(range(count)), said["stats"]
    end = time.monotonic() + 30
    while len(set(got)) < count and time.monotonic() < end:
        time.sleep(0.02)
    assert {int(payload[:6]) for payload in got} >= set(said["acked"])
    assert said["slowest_ms"] < step_most_ms, said["slowest_ms"]
