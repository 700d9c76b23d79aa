"""A-weighted sound levels: the mean, the greatest, and those exceeded 10, 50 and 90 % of the time.

Source: IEC 61672-1. All poles of A lie on the real axis, so sections of first order make it: four
that keep a slow mean and take it away (20.6 Hz twice, 107.7 and 737.9 Hz), and a symmetric one of
three samples that falls as the two poles at 12.2 kHz do below 12 kHz, which is half the rate.
Against the formula of A that is 0.1 dB off at most up to 8 kHz and 0.4 dB up to 10.

Counted on an emulated ESP32, `weigh` is 250 instructions a sample as machine code, 300 with all
that becomes of it: 7.2 million a second, 5 to 7 % of a chip at 160 MHz. Bytecode would take nearly
all of it. Everything is whole numbers, below 2**30 whatever comes.
"""

from array import array

from micropython import const

RATE = const(24000)
# 8 ms: the mean with the time constant F (125 ms) then takes a sixteenth of each block.
BLOCK = const(192)
BLOCK_MS = const(8)
# 0.8 s, in which the filters and the mean F forget how they began.
SETTLES_BLOCKS = const(100)
# Added to what may be negative in `state`: machine code reads it without a sign.
BIAS = const(1 << 29)

_SIGN = const(0x8000)
# Energies are two numbers: `low` below 2**28 and `high`, times that.
_LOW_BITS = const(28)
_LOW_MASK = const((1 << 28) - 1)
# Quarters of a step of the 16 bits; from there on products would not fit.
_LOUD = const(1 << 14)
# Places in `state`: the slow means, the last two samples, the energy.
_HIGH = const(6)
_LOW = const(7)
# Every 128 ms the mean F is counted.
_COUNT_BLOCKS = const(16)
# Classes of 0.2 dB from 20 dB on.
_LEAST_MDB = const(20000)
_CLASS_MDB = const(200)
_CLASSES = const(510)
# Of a sine of full scale: 10 log10 of its energy in `weigh`'s unit, and what that takes away at
# 1 kHz (0.001 dB).
_FULL_SCALE_MDB = const(99339)
_LOSS_MDB = const(-1009)
_OCTAVE_CENTI_MDB = const(301030)
# 10 log10(1 + i / 16) in 0.001 dB.
_LOGS = (
    0, 263, 512, 746, 969, 1181, 1383, 1576, 1761, 1938, 2109, 2272, 2430, 2583, 2730, 2872, 3010,
)  # fmt: skip


# native: (samples: ptr16, at: int, stop: int, state: ptr32)
def weigh(samples, at, stop, state):
    """Filter `samples` from `at` to `stop`, 16 bits each, and add their energy to the state's."""
    a = state[0] - BIAS
    b = state[1] - BIAS
    c = state[2] - BIAS
    d = state[3] - BIAS
    before = state[4] - BIAS
    last = state[5] - BIAS
    high = state[6]
    low = state[7]
    while at < stop:
        x = samples[at]
        at += 1
        # Six bits behind the point; the means have six more.
        x = (x - ((x & _SIGN) << 1)) << 6
        x -= a >> 6
        a += x * 45 >> 2
        x -= b >> 6
        b += x * 57 >> 5
        x -= c >> 6
        c += x * 22 >> 6
        x -= d >> 6
        d += x * 22 >> 6
        y = last + ((x - last - last + before) * 13 >> 7)
        before = last
        last = x
        y = (y + 8) >> 4
        if y < 0:
            y = 0 - y
        if y < _LOUD:
            low += y * y
        else:
            y >>= 4
            y *= y
            low += (y & 0xFFFFF) << 8
            high += y >> 20
        high += low >> _LOW_BITS
        low &= _LOW_MASK
    state[0] = a + BIAS
    state[1] = b + BIAS
    state[2] = c + BIAS
    state[3] = d + BIAS
    state[4] = before + BIAS
    state[5] = last + BIAS
    state[6] = high
    state[7] = low


def logarithm(high, low):
    """Return 10 log10 of an energy in 0.001 dB, None for none."""
    octaves = 16 + _LOW_BITS
    if not high:
        high, low = low, 0
        octaves = 16
    if not high:
        return None
    while high < 1 << 16:
        low <<= 1
        high = high << 1 | low >> _LOW_BITS
        low &= _LOW_MASK
        octaves -= 1
    while high >= 1 << 17:
        high >>= 1
        octaves += 1
    i = high >> 12 & 15
    between = (_LOGS[i + 1] - _LOGS[i]) * (high & 0xFFF) >> 12
    return octaves * _OCTAVE_CENTI_MDB // 100 + _LOGS[i] + between


class Meter:
    """`full_scale`: the level of a sine of full scale in 0.1 dB.

    `state`: of the filters. `settling`: so many blocks do not count yet.
    """

    def __init__(self, full_scale):
        self._offset = 100 * full_scale - _FULL_SCALE_MDB - _LOSS_MDB
        self.state = array("i", [BIAS] * 6 + [0, 0])
        self._missing = BLOCK
        self.settling = SETTLES_BLOCKS
        self._fast_high = self._fast_low = 0
        self._classes = array("H", bytes(2 * _CLASSES))
        self._forget()

    def _forget(self):
        self._high = self._low = 0
        self._most_high = self._most_low = 0
        self._blocks = 0
        self._counted = 0
        for i in range(_CLASSES):
            self._classes[i] = 0

    def feed(self, samples, count):
        """Take the first `count` of `samples`, an array of type H."""
        at = 0
        while at < count:
            stop = min(count, at + self._missing)
            weigh(samples, at, stop, self.state)
            self._missing -= stop - at
            at = stop
            if not self._missing:
                self._end_block()

    def _end_block(self):
        state = self.state
        high, low = state[_HIGH], state[_LOW]
        state[_HIGH] = state[_LOW] = 0
        self._missing = BLOCK
        # mean F += (block - mean F) / 16
        more = high - self._fast_high
        part = ((more & 15) << _LOW_BITS - 4) + (low - self._fast_low >> 4) + self._fast_low
        self._fast_high += (more >> 4) + (part >> _LOW_BITS)
        self._fast_low = part & _LOW_MASK
        if self.settling:
            self.settling -= 1
            return
        low += self._low
        self._high += high + (low >> _LOW_BITS)
        self._low = low & _LOW_MASK
        high, low = self._fast_high, self._fast_low
        if high > self._most_high or (high == self._most_high and low > self._most_low):
            self._most_high, self._most_low = high, low
        self._blocks += 1
        if not self._blocks % _COUNT_BLOCKS:
            self._count(self.level(high, low, 1))

    def _count(self, level):
        if level is not None:
            self._counted += 1
            place = (level - _LEAST_MDB) // _CLASS_MDB
            self._classes[min(max(place, 0), _CLASSES - 1)] += 1

    def level(self, high, low, blocks):
        """Return the level in 0.001 dB of an energy over so many blocks, None for silence."""
        level = logarithm(high, low)
        return None if level is None else level - logarithm(0, blocks * BLOCK) + self._offset

    def result(self):
        """Return (LAeq, LAFmax, LA10, LA50, LA90 in 0.1 dB, 0.1 s heard) and begin anew.

        None when nothing was heard, or not even the microphone's own noise.
        """
        mean = self.level(self._high, self._low, self._blocks) if self._blocks else None
        if mean is None or not self._counted:
            self._forget()
            return None
        most = self.level(self._most_high, self._most_low, 1)
        found = [_tenths(mean), _tenths(most)]
        found += [_tenths(self._exceeded(percent)) for percent in (10, 50, 90)]
        found.append(self._blocks * BLOCK_MS // 100)
        self._forget()
        return tuple(found)

    def _exceeded(self, percent):
        """Return the level in 0.001 dB that was exceeded `percent` of the time."""
        wanted = self._counted * percent
        place = _CLASSES
        above = 0
        while place and above < wanted:
            place -= 1
            above += 100 * self._classes[place]
        inside = above - wanted
        return (
            _LEAST_MDB + (place * _CLASS_MDB) + _CLASS_MDB * inside // (100 * self._classes[place])
        )


def _tenths(mdb):
    return (mdb + 50) // 100
