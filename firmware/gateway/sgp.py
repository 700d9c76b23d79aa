"""What the drivers of Sensirion's SGP40 and SGP41 share: self-test, beginning, signals, indices."""

from micropython import const

from gateway import flags, sensirion
from gateway.gas_index import Index

ADDRESS = const(0x59)
# What Sensirion's own algorithm leaves out lies beyond.
RAW = (1, 64999)
# In 0.1: as a SEN5x gives it.
INDEX = (5, 5000)
# Min since an index began to learn: a week stands for all that is longer.
AGE_MOST = const(7 * 24 * 60)

_SELF_TEST = const(0x280E)
_SELF_TEST_MS = const(320)
# 50 %RH and 25 degC: the sensor then corrects for neither.
_HUMIDITY = const(0x8000)
_TEMPERATURE = const(0x6666)
# So many readings in a row without an answer: it may have been without power.
_BEGINS_ANEW = const(3)
# What was learnt before a longer break is worth nothing (Sensirion's algorithm, its header).
_BREAK_MOST_MS = const(10 * 60 * 1000)


class Sensor:
    """`command`, `takes_ms`: how the raw signals are asked for.

    `kinds`: (kind of its gas index, min until that means something) of each. A driver adds
    `passed(word)`, whether that is a good answer to the self-test, and may add `condition()`.
    """

    def __init__(self, bus, clock, command, takes_ms, parse, kinds, warm_up_ms):
        count = len(kinds)
        self._i2c = bus
        self._clock = clock
        self._port = sensirion.Port(bus, clock, ADDRESS, count)
        self._kinds = kinds
        self._indices = ()
        self._index_ms = self._read_ms = 0
        self._command = command
        self._takes_ms = takes_ms
        self._parse = parse
        self._data = bytearray(sensirion.WORD_BYTES * count)
        self._warm_up_ms = warm_up_ms
        self._warm_ms = 0
        self._broken = 0
        self._missed = _BEGINS_ANEW
        self.marks = (0,) * (2 * count + 1)

    async def read(self):
        """Return the raw signals, their indices in 0.1, and the age of these in min.

        OSError: nobody answers. ValueError: a checksum is wrong.
        """
        try:
            if self._missed >= _BEGINS_ANEW:
                await self._begin()
            await self.tell(self._command, self._takes_ms)
            self._i2c.readfrom_into(ADDRESS, self._data)
        except OSError:
            self._missed += 1
            raise
        self._missed = 0
        now = self._clock.uptime_ms()
        raw = self._parse(self._data)
        indices, age = self._learn(raw, now)
        mark = self._broken | (0 if now >= self._warm_ms else flags.WARM_UP)
        self.marks = (mark,) * len(raw) + tuple(
            [self._broken | (flags.WARM_UP if age < least else 0) for _, least in self._kinds]
        )
        self.marks += (self._broken,)
        return raw + indices + (age,)

    def _learn(self, raw, now):
        """Return (the indices, their age)."""
        if now - self._read_ms > _BREAK_MOST_MS or not self._indices:
            self._indices = [Index(kind) for kind, _ in self._kinds]
            self._index_ms = self._read_ms = now
        seconds = (now - self._read_ms) / 1000
        self._read_ms = now
        made = [index.step(value, seconds) for index, value in zip(self._indices, raw)]
        return tuple(made), min((now - self._index_ms) // 60000, AGE_MOST)

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
        self._indices = ()
        self._warm_ms = self._clock.uptime_ms() + self._warm_up_ms
