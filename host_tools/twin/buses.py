"""Simulated buses: MicroPython's method names on the node's side, sensor models on the other."""

from host_tools.twin.contacts import TICKS_MASK, edges


class Nobody:
    """The other end of a serial line on which nothing hangs."""

    def write(self, data, now_ms):
        pass

    def pending(self, now_ms):
        return b""


class Uart:
    """A serial line to one model; bytes beyond the receive buffer are lost and counted."""

    def __init__(self, model, now_ms, rxbuf):
        self._model = model
        self._now_ms = now_ms
        self._rxbuf = rxbuf
        self._received = b""
        self.overruns = 0

    def _receive(self):
        data = self._model.pending(self._now_ms())
        if data:
            room = self._rxbuf - len(self._received)
            self.overruns += max(0, len(data) - room)
            self._received += data[:room]

    def any(self):
        self._receive()
        return len(self._received)

    def read(self, n=None):
        self._receive()
        n = len(self._received) if n is None else n
        data = self._received[:n]
        self._received = self._received[n:]
        return data or None

    def readinto(self, buf):
        data = self.read(len(buf))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, data):
        self._receive()
        self._model.write(bytes(data), self._now_ms())
        return len(data)


class Pulse:
    """The edges of the contacts of one or two models.

    A model's `pending` gives four bytes an edge, little-endian: how many microseconds ago it came,
    a multiple of 4, and 1 for closing.
    """

    def __init__(self, models, now_ms):
        self._models = models
        self._now_ms = now_ms
        self._edges = []
        self.lost = 0

    def readinto(self, buf):
        """Fill an array of type i with edges that wait, oldest first; return how many."""
        data = [model.pending(self._now_ms()) for model in self._models]
        self._edges += edges(data, self.now())
        count = min(len(buf), len(self._edges))
        for i in range(count):
            buf[i] = self._edges[i]
        self._edges = self._edges[count:]
        return count

    def now(self):
        return self._now_ms() * 1000 & TICKS_MASK


class I2s:
    """The left channel of I2S, 16 bits a sample, of one model."""

    def __init__(self, model, now_ms):
        self._model = model
        self._now_ms = now_ms
        self._data = b""

    def readinto(self, buf):
        """Fill an array of type H with what waits; return how many bytes that was."""
        self._data += self._model.pending(self._now_ms())
        data = self._data[: 2 * len(buf)]
        self._data = self._data[len(data) :]
        try:
            memoryview(buf).cast("B")[: len(data)] = data
        except AttributeError:
            # MicroPython has another way to look at an array's bytes.
            import uctypes

            uctypes.bytearray_at(uctypes.addressof(buf), len(data))[:] = data
        return len(data)


class I2c:
    """An I2C bus with some models on it, told apart by their `address`."""

    def __init__(self, models, now_ms):
        self._models = models
        self._now_ms = now_ms

    def _at(self, address):
        for model in self._models:
            if model.address == address:
                return model
        raise OSError(19)

    def scan(self):
        return sorted(model.address for model in self._models)

    def readfrom_mem_into(self, address, register, buf):
        buf[:] = self._at(address).read_mem(register, len(buf), self._now_ms())

    def writeto_mem(self, address, register, buf):
        self._at(address).write_mem(register, bytes(buf), self._now_ms())

    def readfrom_into(self, address, buf):
        buf[:] = self._at(address).read(len(buf), self._now_ms())

    def writeto(self, address, buf):
        self._at(address).write(bytes(buf), self._now_ms())
        return len(buf)
