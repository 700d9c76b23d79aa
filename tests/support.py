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
