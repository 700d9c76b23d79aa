"""What device tests share; it runs on CPython and on MicroPython, so there is no pytest here."""


def raises(kind, function, *arguments):
    """Call `function` and return the message of the `kind` it raises; fail when it does not."""
    try:
        function(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError("expected %s from %r" % (kind.__name__, function))


def finish(coroutine, most=100000):
    """Run a coroutine whose awaits need no clock to the end and return its value."""
    for _ in range(most):
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
    raise AssertionError("still running after %d turns" % most)


class Noise:
    """Numbers from a seed, the same on every interpreter (xorshift, 30 bits)."""

    def __init__(self, seed):
        self._x = seed * 7919 + 1 & 0x3FFFFFFF or 1

    def below(self, n):
        x = self._x
        x ^= x << 13 & 0x3FFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0x3FFFFFFF
        self._x = x
        return x % n
