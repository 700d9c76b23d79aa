"""The uplink and nothing else, on MicroPython and real sockets.

SETTINGS in the environment, a JSON object:

`port`, `frames` to deliver (below zero: by umqtt.simple's own publish), `most_s`; `host`, `node`;
`ca` (list), `cert`, `key`: DER files; `names`: a JSON file {name: address} read at each look-up;
`speed`: so much faster do the link's deadlines pass; `back_off_speed`: and its back-off.
`packet_id`: the first packet's; then the frames are short and made when they are sent, so that
there can be any number of them.
It prints, as JSON, what it was told is delivered.
"""

import json
import os
import socket
import time

from umqtt.simple import MQTTClient

from gateway import dial
from gateway.uplink import Uplink
from link_fakes import CONFIG, Link, Resends, Spool


class Names:
    """The socket module, with names from a file."""

    def __init__(self, path):
        self._path = path

    def __getattr__(self, name):
        return getattr(socket, name)

    def getaddrinfo(self, host, *more):
        address = json.loads(content(self._path)).get(host, host)
        return socket.getaddrinfo(address, *more)


class Stream:
    """A spool of so many short frames, of which none is kept; `acked`: in how many it was told."""

    def __init__(self, count):
        self.waiting = count
        self.acked = 0
        self._done = bytearray(count)

    def coding(self):
        return False

    def pending(self):
        return self.waiting

    def get(self, seq):
        return b"%06d" % seq

    def next(self, after):
        seq = self._done.find(b"\0", after + 1)
        return None if seq < 0 else (seq, self.get(seq))

    def latest(self):
        return None

    def ack(self, seq):
        self.acked += 1
        self.waiting -= not self._done[seq]
        self._done[seq] = 1


class NoResends(Resends):
    """Nothing is asked for again, and nothing is noted."""

    def ended(self, seq):
        pass


class Hal:
    link = Link()

    def __init__(self, speed, back_off_speed):
        self._speed = speed
        self._back_off_speed = back_off_speed

    def wire_ms(self):
        return time.ticks_ms() * self._speed % (1 << 30)

    def uptime_ms(self):
        return time.ticks_ms() * self._back_off_speed

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


def run(settings):
    broker = dict(CONFIG["broker"])
    host = settings.get("host", "127.0.0.1")
    broker.update({"host": host, "port": settings["port"], "tls": tls_of(settings)})
    if "packet_id" in settings:
        spool, resends = Stream(settings["frames"]), NoResends()
    else:
        resends = Resends()
        spool = Spool(settings["frames"])
        spool.frames = {seq: b"%06d" % seq + bytes(194) for seq in spool.frames}
    hal = Hal(settings.get("speed", 1), settings.get("back_off_speed", 1))
    config = {"node": settings.get("node", "n1"), "broker": broker}
    commands = {"hi": lambda arguments: {}}
    report = lambda: json.dumps({"link": uplink.stats()}).encode()  # noqa: E731 - it is one line
    uplink = Uplink(hal, hal, config, spool, resends, [], report, commands)
    session = uplink._session
    session._next_id = settings.get("packet_id", 1)
    began = time.ticks_ms()
    slowest = 0
    while spool.waiting and time.ticks_diff(time.ticks_ms(), began) < settings["most_s"] * 1000:
        start = time.ticks_ms()
        wait = uplink.step()
        slowest = max(slowest, time.ticks_diff(time.ticks_ms(), start))
        time.sleep_ms(min(wait, settings.get("wait_most_ms", wait)) if spool.waiting else 0)
    took = time.ticks_diff(time.ticks_ms(), began)
    said = {"acked": spool.acked, "ms": took, "slowest_ms": slowest, "stats": uplink.stats()}
    said["packet_id"] = session._next_id
    return said


def tls_of(settings):
    if "ca" not in settings:
        return None
    tls = {"ca": [content(path) for path in settings["ca"]]}
    if "cert" in settings:
        tls.update({"cert": content(settings["cert"]), "key": content(settings["key"])})
    return tls


def content(path):
    with open(path, "rb") as file:
        return file.read()


def main(settings):
    if "names" in settings:
        dial.socket = Names(settings["names"])
    if settings["frames"] < 0:
        said = own_publish(settings["port"], -settings["frames"])
    else:
        said = run(settings)
    print(json.dumps(said))


main(json.loads(os.getenv("SETTINGS")))
