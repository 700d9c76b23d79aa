"""The uplink and nothing else, on MicroPython and real sockets: PORT FRAMES MOST_S [CA HOST].

It prints, as JSON, what it was told is delivered. FRAMES below zero: umqtt.simple's own publish.
WIRE_SPEED in the environment: so much faster do the link's deadlines pass.
"""

import json
import os
import sys
import time

from umqtt.simple import MQTTClient

from gateway import dial
from gateway.uplink import Uplink
from link_fakes import CONFIG, Link, Spool


class Hal:
    link = Link()
    speed = int(os.getenv("WIRE_SPEED") or 1)

    def wire_ms(self):
        return time.ticks_ms() * self.speed % (1 << 30)

    def uptime_ms(self):
        return time.ticks_ms()

    def random(self, n):
        return os.urandom(n)

    def dial(self, host, port, tls):
        return dial.Conn(host, port, tls)


def own_publish(port, count):
    client = MQTTClient("own", "127.0.0.1", port, keepalive=60)
    client.connect()
    began = time.ticks_ms()
    for n in range(count):
        client.publish(b"kista/1/own/frames", bytes([n & 255]) * 200, False, 1)
    return {"acked": list(range(count)), "ms": time.ticks_diff(time.ticks_ms(), began)}


def run(port, count, most_s, tls, host):
    broker = dict(CONFIG["broker"])
    broker.update({"host": host, "port": port, "tls": tls})
    spool = Spool(count)
    spool.frames = {seq: b"%06d" % seq + bytes(194) for seq in spool.frames}
    hal = Hal()
    config = {"node": "n1", "broker": broker}
    uplink = Uplink(hal, hal, config, spool, [], lambda: b"{}", {"hi": lambda arguments: {}})
    began = time.ticks_ms()
    slowest = 0
    while spool.waiting and time.ticks_diff(time.ticks_ms(), began) < most_s * 1000:
        start = time.ticks_ms()
        wait = uplink.step()
        slowest = max(slowest, time.ticks_diff(time.ticks_ms(), start))
        time.sleep_ms(wait if spool.waiting else 0)
    took = time.ticks_diff(time.ticks_ms(), began)
    return {"acked": spool.acked, "ms": took, "slowest_ms": slowest, "stats": uplink.stats()}


def content(path):
    with open(path, "rb") as file:
        return file.read()


def main(port, count, most_s, authorities="", host="127.0.0.1"):
    tls = None
    if authorities:
        tls = {"ca": [content(path) for path in authorities.split(",")]}
    if int(count) < 0:
        said = own_publish(int(port), -int(count))
    else:
        said = run(int(port), int(count), int(most_s), tls, host)
    print(json.dumps(said))


main(*sys.argv[1:])
