"""NOR flash as strict as the chip: programs clear bits only, erases take 4 KiB, power may go at
any time.

The content is a file (or anything with seek, read and write), so that it outlives the process.
"""

SECTOR = 4096
PAGE = 256
# How a cut leaves the operation it hits.
NOTHING, TORN, DONE = range(3)


class PowerCut(BaseException):
    """The power is gone: nothing in the node runs on."""


class Nor:
    """A flash chip: its `partitions` by name, what was done to it, when its power is cut."""

    def __init__(self, file, offsets):
        """`offsets`: {name: (offset in the file, bytes)}."""
        self.partitions = {}
        for name, (offset, size) in offsets.items():
            self.partitions[name] = Partition(self, file, offset, size)
        self.programs = 0
        self.bytes = 0
        self.erases = 0
        self._cut_at = -1
        self._how = TORN
        self._noise = 1

    @property
    def operations(self):
        return self.programs + self.erases

    def cut_at(self, operation, how=TORN, seed=1):
        """Cut the power in the `operation`-th program or erase from the chip's first, counted
        from 0.
        """
        self._cut_at = operation
        self._how = how
        self._noise = seed & 0x3FFFFFFF or 1

    def cut_next(self, seed=1):
        """Cut the power in the middle of the next program or erase."""
        self.cut_at(self.operations, TORN, seed)

    def _random(self):
        """Return 30 bits of noise (xorshift, 30 bits wide)."""
        x = self._noise
        x ^= x << 11 & 0x3FFFFFFF
        x ^= x >> 8
        x ^= x << 19 & 0x3FFFFFFF
        self._noise = x
        return x

    def interrupted(self, old, new):
        """Return what an operation from `old` to `new` really leaves; None: it completes."""
        if self.operations != self._cut_at:
            return None
        if self._how == NOTHING:
            return bytes(old)
        if self._how == DONE:
            return bytes(new)
        # Each bit that was to change has or has not: few in an early cut, nearly all in a late one.
        degree = self._random() >> 10 & 3
        torn = bytearray(len(old))
        for i in range(len(old)):
            mask = self._some(degree)
            torn[i] = old[i] & mask | new[i] & ~mask & 0xFF
        return bytes(torn)

    def _some(self, degree):
        """Return 8 bits of which an eighth, half, three quarters or seven eighths are ones."""
        r = self._random() >> 3
        if degree == 0:
            return r & r >> 8 & r >> 16 & 0xFF
        if degree > 1:
            r |= r >> 8
        if degree > 2:
            r |= r >> 16
        return r & 0xFF


class Partition:
    """A part of the chip, with the four functions that the firmware uses."""

    sector = SECTOR

    def __init__(self, chip, file, offset, size):
        self._chip = chip
        self._file = file
        self._offset = offset
        self.size = size
        self.reads = 0
        self.erases_of = bytearray(2 * (size // SECTOR))

    def read(self, offset, buf):
        """Fill `buf` from `offset`."""
        self._check(offset, len(buf))
        self.reads += 1
        self._file.seek(self._offset + offset)
        self._file.readinto(buf)

    def program(self, offset, data):
        """Clear the bits that are 0 in `data`; ValueError when a bit would have to be set."""
        self._check(offset, len(data))
        start = 0
        while start < len(data):
            # The chip programs a page at a time, and a cut can fall between two.
            end = min(len(data), start + PAGE - (self._offset + offset + start) % PAGE)
            self._program_page(offset + start, data[start:end])
            start = end

    def _program_page(self, offset, data):
        """Do what the chip does at one command. Behind the end of a page a real one goes on at the
        page's beginning: here that is refused.
        """
        if (self._offset + offset) % PAGE + len(data) > PAGE:
            raise ValueError("program at %d crosses a page" % offset)
        old = bytearray(len(data))
        self.read(offset, old)
        for i in range(len(data)):
            if data[i] & ~old[i]:
                raise ValueError("program at %d sets a bit: erase first" % (offset + i))
        torn = self._chip.interrupted(old, data)
        self._write(offset, data if torn is None else torn)
        if torn is not None:
            raise PowerCut
        self._chip.programs += 1
        self._chip.bytes += len(data)

    def erase(self, offset):
        """Set all bits of the sector at `offset`."""
        if offset % SECTOR:
            raise ValueError("erase at %d: not a sector" % offset)
        self._check(offset, SECTOR)
        erased = b"\xff" * SECTOR
        torn = None
        if self._chip.operations == self._chip._cut_at:
            old = bytearray(SECTOR)
            self.read(offset, old)
            torn = self._chip.interrupted(old, erased)
        self._write(offset, erased if torn is None else torn)
        if torn is not None:
            raise PowerCut
        self._chip.erases += 1
        at = 2 * (offset // SECTOR)
        count = self.erases_of[at] + (self.erases_of[at + 1] << 8) + 1
        self.erases_of[at] = count & 0xFF
        self.erases_of[at + 1] = count >> 8 & 0xFF

    def erases(self, sector):
        """Return how often a sector was erased since the chip was made."""
        return self.erases_of[2 * sector] + (self.erases_of[2 * sector + 1] << 8)

    def _write(self, offset, data):
        self._file.seek(self._offset + offset)
        self._file.write(data)
        self._file.flush()

    def _check(self, offset, size):
        if offset < 0 or offset + size > self.size:
            raise ValueError("%d bytes at %d: outside the partition" % (size, offset))
