"""An adaptive binary range coder; every intermediate stays below 2^30.

A probability is that of a 0, in 1/65536, and learns fast at first and slowly later: how
fast says the count of what it has seen, kept beside it. `docs/frame.md` has the arithmetic in
words.
"""

from array import array

from micropython import const

# 29 bits of range; eight leave whenever it falls below 21.
_FULL = const((1 << 29) - 1)
_LEAST = const(1 << 21)
_LEAST_MASK = const((1 << 21) - 1)
_BYTE_SHIFT = const(21)
_NEVER = const(-1)
_LIMIT = const(24)
# The priors count as so many observations.
_SEEN = const(8)
# The n-th observation moves a probability by this share of its way to certainty, in 1/4096.
RATE = array("H", [40960 // (10 * n + 16) for n in range(_LIMIT + 1)])


class Probabilities:
    """Adaptive bits that start at `priors`, bytes: the probability of a 0 in 1/256, each."""

    def __init__(self, priors):
        self.p = array("H", bytes(2 * len(priors)))
        self.n = bytearray(len(priors))
        self.start(priors)

    def start(self, priors):
        """Begin anew from `priors`."""
        for i in range(len(priors)):
            self.p[i] = priors[i] << 8
            self.n[i] = _SEEN

    def learn(self, i, bit):
        """Move the i-th probability towards `bit`."""
        n = self.n[i]
        p = self.p[i]
        if bit:
            self.p[i] = p - (p * RATE[n] >> 12)
        else:
            self.p[i] = p + ((65535 - p) * RATE[n] >> 12)
        if n < _LIMIT:
            self.n[i] = n + 1


class Encoder:
    """Bits in, bytes out: `bit` or `raw` as often as needed, then `finish`."""

    decoding = False

    def __init__(self):
        self._out = bytearray()
        self._low = 0
        self._range = _FULL
        self._held = _NEVER
        self._full_bytes = 0

    def bit(self, probabilities, i, bit):
        """Code `bit` with the i-th of `probabilities`, which learns from it; return it."""
        # Odd, so that neither side ever has nothing.
        bound = (self._range >> 12) * (probabilities.p[i] >> 4 | 1)
        if bit:
            self._low += bound
            self._range -= bound
        else:
            self._range = bound
        probabilities.learn(i, bit)
        while self._range < _LEAST:
            self._range <<= 8
            self._shift()
        return bit

    def raw(self, value, bits):
        """Code the lowest `bits` of `value`, each as likely a 0 as a 1; return the value."""
        left = bits
        while left:
            some = min(left, 8)
            left -= some
            part = self._range >> some
            self._low += part * (value >> left & (1 << some) - 1)
            self._range = part
            while self._range < _LEAST:
                self._range <<= 8
                self._shift()
        return value

    def _shift(self):
        """Move the top byte out; it waits until no carry can reach it any more."""
        top = self._low >> _BYTE_SHIFT
        self._low = (self._low & _LEAST_MASK) << 8
        if top == 255:
            self._full_bytes += 1
            return
        carry = top >> 8
        if self._held != _NEVER:
            self._out.append(self._held + carry)
        for _ in range(self._full_bytes):
            self._out.append(255 + carry & 255)
        self._full_bytes = 0
        self._held = top & 255

    def finish(self):
        """Return all bytes; those that a decoder reads as zeros behind the end are left out."""
        for zeros in range(28, -1, -1):
            end = self._low + (1 << zeros) - 1 >> zeros << zeros
            if end < self._low + self._range:
                self._low = end
                break
        for _ in range(5):
            self._shift()
        out = self._out
        size = len(out)
        while size and not out[size - 1]:
            size -= 1
        return bytes(out[:size])


class Decoder:
    """The same calls as `Encoder`; what they return is what was coded, whatever is handed in."""

    decoding = True

    def __init__(self, data, start, end):
        self._data = data
        self._next = start
        self._end = end
        self._range = _FULL
        self._byte = 0
        self._code = 0
        for _ in range(4):
            self._code = (self._code & _LEAST_MASK) << 8 | self._take()

    def _take(self):
        """Return the next eight bits; the code sits three bits off the bytes' limits."""
        last = self._byte
        self._byte = self._data[self._next] if self._next < self._end else 0
        self._next += 1
        return (last << 8 | self._byte) >> 3 & 255

    def bit(self, probabilities, i, bit=0):
        bound = (self._range >> 12) * (probabilities.p[i] >> 4 | 1)
        if self._code < bound:
            self._range = bound
            bit = 0
        else:
            self._code -= bound
            self._range -= bound
            bit = 1
        probabilities.learn(i, bit)
        while self._range < _LEAST:
            self._range <<= 8
            self._code = self._code << 8 | self._take()
        return bit

    def raw(self, value, bits):
        left = bits
        value = 0
        while left:
            some = min(left, 8)
            left -= some
            part = self._range >> some
            digit = min(self._code // part, (1 << some) - 1)
            # Only in bytes that no encoder made is more than one part left.
            self._code = min(self._code - part * digit, part - 1)
            self._range = part
            value = value << some | digit
            while self._range < _LEAST:
                self._range <<= 8
                self._code = self._code << 8 | self._take()
        return value

    def spare(self):
        """Return how many bytes behind the end have been read as zeros."""
        return max(0, self._next - self._end)
