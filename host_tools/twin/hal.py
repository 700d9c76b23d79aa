"""The hardware of the simulated node: what `hal_esp32.py` is on the board."""

import struct
import time

from gateway import dial
from host_tools.twin import buses

_TICKS_PERIOD = 1 << 30
_NTP_DELAY_MS = 40
_NTP_UNIX_S = 2208988800
# Keep file access and arithmetic of one boot apart from the seed of the next.
_MASK = 0xFFFFFFFF


class Network:
    """The post's network: up but for the outages [(from, to), …] in simulated unix ms."""

    def __init__(self, scheduler, outages):
        self._scheduler = scheduler
        self._outages = outages

    def start(self, network):
        pass

    def step(self):
        return 1000

    def up(self):
        now = self._scheduler.now_ms
        return not any(start <= now < end for start, end in self._outages)

    def why(self):
        return "" if self.up() else "no signal"

    def rssi(self):
        return -61 if self.up() else None


class TimeServer:
    """A time server beyond the network, answering with the simulated time (RFC 5905, 48 bytes)."""

    def __init__(self, scheduler, network):
        self._scheduler = scheduler
        self._network = network
        self._reply = None
        self._due = 0

    def send(self, request):
        if not self._network.up():
            return
        self._due = self._scheduler.now_ms + _NTP_DELAY_MS
        seconds, ms = divmod(self._due - _NTP_DELAY_MS // 2, 1000)
        stamp = struct.pack(">II", (seconds + _NTP_UNIX_S) & _MASK, (ms << 32) // 1000)
        head = bytes((0x24, 2, 6, 0xEC)) + bytes(8) + b"TWIN"
        self._reply = head + stamp + bytes(request[40:48]) + stamp + stamp

    def recv(self):
        if self._reply is None or self._scheduler.now_ms < self._due:
            return None
        reply, self._reply = self._reply, None
        return reply

    def close(self):
        self._reply = None


class Hal:
    """One boot of the simulated node. `models`: {bus name: [sensor model, …]}."""

    name = "twin"

    def __init__(self, scheduler, world, partitions, models, network, seed):
        self._scheduler = scheduler
        self._boot_ms = scheduler.now_ms
        self._partitions = partitions
        self._models = models
        self._world = world
        self._random = (seed ^ (self._boot_ms & _MASK)) & _MASK or 1
        self.link = network
        self.crumb = world
        self.store = world
        self.rtc = None
        self.feeds = 0
        self.sleep_ms = scheduler.sleep_ms
        self.run = scheduler.run

    def uid(self):
        return b"\x02twin\x01"

    def random(self, n):
        """Return `n` bytes that depend on the seed and the moment of the boot only."""
        out = bytearray(n)
        state = self._random
        for i in range(n):
            state ^= state << 13 & _MASK
            state ^= state >> 17
            state ^= state << 5 & _MASK
            out[i] = state >> 8 & 0xFF
        self._random = state
        return bytes(out)

    def now_ms(self):
        """Return what time it is in the simulated world; the firmware has to ask a time server."""
        return self._scheduler.now_ms

    def ticks_ms(self):
        return (self._scheduler.now_ms - self._boot_ms) % _TICKS_PERIOD

    def wire_ms(self):
        return int(time.time() * 1000) % _TICKS_PERIOD

    def rtc_ms(self):
        return None

    def set_rtc_ms(self, unix_ms):
        self.rtc = unix_ms

    def uart(self, name, baudrate, rxbuf):
        return buses.Uart(self._models[name][0], self.now_ms, rxbuf)

    def i2c(self, name, freq):
        return buses.I2c(self._models[name], self.now_ms)

    def flash(self, name):
        return self._partitions[name]

    def dial(self, host, port, tls=None):
        return dial.Conn(host, port, tls)

    def datagram(self, host, port):
        return TimeServer(self._scheduler, self.link)

    def feed(self):
        self.feeds += 1

    def reset_cause(self):
        return "reset" if self._world.was_reset else "power"

    def reset(self):
        self._world.mark_reset()
        raise Reset


class Reset(BaseException):
    """The node resets itself: nothing in it runs on."""
