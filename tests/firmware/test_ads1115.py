from fakes import Hal
from gateway import ads1115
from gateway.clock import Clock
from support import finish, raises


class Bus:
    """Registers; `settings`: what is read of them in turn, None: what was written, and ready."""

    def __init__(self, value, settings=(None,), dies=1000):
        self.value = value
        self.settings = list(settings)
        self.written = b""
        self.dies = dies
        self.log = []

    def _note(self, *operation):
        if len(self.log) >= self.dies:
            raise OSError(19)
        self.log.append(operation)

    def writeto_mem(self, address, register, buf):
        self.written = bytes(buf)
        self._note("write", address, register, self.written)

    def readfrom_mem_into(self, address, register, buf):
        self._note("read", address, register)
        if register == 0:
            buf[:] = self.value
            return
        given = self.settings.pop(0) if len(self.settings) > 1 else self.settings[0]
        buf[:] = self.written if given is None else given


def test_ads1115_computes_the_data_sheets_steps():
    # SBAS444, 8.3.3: 62.5 uV a step at 2.048 V, 125 uV at 4.096 V.
    for value, small, large in (
        (0x0000, 0, 0),
        (0x0001, 6, 13),
        (0x0004, 25, 50),
        (0x7FFF, 204794, 409588),
        (0x8000, -204800, -409600),
        (0xFFFF, -6, -12),
    ):
        two = bytes((value >> 8, value & 0xFF))
        assert ads1115.voltage(two, ads1115.UP_TO_2048_MV) == small, value
        assert ads1115.voltage(two, ads1115.UP_TO_4096_MV) == large, value


def test_ads1115_asks_for_an_input_and_waits_for_it():
    bus, hal = Bus(b"\x12\x34"), Hal()
    adc = ads1115.Adc(bus, Clock(hal), 0x4A)
    assert finish(adc.read(2, ads1115.UP_TO_2048_MV)) == b"\x12\x34"
    # Start, input 2 against ground, 2.048 V, once, 8 a second, no alarm.
    asked = ("write", 0x4A, 1, b"\xe5\x03")
    assert bus.log == [asked, ("read", 0x4A, 1), ("read", 0x4A, 0)] and hal.ticks == 130
    finish(adc.read(0, ads1115.UP_TO_4096_MV))
    assert bus.log[3] == ("write", 0x4A, 1, b"\xc3\x03")


def test_ads1115_waits_for_a_slow_one_but_not_for_ever():
    busy = b"\x45\x03"
    hal = Hal()
    adc = ads1115.Adc(Bus(b"\x00\x01", (busy, busy, None)), Clock(hal), 0x48)
    assert finish(adc.read(0, ads1115.UP_TO_2048_MV)) == b"\x00\x01" and hal.ticks == 150
    hal = Hal()
    adc = ads1115.Adc(Bus(b"\x00\x01", (busy,)), Clock(hal), 0x48)
    raises(OSError, finish, adc.read(0, ads1115.UP_TO_2048_MV))
    assert hal.ticks == 200


def test_ads1115_notices_settings_that_are_not_its_own():
    # As after power-on, and each of the written ones with a bit flipped.
    adc = ads1115.Adc(Bus(b"\x00\x01", (b"\x85\x83",)), Clock(Hal()), 0x48)
    assert raises(ValueError, finish, adc.read(0, ads1115.UP_TO_2048_MV)) == "settings"
    for bit in range(15):
        wrong = 0xC503 ^ 1 << bit
        adc = ads1115.Adc(
            Bus(b"\x00\x01", (bytes((wrong >> 8, wrong & 0xFF)),)), Clock(Hal()), 0x48
        )
        assert raises(ValueError, finish, adc.read(0, ads1115.UP_TO_2048_MV)) == "settings"


def test_ads1115_says_when_nobody_answers_any_more():
    for dies in range(3):
        adc = ads1115.Adc(Bus(b"\x00\x01", dies=dies), Clock(Hal()), 0x48)
        raises(OSError, finish, adc.read(0, ads1115.UP_TO_2048_MV))
