"""An I2C bus for tests of sensors that take commands; for CPython and MicroPython."""


class Wire:
    """Each read brings the next of `answers`, None: no acknowledge; the last is brought for ever.

    The operation numbered `dies` and all behind it find nobody. `log`: what was done.
    """

    def __init__(self, *answers, dies=1000):
        self.answers = list(answers)
        self.dies = dies
        self.log = []

    def _note(self, *operation):
        if len(self.log) >= self.dies:
            raise OSError(19)
        self.log.append(operation)

    def writeto(self, address, data):
        self._note("write", address, bytes(data))
        return len(data)

    def readfrom_into(self, address, buf):
        self._note("read", address, len(buf))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise OSError(19)
        buf[:] = answer


def flips(data):
    """Yield `data` with each of its bits flipped in turn."""
    for i in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[i // 8] ^= 0x80 >> i % 8
        yield bytes(flipped)
