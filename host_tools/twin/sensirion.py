"""The sensor's end of Sensirion's I2C protocol: commands that take time, words with a CRC each."""

import struct

from gateway import sensirion

_NOBODY = 19
_REFUSED = 5


class Listener:
    """A model on I2C. `address`; `alive`: the channel without which it is unplugged.

    What a model adds is `obey(number, values, now_ms)`: (words to answer or None, ms it takes);
    None: it does not know the command, or not now.
    """

    address = 0
    alive = ""

    def __init__(self, source):
        self._source = source
        self._answer = None
        self._busy_until = 0

    def write(self, data, now_ms):
        self._check(now_ms)
        try:
            values = sensirion.words(data[2:])
        except ValueError:
            raise OSError(_REFUSED)
        done = self.obey(data[0] << 8 | data[1], values, now_ms) if len(data) > 1 else None
        if done is None:
            raise OSError(_REFUSED)
        answer, takes_ms = done
        self._answer = None if answer is None else sensirion.packed(answer)
        self._busy_until = now_ms + takes_ms

    def read(self, n, now_ms):
        self._check(now_ms)
        if self._answer is None:
            raise OSError(_REFUSED)
        answer, self._answer = self._answer, None
        return (answer + b"\xff" * n)[:n]

    def read_mem(self, register, n, now_ms):
        """It has no registers."""
        raise OSError(_REFUSED)

    def write_mem(self, register, data, now_ms):
        raise OSError(_REFUSED)

    def value(self, channel, t_ms, otherwise):
        """Return what is true, or `otherwise` where a recording says nothing."""
        value = self._source.value(channel, t_ms)
        return otherwise if value is None else value

    def lose_power(self):
        """Forget everything that is not kept in the sensor's flash."""
        self.__init__(self._source, {})

    def _check(self, now_ms):
        if self._source.value(self.alive, now_ms) is None:
            self.lose_power()
            raise OSError(_NOBODY)
        if now_ms < self._busy_until:
            raise OSError(_REFUSED)


class Measuring(Listener):
    """A model that measures every `interval_ms` once it was started.

    What a model adds is `reading(t_ms)`, its words, and `set(number, values)`: whether it knows a
    setting, None: not while it measures.
    """

    start = 0x0021
    read_command = 0x0300
    interval_ms = 1000
    starts_ms = 50
    stops_ms = 200

    def __init__(self, source):
        super().__init__(source)
        self.since = None
        self._seen = 0
        self.status = 0

    def obey(self, number, values, now_ms):
        if number == self.start:
            return self._begin(values, now_ms)
        if number == 0x0104:
            self.since = None
            return None, self.stops_ms
        if number == 0x0202:
            return (int(self._count(now_ms) > self._seen),), 2
        if number == self.read_command:
            self._seen = self._count(now_ms)
            taken = self._seen * self.interval_ms
            return self.reading(self.since + taken if self._seen else None), 3
        if number in (0xD206, 0xD210):
            status = self.status
            self.status = self.status if number == 0xD206 else 0
            return (status >> 16, status & 0xFFFF), 5
        return self.set(number, values)

    def floats(self, channels, t_ms):
        """Return what is true as floats, two words each; no number where nothing is known."""
        words = ()
        for name, _, scale in channels:
            value = None if t_ms is None else self._source.value(name, t_ms)
            number = float("nan") if value is None else value / scale
            words += struct.unpack(">HH", struct.pack(">f", number))
        return words

    def _begin(self, values, now_ms):
        if self.since is None:
            self.since, self._seen = now_ms, 0
        return None, self.starts_ms

    def _count(self, now_ms):
        return 0 if self.since is None else (now_ms - self.since) // self.interval_ms


def word(value, unknown):
    """Return a value as a word of 16 bits, `unknown` for None."""
    return unknown if value is None else value & 0xFFFF
