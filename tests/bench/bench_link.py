"""A day's backlog over a slow link: the node's window of frames, and umqtt.simple's own publish.

Both run on MicroPython through the tests' proxy, against the embedded broker. Prints a table.
"""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).resolve().parent.parent / folder) for folder in ("", "host_tools")]

from fault_proxy import FaultProxy
from link_rig import finish_node, start_node

from host_tools.broker import Broker

FRAMES = 96
ROUND_TRIP_S = 0.2
MOST_S = 120


def measure():
    """Return [(name, frames delivered, ms)] of both ways."""
    with Broker() as broker, FaultProxy(broker.port, ROUND_TRIP_S / 2) as proxy:
        ways = (("umqtt.simple publish(qos=1)", -FRAMES), ("kista uplink", FRAMES))
        found = []
        for name, frames in ways:
            said = finish_node(start_node(proxy.port, frames, MOST_S), MOST_S)
            found.append((name, len(set(said["acked"])), said["ms"]))
        return found


def main():
    print(f"{FRAMES} frames of 200 B, round trip {ROUND_TRIP_S * 1000:.0f} ms")
    print(f"{'':30}{'frames':>8}{'seconds':>10}{'frames/s':>10}{'times':>8}")
    found = measure()
    slowest = found[0][2]
    for name, frames, ms in found:
        rate = frames * 1000 / ms
        print(f"{name:30}{frames:8}{ms / 1000:10.2f}{rate:10.1f}{slowest / ms:8.1f}")


if __name__ == "__main__":
    main()
