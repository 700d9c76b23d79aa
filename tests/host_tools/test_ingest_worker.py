import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt
import pytest

from host_tools import cli
from host_tools.broker import Broker as EmbeddedBroker
from host_tools.broker import free_port
from host_tools.errors import UserError
from host_tools.ingest import database, worker
from host_tools.ingest.store import Store
from host_tools.urls import Broker
from ingest_data import (
    SCHEMA,
    contents,
    encoded,
    expected,
    make_frame,
    schema_message,
)

KISTA = [sys.executable, "-c", "from host_tools.cli import main; main()"]
WAIT_MOST_S = 20


@pytest.fixture
def broker():
    with EmbeddedBroker() as running:
        yield Broker("127.0.0.1", running.port)


@pytest.fixture
def publish(broker):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "test-publisher")
    client.connect(broker.host, broker.port)
    client.loop_start()

    def send(topic, payload, retain=False):
        client.publish(topic, payload, 1, retain).wait_for_publish(WAIT_MOST_S)

    yield send
    client.disconnect()
    client.loop_stop()


def announce(publish, node="n1"):
    message = schema_message(node=node)
    publish(message.topic, message.payload, retain=True)


def until(condition):
    end = time.monotonic() + WAIT_MOST_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@contextlib.contextmanager
def working(broker, path):
    """A worker in a thread of its own; yields it and what it says."""
    said = []
    one = worker.Worker(broker, path, said.append)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        until(one.ready.is_set)
        yield one, said
    finally:
        one.stop()
        thread.join()


def ingest(broker, path, *options):
    command = [*KISTA, "ingest", "--broker", str(broker), "--db", f"sqlite:///{path}", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    output, errors = process.communicate(timeout=WAIT_MOST_S)
    return process.returncode, output, errors


def stored(path):
    with contextlib.closing(database.open_existing(path)) as db:
        return contents(db)


@pytest.mark.slow(10)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_worker_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    broker, publish, tmp_path, seed
):
    chance = random.Random(seed)
    path = tmp_path / "k.db"
    frames = [make_frame(seq, rows=40) for seq in range(160)]
    process = ingest(broker, path)
    assert "connected" in process.stderr.readline()

    def flood():
        for content in frames:
            data = encoded(content.seq, rows=40)
            publish("kista/1/n1/frames", data)
            if chance.random() < 0.1:
                publish("kista/1/n1/frames", data)
            if content.seq == 80:
                announce(publish)
            if content.seq % 50 == 7:
                publish("kista/1/n1/frames", b"noise %d" % content.seq)
            time.sleep(0.01)

    flooding = threading.Thread(target=flood)
    flooding.start()
    kills = 0
    while flooding.is_alive():
        time.sleep(chance.uniform(0.05, 0.9))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
        process = ingest(broker, path, "--until-idle", "1.5")
    flooding.join()
    code, _, errors = ended(process)
    assert code == 0, f"seed {seed}: {errors}"
    assert kills >= 3 and stored(path) == expected(frames), f"seed {seed}, {kills} kills"
    with contextlib.closing(database.open_existing(path)) as db:
        assert db.execute("SELECT count(*) FROM aside").fetchone() == (4,)
    assert "again=0" in ended(ingest(broker, path, "--until-idle", "0.5"))[1]


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_leaves_nothing_unacknowledged(broker, publish, tmp_path):
    path = tmp_path / "k.db"
    process = ingest(broker, path)
    assert "connected" in process.stderr.readline()
    announce(publish)
    for seq in range(30):
        publish("kista/1/n1/frames", encoded(seq))
    until(lambda: len(stored(path)) == 30 * 18)
    process.send_signal(signal.SIGINT)
    code, output, errors = ended(process)
    assert code == 130 and "Traceback" not in errors
    assert "frames=30 rows=180 values=540 again=0 waiting=0 aside=0" in output
    publish("kista/1/n1/frames", encoded(30))
    code, output, _ = ended(ingest(broker, path, "--until-idle", "0.5"))
    assert code == 0 and "frames=1 rows=6 values=18 again=0 waiting=0 aside=0" in output


@pytest.mark.slow
def test_a_locked_database_delays_and_loses_nothing(broker, publish, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_MS", 50)
    path = tmp_path / "k.db"
    with working(broker, path) as (_, said):
        announce(publish)
        locker = sqlite3.connect(path, isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        publish("kista/1/n1/frames", encoded(0))
        until(lambda: len(said) == 2)
        time.sleep(0.5)
        # Stopped while it waits: what it could not write, it did not acknowledge.
    assert "locked" in said[1] and len(said) == 2 and stored(path) == []
    with working(broker, path) as (_, said):
        until(lambda: len(said) == 2)
        publish("kista/1/n1/frames", encoded(1))
        locker.execute("ROLLBACK")
        until(lambda: len(said) == 3)
        assert "written again" in said[2]
        until(lambda: len(stored(path)) == 36)
    locker.close()
    assert stored(path) == expected([make_frame(0), make_frame(1)])


@pytest.mark.slow
def test_a_full_disk_is_said_once_and_waited_for(broker, publish, tmp_path, monkeypatch):
    full = [True] * 3
    apply = Store.apply

    def limited(self, arrivals):
        # No page more than there are: SQLite then says what it says of a full disk.
        self._db.execute(f"PRAGMA max_page_count = {1 if full else 1 << 30}")
        try:
            return apply(self, arrivals)
        except sqlite3.OperationalError:
            full.pop()
            raise

    monkeypatch.setattr(Store, "apply", limited)
    path = tmp_path / "k.db"
    frames = [make_frame(seq, rows=40) for seq in range(8)]
    with working(broker, path) as (one, said):
        announce(publish)
        for frame in frames:
            publish("kista/1/n1/frames", encoded(frame.seq, rows=40))
        until(lambda: one.counts["frames"] == len(frames))
    assert not full and [line for line in said if "disk is full" in line] == said[1:2]
    assert "written again" in said[2] and stored(path) == expected(frames)


@pytest.mark.slow
def test_a_broker_that_comes_back_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "RECONNECT_MOST_S", 1)
    port = free_port()
    path = tmp_path / "k.db"
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(EmbeddedBroker(port))
        one, said = stack.enter_context(working(Broker("127.0.0.1", port), path))
        first.__exit__()
        until(lambda: not one.ready.is_set())
        with EmbeddedBroker(port):
            until(one.ready.is_set)
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
            client.connect("127.0.0.1", port)
            client.loop_start()
            client.publish(schema_message().topic, SCHEMA, 1)
            client.publish("kista/1/n1/frames", encoded(0), 1).wait_for_publish(WAIT_MOST_S)
            until(lambda: one.counts["frames"] == 1)
            client.disconnect()
            client.loop_stop()
    url = f"mqtt://127.0.0.1:{port}"
    assert [line.split(" (")[0] for line in said[:3]] == [
        f"{url}: connected",
        f"{url}: connection lost",
        f"{url}: connected",
    ]


def test_a_packet_id_of_an_earlier_connection_is_never_acknowledged(tmp_path):
    acknowledged = []

    class Client:
        def ack(self, packet, qos):
            acknowledged.append(packet)

    one = worker.Worker(Broker("127.0.0.1", 1), tmp_path / "k.db", lambda line: None)
    old, new = (worker._Delivery(None, connection, 7) for connection in (0, 1))
    one._acknowledge(Client(), old)
    one._on_disconnect(None, None, None, "gone", None)
    one._acknowledge(Client(), old)
    assert acknowledged == [7]
    one._acknowledge(Client(), new)
    assert acknowledged == [7, 7]
    # Of QoS 0: there is nothing to acknowledge.
    one._acknowledge(Client(), worker._Delivery(None, 1, 0))
    assert acknowledged == [7, 7]


def test_no_broker_is_one_line_without_the_password(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(worker, "CONNECT_MOST_S", 0.3)
    url = f"mqtt://me:secret@127.0.0.1:{free_port()}"
    db = f"sqlite:///{tmp_path}/k.db"
    with pytest.raises(SystemExit) as end:
        cli.main(["ingest", "--broker", url, "--db", db, "--until-idle", "0.2"])
    errors = capsys.readouterr().err
    assert end.value.code == 1 and "refused" in errors
    assert "me@127.0.0.1" in errors and "secret" not in errors and "Traceback" not in errors


def test_refused_credentials_end_it_at_once(tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def refuse():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                # CONNACK of MQTT 3.1.1, section 3.2: return code 5, not authorised.
                connection.sendall(b"\x20\x02\x00\x05")
                time.sleep(0.2)

        refusing = threading.Thread(target=refuse)
        refusing.start()
        broker = Broker("127.0.0.1", server.getsockname()[1], "me", "secret")
        one = worker.Worker(broker, tmp_path / "k.db", lambda line: None)
        with pytest.raises(UserError, match="refuses us"):
            one.run()
        refusing.join()
