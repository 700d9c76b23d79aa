"""What the firmware uses of the chip, on a PC: files for what outlives a reset, models on buses.

On UART 1 hangs an SDS011, on UART 2 nothing; no I2C device acknowledges.
"""

import binascii
import os
import sys

_MEMORY = (os.getenv("BOARD_HOME") or ".") + "/rtc.bin"
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = range(1, 6)


def reset():
    sys.exit(0)


def reset_cause():
    return PWRON_RESET


def unique_id():
    return binascii.unhexlify(os.getenv("BOARD_MAC") or "026b69737461")


class RTC:
    def memory(self, content=None):
        if content is None:
            try:
                with open(_MEMORY, "rb") as file:
                    return file.read()
            except OSError:
                return b""
        with open(_MEMORY, "wb") as file:
            file.write(content)

    def datetime(self, when):
        pass


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Pin:
    OUT = 1

    def __init__(self, number, mode=None):
        pass

    def value(self, on):
        pass


class I2C:
    def __init__(self, number, scl, sda, freq):
        pass

    def _silent(self, *arguments):
        raise OSError(19)

    readfrom_mem_into = writeto_mem = readfrom_into = writeto = _silent


class UART:
    def __new__(cls, number, baudrate, tx, rx, rxbuf):
        from utime import time_ns

        from host_tools.twin import buses
        from host_tools.twin.sensors import sds011
        from host_tools.twin.source import Generator

        model = sds011.Model(Generator(1), {}) if number == 1 else Silent()
        return buses.Uart(model, lambda: time_ns() // 1000000, rxbuf)


class Silent:
    def write(self, data, now_ms):
        pass

    def pending(self, now_ms):
        return b""
