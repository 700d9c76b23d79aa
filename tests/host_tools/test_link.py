"""What a connection can do to a node, over TLS and plainly, with either broker behind it."""

import socket
import struct
import time

import pytest
from fault_proxy import FaultProxy
from link_certificates import Authority
from link_rig import (
    House,
    assert_all_arrived,
    finish_node,
    listening,
    start_node,
    wait_for,
)

from host_tools.broker import Broker, free_port

FRAMES = 700
# Slow enough that each fault finds frames in flight, and frames that wait.
RATE = 100_000
# After each fault so many more frames arrive before the next one.
MORE = 25
# Half a minute without an answer passes in two seconds, a back-off of a second at once.
SPEED = {"wire_speed": 15, "back_off_speed": 20}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "city")


def _delayed(proxy):
    proxy.delay_s = 0.05


def _thin(proxy):
    proxy.rate = 20_000


def _byte_by_byte(proxy):
    proxy.piece = 1


def _cut_inside_packets(proxy):
    # In the first packet (or handshake) of one connection, in the frames of the next.
    proxy.cuts = [30, 3001]
    connections = proxy.connections
    proxy.drop()
    wait_for(lambda: proxy.connections >= connections + 3)


def _dropped(proxy):
    proxy.drop()


def _half_open(proxy):
    connections = proxy.connections
    proxy.frozen = True
    wait_for(lambda: proxy.connections > connections)


def _refused(proxy):
    proxy.target, target = free_port(), proxy.target
    refused = proxy.refused
    proxy.drop()
    wait_for(lambda: proxy.refused > refused)
    proxy.target = target


FAULTS = (_delayed, _thin, _byte_by_byte, _cut_inside_packets, _dropped, _half_open, _refused)


@pytest.mark.slow(15)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_every_frame_arrives_whatever_the_connection_does(kind, tls, authority, tmp_path):
    with (
        House(kind, tmp_path, authority) as house,
        listening(house.port) as got,
        FaultProxy(house.tls_port if tls else house.port) as proxy,
    ):
        proxy.rate = RATE
        node = house.node(tls, proxy.port, FRAMES, 100, **SPEED)
        wait_for(lambda: len(got) >= MORE)
        for fault in FAULTS:
            before = len(got)
            fault(proxy)
            wait_for(lambda before=before: len(got) >= before + MORE or proxy.frozen)
            proxy.mend()
            proxy.rate = RATE
            print(fault.__name__, len(set(got)), "frames")
        assert len(set(got)) < FRAMES, "each fault has found work"
        proxy.mend()
        said = finish_node(node)
        # A step is short (test_jitter.py); here others want the machine too.
        assert_all_arrived(got, said, FRAMES, 2000)
    # Cut twice, dropped twice, half-open, refused.
    assert said["stats"]["reconnects"] >= 5


@pytest.mark.slow
def test_a_node_waits_for_a_broker_that_is_not_there_yet():
    port = free_port()
    node = start_node(port, 10, 90)
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


def test_what_a_broker_says_before_it_resets_the_connection_is_read():
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = start_node(server.getsockname()[1], 1, 2)
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            # It ends in a reset, not in order.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(b"\x20\x02\x00\x05")
        said = finish_node(node)
    assert "not authorised" in said["stats"]["failure"], said
