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

from host_tools.twin.node_exits import EXIT_POWER_CUT, EXIT_RESET

REQUEST = "<BBqIH"
ANSWER = "<BH"
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
TIME_ASK = const(17)
TIME_TOLD = const(18)

_TICKS_PERIOD = const(1 << 30)
_MASK = const(0xFFFFFFFF)


class End(BaseException):
    """Nothing in the node runs on: the power is gone, or it resets itself. Its code says which."""


class Partition:
    def __init__(self, hal, place, size):
        self._hal = hal
        self._place = place
        self.size = size
        self.sector = 4096

    def read(self, offset, buf):
        buf[:] = self._hal.ask(FLASH_READ, self._place, offset, size=len(buf))

    def program(self, offset, data):
        self._hal.ask(FLASH_PROGRAM, self._place, offset, bytes(data))

    def erase(self, offset):
        self._hal.ask(FLASH_ERASE, self._place, offset)


class Bus:
    """A serial line or an I2C bus."""

    def __init__(self, hal, place):
        self._hal = hal
        self._place = place
        self._data = b""

    def any(self):
        data = self._hal.ask(UART_READ, self._place)
        if data:
            self._data = self._data + data if self._data else data
        return len(self._data)

    def read(self, n):
        data = self._data
        self._data = data[n:]
        return (data if n >= len(data) else data[:n]) or None

    def write(self, data):
        self._hal.ask(UART_WRITE, self._place, 0, bytes(data))

    def readfrom_mem_into(self, address, register, buf):
        where = address << 8 | register
        buf[:] = self._hal.ask(I2C_READ_MEM, self._place, where, size=len(buf))

    def writeto_mem(self, address, register, buf):
        self._hal.ask(I2C_WRITE_MEM, self._place, address << 8 | register, bytes(buf))

    def readfrom_into(self, address, buf):
        buf[:] = self._hal.ask(I2C_READ, self._place, address, size=len(buf))

    def writeto(self, address, buf):
        self._hal.ask(I2C_WRITE, self._place, address, bytes(buf))
        return len(buf)


class Hal:
    """One boot of the simulated node. `pipes`: files, to read and to write; `plan`: see run.py.

    It is its own key-value store, reset-surviving memory, time server and network: an object of
    each would take more of the heap, and all answers are the world's anyway.
    """

    name = "twin"

    def __init__(self, scheduler, pipes, plan):
        self._scheduler = scheduler
        self._boot_ms = scheduler.now_ms
        self._reader, self._writer = pipes
        # Thousands are asked in an hour: no memory is taken for it.
        self._request = bytearray(struct.calcsize(REQUEST))
        self._answer = bytearray(struct.calcsize(ANSWER))
        # {name of a bus or partition: (place, bytes)}; None once all of them are open.
        self.places = plan["places"]
        self._outages = plan["outages"]
        self._was_reset = plan["was_reset"]
        self._noise = (plan["seed"] ^ scheduler.now_ms & _MASK) & _MASK or 1
        self.link = self.store = self.crumb = self
        self.sleep_ms = scheduler.sleep_ms
        self.run = scheduler.run

    def ask(self, op, place=0, offset=0, data=b"", size=None):
        """Return the world's answer, bytes; `size`: how many are wanted of a read."""
        now = self._scheduler.now_ms
        size = len(data) if size is None else size
        struct.pack_into(REQUEST, self._request, 0, op, place, now, offset, size)
        self._writer.write(self._request)
        if data:
            self._writer.write(data)
        answer = self._answer
        if not self._reader.readinto(answer):
            # The world has ended, and the node with it.
            raise End(EXIT_POWER_CUT)
        status, size = answer[0], answer[1] | answer[2] << 8
        data = self._reader.read(size) if size else b""
        if status == CUT:
            raise End(EXIT_POWER_CUT)
        if status == ERROR:
            raise OSError(data.decode())
        return data

    # The post's network: up but for the outages [(from, to), …] in simulated unix ms.
    def step(self):
        return 60000

    def up(self):
        now = self._scheduler.now_ms
        down = False
        for start, end in self._outages:
            down = down or start <= now < end
        return not down

    def why(self):
        return "" if self.up() else "no signal"

    def way(self):
        return "wifi"

    def rssi(self):
        return -61 if self.up() else None

    # The store, and the memory.
    def get(self, key):
        value = self.ask(STORE_GET, 0, 0, key.encode())
        return value[1:] if value else None

    def set(self, key, value):
        self.ask(STORE_SET, len(key), 0, key.encode() + value)

    def load(self):
        return self.ask(CRUMB_LOAD)

    def save(self, crumb):
        self.ask(CRUMB_SAVE, 0, 0, crumb)

    # A datagram to the time server and back.
    def datagram(self, host, port):
        return self

    def send(self, request):
        self.ask(TIME_ASK, 0, 0, bytes(request))

    def recv(self):
        return self.ask(TIME_TOLD) or None

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

    def uart(self, name, *settings):
        return Bus(self, self.places[name][0])

    i2c = uart

    def i2s(self, name, rate, ibuf):
        from host_tools.twin.edge_buses import I2s

        return I2s(self, self.places[name][0])

    def pulse(self, names, both, places):
        from host_tools.twin.edge_buses import Pulse

        return Pulse(self, [self.places[name][0] for name in names], self._now_us)

    def _now_us(self):
        return (self._scheduler.now_ms - self._boot_ms) * 1000 % _TICKS_PERIOD

    def flash(self, name):
        return Partition(self, *self.places[name])

    def dial(self, host, port, tls=None):
        # The host imports this file for its constants, and has other sockets.
        from gateway import dial

        return dial.Conn(host, port, tls)

    def rtc_ms(self, *given):
        """There is no such clock, no watchdog, nothing to start or to close."""
        return None

    set_rtc_ms = feed = start = close = rtc_ms

    def reset_cause(self):
        return "reset" if self._was_reset else "power"

    def reset(self):
        self.ask(RESET)
        raise End(EXIT_RESET)
