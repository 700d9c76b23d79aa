"""A day's backlog over a slow link: the node's window of frames, and umqtt.simple's own publish.

    python tests/bench/bench_link.py [FILE of mqtt_as]

All run on MicroPython through the tests' proxy, against the embedded broker. mqtt_as is in no
package: the file is mqtt_as/__init__.py of github.com/peterhinch/micropython-mqtt. Prints a table;
the uplink's time begins with the connection and has its echo in it, the others' do not.
"""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).resolve().parent.parent / folder) for folder in ("", "host_tools")]

from fault_proxy import FaultProxy
from link_rig import finish_node, start_node, start_script

from host_tools.broker import Broker

FRAMES = 96
ROUND_TRIP_S = 0.2
MOST_S = 120


def measure(mqtt_as=None):
    """Return [(name, frames delivered, ms)] of all ways; `mqtt_as`: its file, or None."""
    with Broker() as broker, FaultProxy(broker.port, ROUND_TRIP_S / 2) as proxy:
        ways = {
            "umqtt.simple publish(qos=1)": lambda: start_node(proxy.port, -FRAMES, MOST_S),
            "kista uplink": lambda: start_node(proxy.port, FRAMES, MOST_S),
        }
        if mqtt_as:
            ways["mqtt_as, one at a time"] = lambda: _start_mqtt_as(mqtt_as, proxy.port, 1)
            ways["mqtt_as, 32 tasks"] = lambda: _start_mqtt_as(mqtt_as, proxy.port, 32)
        found = []
        for name, start in ways.items():
            said = finish_node(start(), MOST_S)
            found.append((name, len(set(said["acked"])), said["ms"]))
        return found


def _start_mqtt_as(path, port, at_once):
    module = path.parent if path.name == "__init__.py" else path.with_suffix("")
    settings = {"module": module.name, "port": port, "frames": FRAMES, "at_once": at_once}
    return start_script(Path(__file__).with_name("mqtt_as_node.py"), settings, [module.parent])


def main(mqtt_as=None):
    print(f"{FRAMES} frames of 200 B, round trip {ROUND_TRIP_S * 1000:.0f} ms")
    print(f"{'':30}{'frames':>8}{'seconds':>10}{'frames/s':>10}{'times':>8}")
    found = measure(mqtt_as)
    slowest = found[0][2]
    for name, frames, ms in found:
        rate = frames * 1000 / ms
        print(f"{name:30}{frames:8}{ms / 1000:10.2f}{rate:10.1f}{slowest / ms:8.1f}")


if __name__ == "__main__":
    main(*(Path(name).resolve() for name in sys.argv[1:2] if name))
