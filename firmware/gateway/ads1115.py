"""Texas Instruments ADS1115: voltages against ground, on I2C. Source: data sheet SBAS444."""

from micropython import const

# What is measured up to: 2.048 V, or 4.096 V.
UP_TO_2048_MV = const(2)
UP_TO_4096_MV = const(1)

_VALUE = const(0)
_SETTINGS = const(1)
# Start one measurement of an input against ground, 8 a second (which averages mains hum away), no
# alarm.
_START = const(0xC103)
_READY = const(0x8000)
# 125 ms, and 10 % more for the clock in the chip.
_TAKES_MS = const(130)
_LOOK_EVERY_MS = const(10)
_ANSWERS_WITHIN_MS = const(200)


class Adc:
    """`bus`: an I2C bus."""

    def __init__(self, bus, clock, address):
        self._i2c = bus
        self._clock = clock
        self._address = address
        self._two = bytearray(2)

    async def read(self, number, up_to):
        """Return the two bytes of input `number`; OSError when it is not ready within 200 ms.

        ValueError: the chip has other settings than it was given, so it has lost them meanwhile.
        """
        wanted = _START | number << 12 | up_to << 9
        two = self._two
        two[0], two[1] = wanted >> 8, wanted & 0xFF
        self._i2c.writeto_mem(self._address, _SETTINGS, two)
        waited = _TAKES_MS
        await self._clock.sleep_ms(waited)
        while True:
            self._i2c.readfrom_mem_into(self._address, _SETTINGS, two)
            settings = two[0] << 8 | two[1]
            if (settings ^ wanted) & ~_READY:
                raise ValueError("settings")
            if settings & _READY:
                self._i2c.readfrom_mem_into(self._address, _VALUE, two)
                return two
            if waited >= _ANSWERS_WITHIN_MS:
                raise OSError("ads1115: measures for ever")
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS


def voltage(two, up_to):
    """Return 0.01 mV from the two bytes of a measurement."""
    value = (two[0] << 8 | two[1]) - (two[0] >> 7 << 16)
    # 62.5 or 125 uV a step.
    return value * 25 + up_to >> up_to
