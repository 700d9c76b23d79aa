"""A node's surroundings with clocks that a test moves by hand; for CPython and MicroPython."""


class Moment:
    """Awaiting it ends at once, and moves the clock by what was asked."""

    def __init__(self, hal, n):
        self._hal = hal
        self._n = n

    def __iter__(self):
        self._hal.advance(self._n)
        return iter(())

    __await__ = __iter__


class Link:
    def __init__(self):
        self.is_up = True

    def up(self):
        return self.is_up


class Datagram:
    """Answers with what the test put into `hal.replies`: bytes, or a function of the request."""

    def __init__(self, hal):
        self._hal = hal
        self._request = None

    def send(self, request):
        self._request = bytes(request)
        self._hal.asked += 1

    def recv(self):
        if not self._hal.replies:
            return None
        reply = self._hal.replies.pop(0)
        return reply if isinstance(reply, bytes) else reply(self._request)

    def close(self):
        self._request = None


class Crumb:
    def __init__(self, content=b""):
        self.content = content

    def load(self):
        return self.content

    def save(self, content):
        self.content = bytes(content)


class Store:
    def __init__(self):
        self.content = {}

    def get(self, key):
        return self.content.get(key)

    def set(self, key, value):
        self.content[key] = bytes(value)


class Hal:
    def __init__(self, ticks=0, rtc=None):
        self.ticks = ticks
        self.rtc = rtc
        self.link = Link()
        self.crumb = Crumb()
        self.store = Store()
        self.replies = []
        self.asked = 0
        self.feeds = 0

    def advance(self, n):
        self.ticks = (self.ticks + n) % (1 << 30)

    def ticks_ms(self):
        return self.ticks

    def rtc_ms(self):
        return self.rtc

    def set_rtc_ms(self, unix_ms):
        self.rtc = unix_ms

    def random(self, n):
        return bytes(range(n))

    def sleep_ms(self, n):
        return Moment(self, n)

    def datagram(self, host, port):
        return Datagram(self)

    def feed(self):
        self.feeds += 1

    def reset_cause(self):
        return "power"
