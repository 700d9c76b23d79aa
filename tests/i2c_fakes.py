"""What the tests of I2C sensors share: a world that they move, and a bus that fails on demand."""


class World:
    """What a model is told to be true."""

    def __init__(self, **values):
        self.values = values

    def value(self, channel, t_ms):
        return self.values.get(channel)


class Bus:
    """A bus around another: the operation numbered `dies` and all behind it find nobody.

    `spoil(data)`: what a read is made to bring.
    """

    def __init__(self, bus, dies=10000, spoil=None):
        self._bus = bus
        self.dies = dies
        self.spoil = spoil
        self.written = []
        self.operations = 0

    def _note(self):
        if self.operations >= self.dies:
            raise OSError(19)
        self.operations += 1

    def writeto(self, address, data):
        self._note()
        self.written.append(bytes(data))
        return self._bus.writeto(address, data)

    def readfrom_into(self, address, buf):
        self._note()
        self._bus.readfrom_into(address, buf)
        if self.spoil:
            buf[:] = self.spoil(bytes(buf))
