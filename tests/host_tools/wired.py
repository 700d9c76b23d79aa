"""What the chip's HAL makes of a board, for a test.

[board, settings] come as JSON, what was done with them goes as JSON. `machine`,
`esp32` and `network` are the test board's, but for what is noted down here.
"""

import array
import json
import sys

import machine
import network

done = []
handlers = []


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2
    IRQ_RISING, IRQ_FALLING = 1, 2

    def __init__(self, number, mode=None, pull=None, value=None):
        self._number = number
        if pull:
            done.append(["pull", number, mode, pull])

    def irq(self, handler, trigger):
        done.append(["interrupt", self._number, trigger])
        handlers.append((handler, self))

    def __call__(self, on=None):
        if on is None:
            return 1
        done.append(["pin", self._number, on])

    value = __call__

    def __repr__(self):
        return "pin %d" % self._number


class Uart:
    def __init__(self, number, **options):
        done.append(["uart", number, options["baudrate"], options["tx"], options["rx"]])

    def any(self):
        return 0

    def write(self, text):
        done.append(["modem", text])


def make_i2c(number, scl, sda, freq):
    done.append(["i2c", number, str(scl), str(sda), freq])


class Lan:
    def active(self, on):
        done.append(["lan", on])

    def isconnected(self):
        return True


def make_lan(**options):
    done.append(["lan", {name: str(value) for name, value in options.items()}])
    return Lan()


def send_colours(pin, encoding, timing, data):
    done.append(["colours", str(pin), encoding, timing, list(data)])


machine.Pin, machine.UART, machine.bitstream = Pin, Uart, send_colours
machine.I2C = make_i2c
network.LAN, network.PHY_LAN8710, network.PPP = make_lan, 0, lambda uart: None
from gateway import hal_esp32  # noqa: E402

board, settings = json.load(sys.stdin)
hal = hal_esp32.Hal(board)
hal.link.start(settings)
hal.link.step()
hal.lamp(True)
hal.lamp(False)
for freq in settings.get("i2c", ()):
    hal.i2c("i2c0", freq)
for names, both in settings.get("pulse", ()):
    waiting = array.array("i", [0] * 8)
    found = hal.pulse(names, both, 8)
    for handler, pin in handlers:
        handler(pin)
    done.append(["edges", [edge & 3 for edge in waiting[: found.readinto(waiting)]]])
print(json.dumps([done, hal.link.up(), "gateway.lte" in sys.modules]))
