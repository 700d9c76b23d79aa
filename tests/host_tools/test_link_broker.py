"""What a broker can do to a node: freeze, restart with or without its memory, move away."""

import json
import os
import signal
import time

import paho.mqtt.client as mqtt
import pytest
from fault_proxy import FaultProxy
from link_certificates import Authority
from link_rig import (
    House,
    assert_all_arrived,
    finish_node,
    listening,
    mosquitto,
    start_node,
    wait_for,
)

from host_tools.broker import free_port

FRAMES = 400
# A node gives up by itself; each is done in a few seconds where nobody else wants the machine.
MOST_S = 90
# A test's own: each connection is slow enough to be caught in the middle of its work.
DELAY_S = 0.02


# Half a minute without an answer passes in two seconds, a back-off of a second at once.
FROZEN = {"wire_speed": 15, "back_off_speed": 20}
KILLED = {"back_off_speed": 20}
# The embedded broker acknowledges before it passes on: what it had so when it was killed, ingest
# asks for (test_repair.py). It passes on what the listener has room for: see _kill.
FORGOTTEN_MOST = {"mosquitto": 0, "embedded": 64}
QUIET_S = 0.3
# A step is short (test_jitter.py); here others want the machine too.
STEP_MOST_MS = 2000


def _kill(house, node, got):
    """Kill a broker in the middle of a drain; return when its listener has read all it had said.

    The listener is no further behind than a window: on a busy machine it could be by hundreds of
    frames that the broker has acknowledged.
    """
    wait_for(lambda: len(got) >= 20)
    os.kill(node.pid, signal.SIGSTOP)
    before = -1
    while len(got) != before:
        before = len(got)
        time.sleep(QUIET_S)
    os.kill(node.pid, signal.SIGCONT)
    wait_for(lambda: len(got) > before)
    house.stop()
    assert got.ended.wait(10)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "city")


@pytest.mark.slow
@pytest.mark.parametrize("kind, tls", [("mosquitto", True), ("embedded", False)])
def test_a_frozen_broker_is_given_up_and_taken_up_again_with_nothing_lost(
    kind, tls, authority, tmp_path
):
    with (
        House(kind, tmp_path, authority) as house,
        listening(house.port) as got,
        FaultProxy(house.tls_port if tls else house.port, DELAY_S) as proxy,
    ):
        node = house.node(tls, proxy.port, FRAMES, MOST_S, **FROZEN)
        wait_for(lambda: len(got) >= 20)
        os.kill(house.pid, signal.SIGSTOP)
        wait_for(lambda: proxy.connections >= 2)
        os.kill(house.pid, signal.SIGCONT)
        said = finish_node(node)
        assert_all_arrived(got, said, FRAMES, STEP_MOST_MS)
    assert said["stats"]["reconnects"] >= 1
    assert "broker does not" in said["stats"]["failure"], said["stats"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, keeps, tls",
    [("mosquitto", True, False), ("mosquitto", False, True), ("embedded", False, True)],
)
def test_a_broker_killed_and_restarted_loses_nothing(kind, keeps, tls, authority, tmp_path):
    # Mosquitto saves its sessions after each change, or never; the embedded broker never.
    with (
        House(kind, tmp_path, authority, keeps) as house,
        FaultProxy(free_port(), DELAY_S) as proxy,
    ):
        proxy.target = house.tls_port if tls else house.port
        with listening(house.port, qos=0) as before:
            node = house.node(tls, proxy.port, FRAMES, MOST_S, **KILLED)
            _kill(house, node, before)
        # Nobody would hear what the node says before the listener is there.
        target, proxy.target = proxy.target, free_port()
        house.start()
        with listening(house.port) as after:
            proxy.target = target
            said = finish_node(node)
            wait_for(lambda: len({*before, *after}) >= FRAMES - FORGOTTEN_MOST[kind])
    assert said["stats"]["reconnects"] >= 1
    # What was in flight may come twice; what is acknowledged has come.
    assert sorted(set(said["acked"])) == list(range(FRAMES)), said["stats"]


@pytest.mark.slow(8)
@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_a_broker_that_moved_is_found_under_its_name(kind, authority, tmp_path):
    names = tmp_path / "names"
    names.write_text(json.dumps({"broker.city": "127.0.0.1"}))
    with House(kind, tmp_path, authority) as old, listening(old.port, qos=0) as before:
        node = start_node(old.port, 800, MOST_S, host="broker.city", names=names)
        _kill(old, node, before)
    ports = (old.port, old.tls_port)
    with (
        House(kind, tmp_path, authority, address="127.0.0.2", ports=ports) as moved,
        listening(moved.port, address="127.0.0.2") as after,
    ):
        names.write_text(json.dumps({"broker.city": "127.0.0.2"}))
        said = finish_node(node)
        wait_for(lambda: len({*before, *after}) >= 800 - FORGOTTEN_MOST[kind])
    assert said["stats"]["reconnects"] >= 1 and len(set(said["acked"])) == 800


@pytest.mark.slow
def test_commands_that_come_during_a_drain_are_answered_while_it_goes_on(tmp_path):
    with (
        mosquitto(tmp_path) as broker,
        listening(broker.port) as got,
        listening(broker.port, "kista/1/n1/reply") as replies,
        FaultProxy(broker.port, DELAY_S) as proxy,
    ):
        node = start_node(proxy.port, FRAMES, MOST_S)
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        wait_for(lambda: len(got) >= 20)
        for ident in range(20):
            text = json.dumps({"id": ident})
            client.publish("kista/1/n1/command/hi", text, 1).wait_for_publish(10)
        wait_for(lambda: len(replies) == 20)
        # The last reply came before the last frame: neither waits for the other.
        assert len(got) < FRAMES
        assert_all_arrived(got, finish_node(node), FRAMES)
        client.disconnect()
        client.loop_stop()
    assert [json.loads(reply)["id"] for reply in replies] == list(range(20))
