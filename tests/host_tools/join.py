"""Joins Wi-Fi with the firmware's own link, for a test: NETWORKS AIR SECONDS [SECOND AIR], JSON.

`network` is the test board's; the station is one that needs its time, keeps the status of the
attempt before until it has a new one, and refuses what the chip refuses. Prints (second, what it
says) whenever that changes.
"""

import json
import sys

import network

from gateway import links

TAKES_MS = 4000
now = 0


class Station:
    """What is known of the chip's driver: it refuses `connect` while it is connecting."""

    def __init__(self, interface):
        self._status = network.STAT_IDLE
        self._wanted = None
        self._due = 0

    def active(self, on):
        pass

    def connect(self, ssid, password):
        if self._wanted is not None:
            raise OSError("Wifi Internal State Error")
        self._wanted = (ssid, password)
        self._due = now + TAKES_MS

    def disconnect(self):
        self._wanted = None

    def isconnected(self):
        if self._wanted and now >= self._due:
            ssid, password = self._wanted
            if ssid not in air:
                self._status = network.STAT_NO_AP_FOUND
            elif air[ssid] == password:
                self._status = network.STAT_GOT_IP
            else:
                self._status = network.STAT_WRONG_PASSWORD
        return self._wanted is not None and self._status == network.STAT_GOT_IP

    def status(self):
        return self._status


class Time:
    def ticks_ms(self):
        return now

    def ticks_diff(self, a, b):
        return a - b


network.WLAN = Station
wanted, air, seconds = json.loads(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
changes = json.loads(sys.argv[4]) if len(sys.argv) > 4 else []
time = Time()
link = links.Link(time, lambda kind, settings: links.Wifi(network, time, settings))
link.start({"wifi": wanted})
said = None
heard = []
while now < seconds * 1000:
    now += link.step()
    if changes and now >= changes[0] * 1000:
        air = changes[1]
        changes = []
    if link.why() != said:
        said = link.why()
        heard.append([now // 1000, said])
print(json.dumps(heard))
