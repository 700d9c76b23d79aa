"""The hardware of the simulated node: what `hal_esp32.py` is on the board.

Flash, buses, store and everything else that outlives the node stand in the world's process
(world.py).
The node reaches them through two pipes, a request and an answer each time:

    request   op (1 byte), place (1), simulated unix ms (8), offset (4), size (2), `size` bytes
    answer    status (1 byte: 0 good, 1 OSError, 2 the power is cut), size (2), `size` bytes
"""

import struct
import time

from micropython import const

from host_tools.twin.contacts import edges

REQUEST = "<BBqIH"
ANSWER = "<BH"
ANSWER_BYTES = const(3)
# Its status.
GOOD = const(0)
ERROR = const(1)
CUT = const(2)
# Operations.
FLASH_READ = const(0)
FLASH_PROGRAM = const(1)
FLASH_ERASE = const(2)
UART_READ = const(3)
UART_WRITE = const(4)
I2C_READ_MEM = const(5)
I2C_WRITE_MEM = const(6)
I2C_READ = const(7)
I2C_WRITE = const(8)
STORE_GET = const(9)
STORE_SET = const(10)
CRUMB_LOAD = const(11)
CRUMB_SAVE = const(12)
RESET = const(13)
ROW = const(14)
COMMIT = const(15)
SAY = const(16)

_TICKS_PERIOD = const(1 << 30)
_NTP_DELAY_MS = const(40)
_NTP_UNIX_S = const(2208988800)
_MASK = const(0xFFFFFFFF)


class PowerCut(BaseException):
    """The power is gone: nothing in the node runs on."""


class Reset(BaseException):
    """The node resets itself."""


class Pipe:
    """Asks the world."""

    def __init__(self, reader, writer, scheduler):
        self._reader = open(reader, "rb")
        self._writer = open(writer, "wb")
        self._scheduler = scheduler

    def ask(self, op, place=0, offset=0, data=b"", size=None):
        """Return the world's answer, bytes; `size`: how many are wanted of a read."""
        head = struct.pack(
            REQUEST, op, place, self._scheduler.now_ms, offset, len(data) if size is None else size
        )
        self._writer.write(head + data if data else head)
        answer = self._reader.read(ANSWER_BYTES)
        if not answer:
            # The world has ended, and the node with it.
            raise PowerCut
        status, size = struct.unpack(ANSWER, answer)
        data = self._reader.read(size) if size else b""
        if status == CUT:
            raise PowerCut
        if status == ERROR:
            raise OSError(data.decode())
        return data


class Partition:
    def __init__(self, pipe, place, size):
        self._pipe = pipe
        self._place = place
        self.size = size
        self.sector = 4096

    def read(self, offset, buf):
        buf[:] = self._pipe.ask(FLASH_READ, self._place, offset, size=len(buf))

    def program(self, offset, data):
        self._pipe.ask(FLASH_PROGRAM, self._place, offset, bytes(data))

    def erase(self, offset):
        self._pipe.ask(FLASH_ERASE, self._place, offset)


class Uart:
    def __init__(self, pipe, place):
        self._pipe = pipe
        self._place = place
        self._data = b""

    def any(self):
        data = self._pipe.ask(UART_READ, self._place)
        if data:
            self._data += data
        return len(self._data)

    def read(self, n):
        data = self._data[:n]
        self._data = self._data[n:]
        return data or None

    def write(self, data):
        self._pipe.ask(UART_WRITE, self._place, 0, bytes(data))


class I2c:
    def __init__(self, pipe, place):
        self._pipe = pipe
        self._place = place

    def readfrom_mem_into(self, address, register, buf):
        where = address << 8 | register
        buf[:] = self._pipe.ask(I2C_READ_MEM, self._place, where, size=len(buf))

    def writeto_mem(self, address, register, buf):
        self._pipe.ask(I2C_WRITE_MEM, self._place, address << 8 | register, bytes(buf))

    def readfrom_into(self, address, buf):
        buf[:] = self._pipe.ask(I2C_READ, self._place, address, size=len(buf))

    def writeto(self, address, buf):
        self._pipe.ask(I2C_WRITE, self._place, address, bytes(buf))
        return len(buf)


class I2s:
    """The left channel of I2S, 16 bits a sample; the world's end of it is a serial line."""

    def __init__(self, pipe, place):
        self._pipe = pipe
        self._place = place
        self._data = b""

    def readinto(self, buf):
        import uctypes

        data = self._data or self._pipe.ask(UART_READ, self._place)
        size = min(len(data), 2 * len(buf))
        uctypes.bytearray_at(uctypes.addressof(buf), size)[:] = data[:size]
        self._data = data[size:]
        return size


class Pulse:
    """The edges of one or two contacts; the world's end of each is a serial line."""

    def __init__(self, pipe, places, now_us):
        self._pipe = pipe
        self._places = places
        self._edges = []
        self.now = now_us
        self.lost = 0

    def readinto(self, buf):
        if not self._edges:
            data = [self._pipe.ask(UART_READ, place) for place in self._places]
            self._edges = edges(data, self.now()) if any(data) else []
        count = min(len(buf), len(self._edges))
        for i in range(count):
            buf[i] = self._edges[i]
        self._edges = self._edges[count:]
        return count


class Keep:
    """The key-value store, and the chip's reset-surviving memory."""

    def __init__(self, pipe):
        self._pipe = pipe

    def get(self, key):
        value = self._pipe.ask(STORE_GET, 0, 0, key.encode())
        return value[1:] if value else None

    def set(self, key, value):
        self._pipe.ask(STORE_SET, len(key), 0, key.encode() + value)

    def load(self):
        return self._pipe.ask(CRUMB_LOAD)

    def save(self, crumb):
        self._pipe.ask(CRUMB_SAVE, 0, 0, crumb)


class Network:
    """The post's network: up but for the outages [(from, to), …] in simulated unix ms."""

    def __init__(self, scheduler, outages):
        self._scheduler = scheduler
        self._outages = outages

    def start(self, network):
        pass

    def step(self):
        return 60000

    def up(self):
        now = self._scheduler.now_ms
        return not any(start <= now < end for start, end in self._outages)

    def why(self):
        return "" if self.up() else "no signal"

    def way(self):
        return "wifi"

    def rssi(self):
        return -61 if self.up() else None


class TimeServer:
    """A time server beyond the network, answering with the simulated time (RFC 5905).

    `random(n)`, if it is one that misbehaves: every other answer is a wrong one.
    """

    def __init__(self, scheduler, network, random=None):
        self._scheduler = scheduler
        self._network = network
        self._random = random
        self._reply = None

    def send(self, request):
        if self._network.up():
            now = self._scheduler.now_ms
            self._due = now + _NTP_DELAY_MS
            seconds, ms = divmod(now + _NTP_DELAY_MS // 2, 1000)
            stamp = struct.pack(">II", (seconds + _NTP_UNIX_S) & _MASK, (ms << 32) // 1000)
            head = b"\x24\x02\x06\xec" + bytes(8) + b"TWIN"
            self._reply = head + stamp + bytes(request[40:48]) + stamp + stamp
            if self._random:
                self._reply = self._spoil(self._random(1)[0])

    def _spoil(self, kind):
        """Return a reply that must be refused, or the good one."""
        good = self._reply
        if kind < 128:
            return good
        if kind < 150:
            # Kiss of death.
            return b"\xe4\x00" + good[2:]
        if kind < 170:
            return good[:1] + b"\x10" + good[2:]
        if kind < 190:
            return good[:24] + bytes(8) + good[32:]
        if kind < 210:
            return good[:40] + bytes(8)
        return good[: kind - 208]

    def recv(self):
        if self._reply is None or self._scheduler.now_ms < self._due:
            return None
        reply, self._reply = self._reply, None
        return reply

    def close(self):
        self._reply = None


class Hal:
    """One boot of the simulated node. `places`: {name of a bus or partition: (place, bytes)}."""

    name = "twin"

    def __init__(self, scheduler, pipe, places, network, seed, was_reset, faults=False):
        self._faults = faults
        self._scheduler = scheduler
        self._boot_ms = scheduler.now_ms
        self._pipe = pipe
        self._places = places
        self._was_reset = was_reset
        self._noise = (seed ^ scheduler.now_ms & _MASK) & _MASK or 1
        self.link = network
        self.store = self.crumb = Keep(pipe)
        self.sleep_ms = scheduler.sleep_ms
        self.run = scheduler.run

    def uid(self):
        return b"\x02twin\x01"

    def random(self, n):
        """Return `n` bytes that depend on the seed and the moment of the boot only."""
        out = bytearray(n)
        x = self._noise
        for i in range(n):
            x ^= x << 13 & _MASK
            x ^= x >> 17
            x ^= x << 5 & _MASK
            out[i] = x >> 8 & 0xFF
        self._noise = x
        return bytes(out)

    def ticks_ms(self):
        return (self._scheduler.now_ms - self._boot_ms) % _TICKS_PERIOD

    def wire_ms(self):
        return time.ticks_ms() % _TICKS_PERIOD

    def rtc_ms(self):
        return None

    def set_rtc_ms(self, unix_ms):
        pass

    def uart(self, name, baudrate, rxbuf):
        return Uart(self._pipe, self._places[name][0])

    def i2c(self, name, freq):
        return I2c(self._pipe, self._places[name][0])

    def i2s(self, name, rate, ibuf):
        return I2s(self._pipe, self._places[name][0])

    def pulse(self, names, both, places):
        return Pulse(self._pipe, [self._places[name][0] for name in names], self._now_us)

    def _now_us(self):
        return (self._scheduler.now_ms - self._boot_ms) * 1000 % _TICKS_PERIOD

    def flash(self, name):
        return Partition(self._pipe, *self._places[name])

    def dial(self, host, port, tls=None):
        # The host imports this file for its constants, and has other sockets.
        from gateway import dial

        return dial.Conn(host, port, tls)

    def datagram(self, host, port):
        return TimeServer(self._scheduler, self.link, self.random if self._faults else None)

    def feed(self):
        pass

    def reset_cause(self):
        return "reset" if self._was_reset else "power"

    def reset(self):
        self._pipe.ask(RESET)
        raise Reset
