"""Whole numbers into bits and back: an adaptive binary range coder and what it says of a number.

`code` is one function for encoding and decoding, without an object made on its way: arrays in,
arrays out. For numbers within ±2^28 every intermediate stays below 2^30. A build for a chip
compiles it natively (the comment before it has the types), the server does too; all agree to the
bit. docs/frame.md has the arithmetic in words.
"""

from array import array

from micropython import const

from gateway import priors, workplace

# Numbers stand in arrays with this added: native code reads them without a sign.
BIAS = const(1 << 29)
# Beyond these: no fraction in the mean; no native code, as products would reach 2^31.
WIDE = const(1 << 24)
FULL = const(1 << 28)
# What `side` says of a row: bits 0 and 1, the number to the left was smaller (0) or greater (2)
# than expected; the others, by how much it was above its trend, held within ±31, 31 added. These
# two: nothing is known; here is no number.
NOTHING = const(31 << 2 | 1)
GONE = const(255)
_ASIDE_MOST = const(31)

# 29 bits of range; eight leave whenever it falls below 21.
_RANGE_MOST = const((1 << 29) - 1)
_LEAST = const(1 << 21)
_LEAST_MASK = const((1 << 21) - 1)
_BYTE_SHIFT = const(21)
# A probability settles after so many observations.
_SETTLED = const(40)

# What `code` is asked for: residuals against a guess; small numbers in a row; one number's bits.
VALUES = const(0)
STEPS = const(1)
TREE = const(2)
DECODING = const(4)
_TASKS = const(3)

# Places in `state`.
_LOW = const(0)
_RANGE = const(1)
_AT = const(2)
_END = const(3)
_BASE = const(4)
_ROW = const(5)
_STOP = const(6)
_LAST = const(7)
_MEAN = const(8)
_SHIFT = const(9)
_MISS = const(10)
_SCALE = const(14)
_COUNT = const(16)
_LAST_SIGN = const(17)
_FIRST = const(18)
_MOST = const(19)
_CLASS_MOST = const(20)
_WIDTH = const(21)
_LEVELS = const(22)
_BEFORE = const(23)
_CALM = const(24)
_MOVED = const(25)
_RATES = const(26)

# Phases of one number: is it another one than the last, its class at least the expected one,
# higher still, lower still, its sign, its other bits.
_CHANGE = const(0)
_SPLIT = const(1)
_UP = const(2)
_DOWN = const(3)
_SIGN = const(4)
_BITS = const(5)
_DONE = const(6)

# Behind the chances of the header those of the column, or of the steps, that are being coded.
_WORK = const(168)
# A node for the split, six upwards, five downwards.
_NODES = const(12)
_UPWARDS = const(6)
_DOWNWARDS = const(5)
_SCALES = const(9)
_FIRSTS = const(8)
_FIRST_CLASS = const(2)
# A column is still while it is as calm as this: a number like the last makes it calmer by one, any
# other half as calm. It starts this calm if its second number is its first.
_STILL = const(3)
_CALM_FIRST = const(6)
_CALM_MOST = const(31)
# What both scales are as long as nothing has changed.
_SCALE_NONE = const(6)
# Places in the chances of values, from their base: classes (above), those in a still column, its
# changes, signs, bits.
_STILL_CLASSES = const(35 * 12)
_STILL_FIRSTS = const(9)
_CHANGES = const((35 + 9 + 4) * 12)
_STILL_SIGNS = const((35 + 9 + 4) * 12 + 8 * 2 * 3)
_SIGNS = const((35 + 9 + 4) * 12 + 8 * 2 * 3 + 9)
_TOPS = const((35 + 9 + 4) * 12 + 8 * 2 * 3 + 9 + 54)
_TOP_CLASSES = const(12)
# How far the trend is off the guess to make one sign likelier, in 1/32.
_LEAN = const(5)
# And in those of a bank of steps.
_BUCKET = const(8)
_STEP_SIGN = const(6)
_STEP_TOPS = const(15 * 8)
_STEP_CLASSES = const(4)
_STEP_CLASS_MOST = const(29)
_BANK = const(15 * 8 + 4 * 4)
_TOP_LEAVES = const(4)

# Bytes that one number may take at most, with some to spare.
_ROOM = const(80)
_GROW = const(256)
_USUAL = const(768)
# Those of the header or of values, for which there are priors.VALUES.
_CHANCES = const(168 + 735)
_NEEDS = (_CHANCES, _USUAL, _RATES, _SETTLED)
_spare = [workplace.make(*_NEEDS)]


# native: (task: int, state: ptr32, chances: ptr16, seen: ptr8, cells: ptr32,
# side: ptr8, data: ptr8) -> int
def code(task, state, chances, seen, cells, side, data):
    """Code `cells` from state's row to its stop; return the row reached, -1: no such number.

    task: VALUES, STEPS or TREE, with DECODING added. chances: for each adaptive bit its probability
    of a 0 in 1/65536; seen: how much it has seen. side: for each row what the column to the left
    says of it.
    """
    decoding = task & DECODING
    mode = task & _TASKS
    low = state[_LOW]
    span = state[_RANGE]
    at = state[_AT]
    end = state[_END]
    home = state[_BASE]
    row = state[_ROW]
    stop = state[_STOP]
    last = state[_LAST] - BIAS
    mean = state[_MEAN] - BIAS
    shift = state[_SHIFT]
    miss_last = state[_MISS]
    miss_half = state[_MISS + 1]
    miss_mean = state[_MISS + 2]
    miss_left = state[_MISS + 3]
    scale_slow = state[_SCALE]
    scale_fast = state[_SCALE + 1]
    count = state[_COUNT]
    last_sign = state[_LAST_SIGN]
    most = state[_MOST]
    class_most = state[_CLASS_MOST]
    before = state[_BEFORE] - BIAS
    calm = state[_CALM]
    moved = state[_MOVED]
    still = 0
    change_at = 0
    guess = 0
    trend = 0
    rounded = 0
    moving = 0
    sign_at = 0
    octave = 0
    usual = 0
    level = 0
    while row < stop:
        if not decoding and at > end - _ROOM:
            break
        phase = _UP
        expected = 0
        node = 1
        left = 0
        leaves = _TOP_LEAVES
        if mode == VALUES:
            beside = side[row]
            if beside == GONE:
                row += 1
                continue
            # The trend, half-way from the last number to the mean, twice as fine as the mean.
            trend = (last << shift) + mean
            half_way = trend + (1 << shift) >> shift + 1
            rounded = mean + 8 >> 4 if shift else mean
            moving = half_way + (beside >> 2) - _ASIDE_MOST
            still = 1 if count and calm >= _STILL else 0
            guess = last
            if count and octave < 3:
                # The size to expect, in half octaves.
                scale = (scale_slow + scale_fast + 1 >> 1) + 4
                octave = 3
                while scale >> octave:
                    octave += 1
                fine = octave * 4 + (scale << 2 >> octave - 1 & 3)
                usual = fine - 18 >> 2 if fine > 18 else 0
                level = fine - 12 >> 1
                if level >= _SCALES:
                    level = _SCALES - 2 + (level - _SCALES & 1)
            if still:
                # How calm, in steps that grow: 3, 4, 5, 6, 8, 12, 20.
                place = calm - 3
                if calm >= 7:
                    place = 3 if calm < 8 else 4 if calm < 12 else 5 if calm < 20 else 6
                change_at = home + _CHANGES + (place * 2 + moved) * 3 + (beside & 3)
                phase = _CHANGE
            else:
                # The guess: what has done best of late.
                lean = 0
                best = miss_last
                if miss_half < best:
                    guess = half_way
                    best = miss_half
                if miss_mean < best:
                    guess = rounded
                    best = miss_mean
                if miss_left < best:
                    guess = moving
                    lean = 1
                if count:
                    expected = usual
                    place = level * 3 + (beside & 3)
                else:
                    expected = _FIRST_CLASS
                    place = _SCALES * 3 + state[_FIRST]
                base = home + place * _NODES
                place = trend - (guess - lean * ((beside >> 2) - _ASIDE_MOST) << shift + 1)
                lean *= 27
                if place > _LEAN:
                    lean += 9
                elif place < -_LEAN:
                    lean += 18
                sign_at = home + _SIGNS + lean
                if expected:
                    phase = _SPLIT
        elif mode == STEPS:
            place = last
            if place > 2:
                place = 2
            elif place < -2:
                place = -2
            place = place * 3 + 6
            if before:
                place += 1 if before > 0 else -1
            base = home + (place + 1) * _BUCKET
            sign_at = base + _STEP_SIGN
        else:
            base = home
            left = state[_WIDTH]
            leaves = 1 << state[_LEVELS]
            phase = _BITS if left else _DONE
        size = 0
        negative = 0
        klass = 0
        if not decoding:
            size = cells[row] - BIAS - guess
            if size < 0:
                negative = 1
                size = -size
            while size >> klass:
                klass += 1
        reached = expected
        while phase < _DONE:
            bit = 0
            spot = 0
            if phase == _CHANGE:
                spot = change_at
                if klass:
                    bit = 1
            elif phase == _SPLIT:
                spot = base
                if klass >= expected:
                    bit = 1
            elif phase == _UP:
                spot = reached - expected
                if spot >= _UPWARDS:
                    spot = _UPWARDS - 1
                spot += base + 1 if mode == VALUES else base
                if klass > reached:
                    bit = 1
            elif phase == _DOWN:
                spot = expected - 1 - reached
                if spot >= _DOWNWARDS:
                    spot = _DOWNWARDS - 1
                spot += base + 1 + _UPWARDS
                if klass < reached:
                    bit = 1
            elif phase == _SIGN:
                spot = sign_at
                if mode == VALUES:
                    place = beside >> 2
                    spot += last_sign
                    if place != _ASIDE_MOST:
                        spot += 3 if place > _ASIDE_MOST else 6
                bit = negative
            else:
                left -= 1
                spot = base + node if node < leaves else -1
                bit = size >> left & 1
            # The range coder's own work on this bit.
            bound = span >> 1
            if spot >= 0:
                chance = chances[spot]
                sights = seen[spot]
                bound = (span >> 12) * (chance >> 4 | 1)
                rate = state[_RATES + sights]
                if sights < _SETTLED:
                    seen[spot] = sights + 1
            if decoding:
                bit = 1 if low >= bound else 0
            # Arithmetic in place of branches: nobody can predict them.
            mask = -bit
            if decoding:
                low -= bound & mask
            else:
                low += bound & mask
            span = bound + (span - 2 * bound & mask)
            if spot >= 0:
                move = (chance ^ 65535 & ~mask) * rate >> 12
                chances[spot] = chance + ((move ^ mask) - mask)
            while span < _LEAST:
                span <<= 8
                if decoding:
                    # The next eight bits lie three bits off the bytes' limits.
                    low = low << 8
                    if at < end:
                        low |= data[at - 1] << 5 & 255 | data[at] >> 3
                    elif at == end:
                        low |= data[at - 1] << 5 & 255
                    at += 1
                else:
                    if low >> 29:
                        carry = at - 1
                        while data[carry] == 255:
                            data[carry] = 0
                            carry -= 1
                        data[carry] += 1
                    data[at] = low >> _BYTE_SHIFT & 255
                    at += 1
                    low = (low & _LEAST_MASK) << 8
            # What comes next.
            if phase == _CHANGE:
                phase = _DONE
                if bit:
                    sign_at = home + _STILL_SIGNS
                    if scale_slow == _SCALE_NONE and scale_fast == _SCALE_NONE:
                        expected = _FIRST_CLASS
                        place = _STILL_FIRSTS + (state[_FIRST] >> 1)
                    else:
                        expected = usual if usual else 1
                        place = level
                    base = home + _STILL_CLASSES + place * _NODES
                    reached = expected
                    phase = _SPLIT if expected > 1 else _UP
            elif phase == _SPLIT:
                phase = _UP if bit else _DOWN
                if not bit:
                    reached -= 1
                    if reached == still:
                        phase = _SIGN if still else _DONE
            elif phase == _UP:
                if bit:
                    reached += 1
                if not bit or reached == class_most:
                    phase = _SIGN if reached else _DONE
            elif phase == _DOWN:
                if bit:
                    reached -= 1
                if not bit or reached == still:
                    phase = _SIGN if reached else _DONE
            elif phase == _SIGN:
                negative = bit
                left = reached - 1
                phase = _BITS if left else _DONE
                base = reached - 2
                if mode == VALUES:
                    if base >= _TOP_CLASSES:
                        base = _TOP_CLASSES - 1
                    base = home + _TOPS + base * 4
                else:
                    if base >= _STEP_CLASSES:
                        base = _STEP_CLASSES - 1
                    base = home + _STEP_TOPS + base * 4
            else:
                node = node << 1 | bit
                if not left:
                    phase = _DONE
        if mode == TREE:
            cells[row] = node - (1 << state[_WIDTH]) + BIAS
        else:
            size = node if reached else 0
            number = guess - size if negative else guess + size
            if number > most or number < -most:
                row = -1
                break
            cells[row] = number + BIAS
            if mode == STEPS:
                before = last
                last = number
            else:
                beside = 1
                if reached > expected or (still and reached):
                    beside = 2
                elif reached < expected and not still:
                    beside = 0
                if reached or not still:
                    octave = 0
                    last_sign = 0 if not size else 2 if negative else 1
                    if size >= 1 << 20:
                        size = 1 << 20
                    if (
                        scale_slow == _SCALE_NONE and scale_fast == _SCALE_NONE and still
                    ) or not count:
                        scale_slow = 12 * size + 6
                        scale_fast = scale_slow
                    else:
                        size <<= 4
                        if count < 4 and not still:
                            scale_slow += (size - scale_slow) // (count + 2)
                        else:
                            scale_slow += size - scale_slow >> 3 - still
                        scale_fast += size - scale_fast >> 2 - still
                miss = number - half_way
                size = miss if miss < _ASIDE_MOST else _ASIDE_MOST
                if size < -_ASIDE_MOST:
                    size = -_ASIDE_MOST
                side[row] = beside | size + _ASIDE_MOST << 2
                if miss < 0:
                    miss = -miss
                if miss > WIDE:
                    miss = WIDE
                miss_half += (miss << 4) - miss_half >> 3
                miss = number - last if number > last else last - number
                moved = 1 if miss else 0
                if moved:
                    calm >>= 1
                elif calm < _CALM_MOST:
                    calm += 1
                if not count:
                    calm = 0 if moved else _CALM_FIRST
                if miss > WIDE:
                    miss = WIDE
                miss_last += (miss << 4) - miss_last >> 3
                miss = number - rounded if number > rounded else rounded - number
                if miss > WIDE:
                    miss = WIDE
                miss_mean += (miss << 4) - miss_mean >> 3
                miss = number - moving if number > moving else moving - number
                if miss > WIDE:
                    miss = WIDE
                miss_left += (miss << 4) - miss_left >> 3
                if count < 7:
                    count += 1
                    mean += ((number << shift) - mean) // (count + 1)
                else:
                    mean += (number << shift) - mean >> 3
                last = number
        row += 1
    state[_LOW] = low
    state[_RANGE] = span
    state[_AT] = at
    state[_ROW] = row
    state[_LAST] = last + BIAS
    state[_MEAN] = mean + BIAS
    state[_MISS] = miss_last
    state[_MISS + 1] = miss_half
    state[_MISS + 2] = miss_mean
    state[_MISS + 3] = miss_left
    state[_SCALE] = scale_slow
    state[_SCALE + 1] = scale_fast
    state[_COUNT] = count
    state[_LAST_SIGN] = last_sign
    state[_BEFORE] = before + BIAS
    state[_CALM] = calm
    state[_MOVED] = moved
    return row


# native: (chances: ptr16, seen: ptr8, at: int, priors: ptr8, levels: ptr8, first: int, stop: int)
def reset(chances, seen, at, priors, levels, first, stop):
    """Set the chances from `at` on to the priors from `first` to `stop`."""
    while first < stop:
        prior = priors[first]
        chances[at] = levels[8 + (prior >> 3)] << 8
        seen[at] = levels[prior & 7]
        at += 1
        first += 1


class Coder:
    """The calls of the walk over a frame, for both ways: each returns what it coded.

    Encoding: behind `head`. Decoding: `data` from the end of `head` to `end`.
    """

    def __init__(self, head, data=None, end=0):
        self.decoding = data is not None
        start = len(head)
        own = _spare.pop() if _spare else workplace.make(*_NEEDS)
        self._chances, self._seen, self._buffer, self.spaces, state = own
        workplace.clear(state, _RATES)
        if data is None:
            data = self._buffer
            data[:start] = head
            state[_AT] = start
            state[_END] = len(data)
        else:
            first = (bytes(data[start : min(start + 4, end)]) + bytes(4))[:4]
            state[_LOW] = first[0] << 21 | first[1] << 13 | first[2] << 5 | first[3] >> 3
            state[_AT] = start + 4
            state[_END] = end
        state[_RANGE] = _RANGE_MOST
        self._state = state
        self._data = data
        self._least = start
        self._one = array("i", [0])
        self.side = bytearray(1)
        self.like = 0
        reset(self._chances, self._seen, 0, priors.HEAD, priors.LEVELS, 0, _WORK)

    def tree(self, base, value, width):
        """Code `value` of `width` <= 6 bits, each bit with those above it as context."""
        return self._bits(base, value, width, width)

    def raw(self, value, width):
        """Code the lowest `width` bits of `value`, each as likely a 0 as a 1."""
        coded = 0
        while width > 24:
            width -= 24
            coded = coded << 24 | self._bits(0, value >> width & 0xFFFFFF, 24, 0)
        return coded << width | self._bits(0, value & (1 << width) - 1, width, 0)

    def _bits(self, base, value, width, levels):
        state = self._state
        state[_BASE] = base
        state[_WIDTH] = width
        state[_LEVELS] = levels
        state[_ROW] = 0
        state[_STOP] = 1
        one = self._one
        one[0] = value + BIAS
        task = TREE | DECODING if self.decoding else TREE
        if code(task, state, self._chances, self._seen, one, self.side, self._data) != 1:
            self._run(TREE, code, state, one, 0, 1)
        return one[0] - BIAS

    def begin_steps(self, bank):
        """Begin a row of small numbers: `bank` says of which kind."""
        state = self._state
        self._begun = STEPS, code, state
        state[_BASE] = _WORK
        state[_LAST] = BIAS
        state[_BEFORE] = BIAS
        state[_MOST] = FULL
        state[_CLASS_MOST] = _STEP_CLASS_MOST
        first = bank * _BANK
        reset(self._chances, self._seen, _WORK, priors.BANKS, priors.LEVELS, first, first + _BANK)

    def begin_values(self, first, most):
        """Begin a column whose numbers, the first of them `first`, lie within ±`most`."""
        state = self._state
        self._begun = VALUES, code, state
        if most > FULL:
            from gateway import rangecoder_full

            state = list(state)
            self._begun = VALUES, rangecoder_full.code, state
        state[_BASE] = _WORK
        state[_SHIFT] = 4 if most <= WIDE else 0
        state[_LAST] = first + BIAS
        state[_MEAN] = (first << state[_SHIFT]) + BIAS
        state[_MISS] = 1
        state[_MISS + 1] = 0
        state[_MISS + 2] = 2
        state[_MISS + 3] = 3
        state[_COUNT] = 0
        state[_CALM] = 0
        state[_LAST_SIGN] = 0
        state[_FIRST] = min(bits_of(abs(first)) >> 1, _FIRSTS - 1)
        state[_MOST] = most
        state[_CLASS_MOST] = bits_of(most) + 1
        reset(self._chances, self._seen, _WORK, priors.VALUES, priors.LEVELS, 0, len(priors.VALUES))

    def run(self, cells, row, stop):
        """Code cells[row:stop], numbers with BIAS added, of what was begun."""
        self._run(*self._begun, cells, row, stop)

    def _run(self, task, code, state, cells, row, stop):
        if self.decoding:
            task |= DECODING
        if state is not self._state:
            # A list with room for any number takes part for a column.
            state[: _END + 1] = list(self._state[: _END + 1])
        state[_ROW] = row
        state[_STOP] = stop
        while code(task, state, self._chances, self._seen, cells, self.side, self._data) != stop:
            if self.decoding:
                raise ValueError("frame: a number beyond its limits")
            self._data.extend(bytes(_GROW))
            state[_END] = len(self._data)
        if state is not self._state:
            self._state[: _END + 1] = array("i", state[: _END + 1])

    def finish(self):
        """Return head and bits; zeros that a decoder reads behind the end are left out."""
        state = self._state
        low = self._settle(state[_LOW])
        span = state[_RANGE]
        for zeros in range(28, -1, -1):
            end = low + (1 << zeros) - 1 >> zeros << zeros
            if end < low + span:
                break
        low = self._settle(end)
        data = self._data
        self.release()
        size = state[_AT]
        for shift in (21, 13, 5):
            data[size] = low >> shift & 255
            size += 1
        data[size] = low << 3 & 255
        while not data[size] and size >= self._least:
            size -= 1
        return bytes(memoryview(data)[: size + 1])

    def release(self):
        """Leave the chances to the next coder; this one has done its work."""
        buffer = self._buffer if len(self._buffer) <= _USUAL else bytearray(_USUAL)
        _spare[:] = [(self._chances, self._seen, buffer, self.spaces, self._state)]
        self._chances = self._buffer = self._data = self.spaces = None

    def _settle(self, low):
        """Let the carry in `low` run through the bytes before; return the rest."""
        if low >> 29:
            at = self._state[_AT] - 1
            while self._data[at] == 255:
                self._data[at] = 0
                at -= 1
            self._data[at] += 1
        return low & _RANGE_MOST


def bits_of(n):
    """Return the number of bits of `n` >= 0."""
    k = 0
    while n:
        n >>= 1
        k += 1
    return k
