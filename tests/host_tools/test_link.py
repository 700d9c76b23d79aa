import time

import pytest
from fault_proxy import FaultProxy
from link_rig import assert_all_arrived, finish_node, listening, running, start_node, wait_for

from host_tools.broker import Broker, free_port


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
