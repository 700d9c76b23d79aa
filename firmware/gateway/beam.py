"""One beam of a TF-Luna or TFmini-S across a lane: distances become "something stands there".

Source: Benewake's product manuals SJ-PM-TF-Luna A05 and SJ-PM-TFmini-S A05.
"""

from micropython import const

RATE_HZ = const(100)
FRAME_BYTES = const(9)
_HEAD = const(0x59)
_HEADS = b"YY"
# Weaker is not to be believed, and this strong is too much light.
_STRENGTH_LEAST = const(100)
_GLARE = const(0xFFFF)
# Where nothing comes back from; both makes say 8 or 12 m.
_FAR_CM = const(1200)
_READ_MOST = const(1024)
_LEARN_FRAMES = const(100)
# The background need not follow what it trembles by.
_STILL_CM = const(3)
# So many frames nearer, or farther, than the background move it by 1 cm.
_STEADY_FRAMES = const(32)
_BEHIND_FRAMES = const(500)
_TAKEN_FRAMES = const(2)
# A lorry has gaps, and a window may answer nothing, even before a red light.
_FREE_MS = const(120)
_BLIND_MS = const(60 * 1000)
# What stands so long is the background from now on.
_PARKED_MS = const(600 * 1000)


def parse(frame):
    """Return (cm, strength, 0.01 degC) of one frame; ValueError names the part that is wrong."""
    if len(frame) != FRAME_BYTES:
        raise ValueError("length")
    if frame[0] != _HEAD or frame[1] != _HEAD:
        raise ValueError("header")
    if sum(frame[:8]) & 0xFF != frame[8]:
        raise ValueError("checksum")
    temperature = (frame[6] | frame[7] << 8) * 25 // 2 - 25600
    return frame[2] | frame[3] << 8, frame[4] | frame[5] << 8, temperature


def set_rate(hz):
    """Return the command for so many frames a second; it is forgotten without power."""
    body = bytes((0x5A, 6, 3, hz & 0xFF, hz >> 8))
    return body + bytes((sum(body) & 0xFF,))


class Beam:
    """`changed(number, taken, ms)` hears when the lane was taken and given free; `margin_cm`:
    what is so much nearer than the background stands in the lane.

    The background is learnt, follows slowly, and does not move while something stands before it.
    """

    def __init__(self, uart, number, margin_cm, changed):
        self._uart = uart
        self._number = number
        self._margin = margin_cm
        self._changed = changed
        self._rest = b""
        self._set = False
        self._learnt = 0
        self._steady = 0
        self._differs = 0
        self._first_ms = 0
        self._seen_ms = 0
        self._since_ms = 0
        self.background = 0
        self.taken = False
        self.frames = 0
        self.broken = 0

    def set_up(self):
        """It may be another one: set its rate when it is listened to next."""
        self._set = False

    def step(self, now):
        """Eat the bytes that wait."""
        if not self._set:
            self._set = True
            self._uart.write(set_rate(RATE_HZ))
        waiting = min(self._uart.any(), _READ_MOST)
        if not waiting:
            return
        data = self._uart.read(waiting)
        if self._rest:
            data = self._rest + data
        i = 0
        end = len(data) - FRAME_BYTES
        frames = 0
        # A slice of it makes less than one of the bytes.
        view = memoryview(data)
        least, most = self._free_span()
        while i <= end:
            if data[i] != _HEAD or data[i + 1] != _HEAD:
                # Perhaps the last byte begins one.
                found = data.find(_HEADS, i + 1)
                i = found if found >= 0 else len(data) - 1
                self.broken += 1
            elif sum(view[i : i + 8]) & 0xFF != data[i + 8]:
                i += 1
                self.broken += 1
            else:
                frames += 1
                distance = data[i + 2] | data[i + 3] << 8
                # Of most frames: a free lane, in good light.
                if not (least <= distance <= most and 0 < data[i + 5] < 255):
                    # One after the other, the last one just now.
                    at = now - (end - i) // FRAME_BYTES * (1000 // RATE_HZ)
                    self.take(distance, data[i + 4] | data[i + 5] << 8, at)
                    least, most = self._free_span()
                i += FRAME_BYTES
        self.frames += frames
        self._rest = data[i:]

    def _free_span(self):
        """Return the distances that say nothing new, least above most when every one does."""
        if self.taken or self._differs or self._learnt < _LEARN_FRAMES:
            return 1, 0
        return self.background - _STILL_CM, self.background + _STILL_CM

    def take(self, distance, strength, at):
        """A frame came at `at`: cm, and how strong it was."""
        blind = not _STRENGTH_LEAST <= strength < _GLARE or not 0 < distance < _FAR_CM
        if blind:
            distance = _FAR_CM
        if self._learnt < _LEARN_FRAMES:
            # The farthest: a vehicle may pass meanwhile.
            self._learnt += 1
            if not blind:
                self.background = max(self.background, distance)
            if self._learnt == _LEARN_FRAMES and not self.background:
                self.background = _FAR_CM
            return
        if blind and self.background < _FAR_CM:
            # It does not know, so nothing changes; but not for long.
            if not self.taken or at - self._seen_ms < _BLIND_MS:
                return
        else:
            self._seen_ms = at
        near = distance < self.background - self._margin
        if near != self.taken:
            self._differ(near, at)
        else:
            self._differs = 0
            if not near:
                self._follow(distance)
            elif at - self._since_ms > _PARKED_MS:
                self.background = distance
                self._tell(False, at)

    def _differ(self, near, at):
        if not self._differs:
            self._first_ms = at
        self._differs += 1
        enough = self._differs >= _TAKEN_FRAMES if near else at - self._first_ms >= _FREE_MS
        if enough:
            self._tell(near, self._first_ms)

    def _tell(self, taken, at):
        self._differs = 0
        self._steady = 0
        self.taken = taken
        self._since_ms = at
        self._changed(self._number, taken, at)

    def _follow(self, distance):
        """Let the background go where the free lane's distances lie."""
        steady = self._steady
        if distance > self.background + self._margin:
            # What stood there when it was learnt has gone.
            steady = max(steady, 0) + 1
            if steady >= _BEHIND_FRAMES:
                self.background = distance
                steady = 0
        elif distance > self.background:
            steady += 1
            if steady >= _STEADY_FRAMES:
                self.background += 1
                steady = 0
        elif distance < self.background:
            steady -= 1
            if steady <= -_STEADY_FRAMES:
                self.background -= 1
                steady = 0
        self._steady = steady
