"""The ESP32 under the firmware: the only file that touches `machine`.

For stock MicroPython images 1.24 to 1.26. What the board is (pins, buses) comes in as its data
file.
"""

import asyncio
import os
import select
import time

import esp32
import machine
import network
from micropython import const

from gateway import dial, edges, links

_EPOCH_2000_S = const(946684800)
_SECTOR = const(4096)
_ERASE_BLOCK = const(6)
_WATCHDOG_MS = const(120 * 1000)
_STORE_NAMESPACE = "kista"
_STORE_MOST = const(4000)
# ESP_ERR_NVS_NOT_FOUND, which the port hands on as a negative number.
_NOT_FOUND = const(-0x1102)
_CRUMB_MOST = const(256)
# A receive buffer must be larger than the chip's own of 128 bytes, or the driver refuses it.
_RXBUF_LEAST = const(256)
# For PPP: a packet of 1500 bytes each way, and some.
_MODEM_BUFFER = const(2048)
# A WS2812's pulses: a zero's high and low, a one's (ns); the colours come green, red, blue.
_WS2812 = (400, 850, 800, 450)
_LIT = b"\x10\x00\x00"
_DARK = b"\x00\x00\x00"
_CAUSES = {
    machine.PWRON_RESET: "power",
    machine.HARD_RESET: "reset",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "sleep",
    machine.SOFT_RESET: "soft",
}


class Partition:
    """A raw data partition, found by its label."""

    sector = _SECTOR

    def __init__(self, label):
        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=label)
        if not found:
            # Types of our own are not "data": the journal is 0x40, the spool 0x41.
            for kind in (0x40, 0x41):
                found = found or esp32.Partition.find(kind, label=label)
        if not found:
            raise OSError("no partition %r in this flash" % label)
        self._part = found[0]
        self.size = self._part.info()[3]

    def read(self, offset, buf):
        self._part.readblocks(offset // _SECTOR, buf, offset % _SECTOR)

    def program(self, offset, data):
        # With an offset the port programs without erasing.
        self._part.writeblocks(offset // _SECTOR, data, offset % _SECTOR)

    def erase(self, offset):
        self._part.ioctl(_ERASE_BLOCK, offset // _SECTOR)


class Store:
    """Secrets and small settings in NVS."""

    def __init__(self):
        self._nvs = esp32.NVS(_STORE_NAMESPACE)
        self._buffer = bytearray(_STORE_MOST)

    def get(self, key):
        try:
            size = self._nvs.get_blob(key, self._buffer)
        except OSError as error:
            if error.errno == _NOT_FOUND:
                return None
            raise
        return bytes(self._buffer[:size])

    def set(self, key, value):
        self._nvs.set_blob(key, value)
        self._nvs.commit()


class Crumb:
    """Memory that survives watchdog and panic, but no power cut."""

    def __init__(self):
        self._memory = machine.RTC().memory

    def load(self):
        return self._memory()

    def save(self, crumb):
        self._memory(crumb[:_CRUMB_MOST])


class Datagram:
    """UDP to one host, non-blocking."""

    def __init__(self, host, port):
        import socket

        address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1]
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        # Connected: the chip drops datagrams of everybody else.
        self._sock.connect(address)

    def send(self, data):
        self._sock.send(data)

    def recv(self):
        try:
            return self._sock.recv(64)
        except OSError as error:
            if error.errno in dial.NOT_YET:
                return None
            raise

    def close(self):
        self._sock.close()


class Hal:
    """`board`: the dict of the board's data file."""

    name = "esp32"

    def __init__(self, board):
        self._buses = board["buses"]
        self._i2c_freqs = {}
        self._watchdog = None
        self._led = board.get("led")
        if self._led:
            self._led_pin = machine.Pin(self._led["pin"], machine.Pin.OUT)
        self._wired = {kind: board[kind] for kind in links.KINDS if kind in board}
        self.link = links.Link(time, self._open_way)
        self.store = Store()
        self.crumb = Crumb()
        self.ticks_ms = time.ticks_ms
        self.wire_ms = time.ticks_ms
        self.sleep_ms = asyncio.sleep_ms
        self.random = os.urandom
        self.uid = machine.unique_id
        self.reset = machine.reset
        self.dial = dial.Conn
        self.flash = Partition
        self.datagram = Datagram

    def rtc_ms(self):
        """Return unix ms; a clock that was never set shows the year 2000, which nobody believes."""
        return time.time_ns() // 1000000 + _EPOCH_2000_S * 1000

    def set_rtc_ms(self, unix_ms):
        when = time.gmtime(unix_ms // 1000 - _EPOCH_2000_S)
        machine.RTC().datetime(when[:3] + (when[6],) + when[3:6] + (unix_ms % 1000 * 1000,))

    def run(self, loops):
        """Run all loops together until one raises."""

        async def together():
            await asyncio.gather(*loops)

        asyncio.run(together())

    def _open_way(self, kind, settings):
        """Return a way into the network; only what is configured is loaded."""
        if kind == "wifi":
            return links.Wifi(network, time, settings)
        about = self._wired[kind]
        if kind == "ethernet":
            from gateway import ethernet

            return ethernet.Ethernet(network, machine.Pin, about)
        from gateway import lte

        pins = about["pins"]
        uart = machine.UART(
            about["number"],
            baudrate=about["baudrate"],
            tx=pins["tx"],
            rx=pins["rx"],
            rxbuf=_MODEM_BUFFER,
            txbuf=_MODEM_BUFFER,
        )
        key = machine.Pin(pins["power_key"], machine.Pin.OUT, value=0)
        return lte.Lte(uart, network.PPP(uart), key, time, settings, about["press_ms"])

    def uart(self, name, baudrate, rxbuf):
        bus = self._bus(name, "uart")
        pins = bus["pins"]
        return machine.UART(
            bus["number"],
            baudrate=baudrate,
            tx=pins["tx"],
            rx=pins["rx"],
            rxbuf=max(rxbuf, _RXBUF_LEAST),
        )

    def i2c(self, name, freq):
        bus = self._bus(name, "i2c")
        pins = bus["pins"]
        # One peripheral serves all on the bus: it goes as slowly as one of them needs.
        freq = self._i2c_freqs[name] = min(freq, self._i2c_freqs.get(name, freq))
        return machine.I2C(
            bus["number"], scl=machine.Pin(pins["scl"]), sda=machine.Pin(pins["sda"]), freq=freq
        )

    def i2s(self, name, rate, ibuf):
        """Return a bus whose `readinto` takes what waits: 16 bits a sample, the left channel."""
        bus = self._bus(name, "i2s")
        pins = bus["pins"]
        i2s = machine.I2S(
            bus["number"],
            sck=machine.Pin(pins["sck"]),
            ws=machine.Pin(pins["ws"]),
            sd=machine.Pin(pins["sd"]),
            mode=machine.I2S.RX,
            bits=16,
            format=machine.I2S.MONO,
            rate=rate,
            ibuf=ibuf,
        )
        # Being asked whether there is something to read makes it one that does not wait.
        poller = select.poll()
        poller.register(i2s, select.POLLIN)
        poller.poll(0)
        return i2s

    def pulse(self, names, both, places):
        """Return the edges of contacts to ground: of closing, or of `both` ways.

        Interrupts of this port wait for the interpreter, eight at most: a call that blocks makes
        their times late. It has no others, and counters in hardware (1.26 and later, not on every
        chip) know no times.
        """
        pins = [
            machine.Pin(self._bus(name, "pulse")["pins"]["in"], machine.Pin.IN, machine.Pin.PULL_UP)
            for name in names
        ]
        found = edges.Edges(time.ticks_us, pins, places)
        trigger = machine.Pin.IRQ_FALLING | (machine.Pin.IRQ_RISING if both else 0)
        for pin in pins:
            pin.irq(found.note, trigger)
        return found

    def lamp(self, on):
        """Light the board's LED, if it has one."""
        if not self._led:
            return
        if self._led.get("kind") == "ws2812":
            machine.bitstream(self._led_pin, 0, _WS2812, _LIT if on else _DARK)
        else:
            self._led_pin.value(bool(on) == bool(self._led.get("on", 1)))

    def _bus(self, name, kind):
        bus = self._buses.get(name)
        if bus is None or bus["kind"] != kind:
            raise ValueError("this board has no %s bus %r" % (kind, name))
        return bus

    def feed(self):
        """Feed the watchdog; it starts with the first feeding and cannot be stopped."""
        if self._watchdog is None:
            self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._watchdog.feed()

    def reset_cause(self):
        return _CAUSES.get(machine.reset_cause(), "unknown")
