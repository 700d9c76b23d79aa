"""What the drivers of Sensirion's humidity sensors share: one reading, asked for and waited for."""

from micropython import const

_LOOK_EVERY_MS = const(5)
_ANSWERS_WITHIN_MS = const(50)
_BYTES = const(6)


class Sensor:
    """`bus`: an I2C bus. `command`: what starts a reading, which takes `takes_ms` at most."""

    def __init__(self, bus, clock, address, command, takes_ms, parse):
        self._i2c = bus
        self._clock = clock
        self._address = address
        self._command = command
        self._takes_ms = takes_ms
        self._parse = parse
        self._data = bytearray(_BYTES)

    async def read(self):
        """Return (temperature, humidity); OSError when there is no answer within 50 ms.

        ValueError: a checksum is wrong.
        """
        self._i2c.writeto(self._address, self._command)
        waited = self._takes_ms
        await self._clock.sleep_ms(waited)
        while True:
            try:
                self._i2c.readfrom_into(self._address, self._data)
                return self._parse(self._data)
            except OSError:
                # It does not acknowledge while it measures; one that is gone never will.
                if waited >= _ANSWERS_WITHIN_MS:
                    raise
            await self._clock.sleep_ms(_LOOK_EVERY_MS)
            waited += _LOOK_EVERY_MS
