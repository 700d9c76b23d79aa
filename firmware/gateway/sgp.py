"""What the drivers of Sensirion's SGP40 and SGP41 share: self-test, beginning, raw signals."""

from micropython import const

from gateway import flags, sensirion

ADDRESS = const(0x59)
# What Sensirion's own algorithm leaves out lies beyond.
RAW = (1, 64999)

_SELF_TEST = const(0x280E)
_SELF_TEST_MS = const(320)
# 50 %RH and 25 degC: the sensor then corrects for neither.
_HUMIDITY = const(0x8000)
_TEMPERATURE = const(0x6666)
# So many readings in a row without an answer: it may have been without power.
_BEGINS_ANEW = const(3)


class Sensor:
    """`command`, `takes_ms`, `count`: how the raw signals are asked for, and how many there are.

    A driver adds `passed(word)`, whether that is a good answer to the self-test, and may add
    `condition()`.
    """

    def __init__(self, bus, clock, command, takes_ms, parse, count, warm_up_ms):
        self._i2c = bus
        self._clock = clock
        self._port = sensirion.Port(bus, clock, ADDRESS, count)
        self._command = command
        self._takes_ms = takes_ms
        self._parse = parse
        self._data = bytearray(sensirion.WORD_BYTES * count)
        self._warm_up_ms = warm_up_ms
        self._warm_ms = 0
        self._broken = 0
        self._missed = _BEGINS_ANEW
        self.marks = (0,) * count

    async def read(self):
        """Return the raw signals; OSError: nobody answers. ValueError: a checksum is wrong."""
        try:
            if self._missed >= _BEGINS_ANEW:
                await self._begin()
            await self.tell(self._command, self._takes_ms)
            self._i2c.readfrom_into(ADDRESS, self._data)
        except OSError:
            self._missed += 1
            raise
        self._missed = 0
        warm = self._clock.uptime_ms() >= self._warm_ms
        mark = self._broken | (0 if warm else flags.WARM_UP)
        self.marks = (mark,) * len(self.marks)
        return self._parse(self._data)

    async def tell(self, command, takes_ms):
        """Send a command that switches heaters on, with the climate that it wants to know."""
        await self._port.tell(command, takes_ms, _HUMIDITY, _TEMPERATURE)

    async def condition(self):
        """Nothing; a sensor that needs it has its own."""

    async def _begin(self):
        result = sensirion.words(await self._port.ask(_SELF_TEST, _SELF_TEST_MS, 1))[0]
        self._broken = 0 if self.passed(result) else flags.SENSOR_ERROR
        await self.condition()
        self._missed = 0
        self._warm_ms = self._clock.uptime_ms() + self._warm_up_ms
