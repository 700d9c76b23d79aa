"""More packets than there are packet ids, through real brokers.

`make test` begins shortly before the last id; `make packets` sends 140,000, which use each of the
65,535 ids twice.
"""

import os

import pytest
from link_rig import finish_node, listening, mosquitto, start_node, wait_for

from host_tools.broker import Broker

EVERYTHING = os.environ.get("KISTA_PACKETS") == "all"
IDS = 65535
FRAMES = 140_000 if EVERYTHING else 200
FIRST = 1 if EVERYTHING else IDS - 60
MOST_S = 600 if EVERYTHING else 20
# Status, subscription, echo and health of the one connection.
OTHERS = 4
# Otherwise Mosquitto throws away what the listener does not take fast enough.
PATIENT = "allow_anonymous true\nmax_queued_messages 0\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_packet_ids_begin_again_and_every_frame_arrives_once(kind, tmp_path):
    with (
        Broker() if kind == "embedded" else mosquitto(tmp_path, PATIENT) as broker,
        listening(broker.port) as got,
    ):
        node = start_node(broker.port, FRAMES, MOST_S, packet_id=FIRST, wait_most_ms=1)
        said = finish_node(node, MOST_S + 10)
        wait_for(lambda: len(got) >= FRAMES, MOST_S)
    print(f"{kind}: {FRAMES} frames in {said['ms'] / 1000:.1f} s")
    assert [int(payload) for payload in got] == list(range(FRAMES))
    assert said["acked"] == said["stats"]["sent"] == FRAMES
    assert said["stats"]["reconnects"] == 0
    packets = FIRST - 1 + FRAMES + OTHERS
    assert said["packet_id"] == packets % IDS + 1 and packets > IDS
