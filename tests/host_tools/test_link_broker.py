"""What a broker can do to a node: freeze, restart with or without its memory, move away."""

import json
import os
import signal

import paho.mqtt.client as mqtt
import pytest
from fault_proxy import FaultProxy
from link_rig import assert_all_arrived, finish_node, listening, mosquitto, start_node, wait_for

from host_tools.broker import free_port

FRAMES = 400
# A test's own: each connection is slow enough to be caught in the middle of its work.
DELAY_S = 0.02


@pytest.mark.slow
def test_a_frozen_broker_is_given_up_and_taken_up_again_with_nothing_lost(tmp_path):
    with (
        mosquitto(tmp_path) as broker,
        listening(broker.port) as got,
        FaultProxy(broker.port, DELAY_S) as proxy,
    ):
        # Deadlines of half a minute pass in a second.
        node = start_node(proxy.port, FRAMES, 40, wire_speed=30)
        wait_for(lambda: len(got) >= 20)
        os.kill(broker.pid, signal.SIGSTOP)
        wait_for(lambda: proxy.connections >= 2)
        os.kill(broker.pid, signal.SIGCONT)
        said = finish_node(node)
        assert_all_arrived(got, said, FRAMES)
    assert said["stats"]["reconnects"] >= 1
    assert "broker does not" in said["stats"]["failure"]


@pytest.mark.slow
@pytest.mark.parametrize("keeps", [True, False])
def test_a_broker_killed_and_restarted_loses_nothing(keeps, tmp_path):
    # Mosquitto saves its sessions after each change, or never.
    memory = f"persistence {str(keeps).lower()}\npersistence_location {tmp_path}/\n"
    memory += "allow_anonymous true\n" + "autosave_on_changes true\nautosave_interval 1\n" * keeps
    with FaultProxy(free_port(), DELAY_S) as proxy:
        with mosquitto(tmp_path, memory) as broker, listening(broker.port) as before:
            proxy.target = broker.port
            node = start_node(proxy.port, FRAMES, 30)
            wait_for(lambda: len(before) >= 20)
        with mosquitto(tmp_path, memory, broker.port) as broker, listening(broker.port) as after:
            said = finish_node(node)
            wait_for(lambda: len({*before, *after}) == FRAMES)
    assert said["stats"]["reconnects"] >= 1
    # What was in flight may come twice; what is acknowledged has come.
    assert sorted(set(said["acked"])) == list(range(FRAMES)), said["stats"]


@pytest.mark.slow
def test_a_broker_that_moved_is_found_under_its_name(tmp_path):
    names = tmp_path / "names"
    names.write_text(json.dumps({"broker.city": "127.0.0.1"}))
    with mosquitto(tmp_path) as old, listening(old.port) as before:
        node = start_node(old.port, 800, 30, host="broker.city", names=names)
        wait_for(lambda: len(before) >= 20)
        names.write_text(json.dumps({"broker.city": "127.0.0.2"}))
    with (
        mosquitto(tmp_path, port=old.port, address="127.0.0.2"),
        listening(old.port, address="127.0.0.2") as after,
    ):
        said = finish_node(node)
        wait_for(lambda: len({*before, *after}) == 800)
    assert said["stats"]["reconnects"] >= 1 and len(set(said["acked"])) == 800


@pytest.mark.slow
def test_commands_that_come_during_a_drain_are_answered_while_it_goes_on(tmp_path):
    with (
        mosquitto(tmp_path) as broker,
        listening(broker.port) as got,
        listening(broker.port, "kista/1/n1/reply") as replies,
        FaultProxy(broker.port, DELAY_S) as proxy,
    ):
        node = start_node(proxy.port, FRAMES, 30)
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
