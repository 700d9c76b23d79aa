"""Publish frames by mqtt_as on MicroPython: SETTINGS as in link_node.py, and `module`, `at_once`.

The radio that mqtt_as expects is always there.
"""

import asyncio
import json
import os
import sys
import time


class _Radio:
    def active(self, on):
        pass

    def connect(self, name, password):
        pass

    def isconnected(self):
        return True


class _Network:
    STA_IF = 0

    def WLAN(self, interface):
        return _Radio()


class _Machine:
    def unique_id(self):
        return b"bench"


sys.modules["network"] = _Network()
sys.modules["machine"] = _Machine()


async def publish(settings):
    """Return what link_node.py prints of umqtt's own publish."""
    library = __import__(settings["module"])
    library.config.update({"server": "127.0.0.1", "port": settings["port"]})
    client = library.MQTTClient(library.config)
    await client.connect(quick=True)
    began = time.ticks_ms()
    waiting = list(range(settings["frames"]))
    acked = []

    async def one_after_the_other():
        while waiting:
            number = waiting.pop(0)
            await client.publish("kista/1/own/frames", bytes([number & 255]) * 200, False, 1)
            acked.append(number)

    await asyncio.gather(*[one_after_the_other() for _ in range(settings["at_once"])])
    return {"acked": acked, "ms": time.ticks_diff(time.ticks_ms(), began)}


print(json.dumps(asyncio.run(publish(json.loads(os.getenv("SETTINGS"))))))
