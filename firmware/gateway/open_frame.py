"""A frame that still takes rows: they stand in few arrays, and are encoded from there."""

from array import array

from micropython import const

from gateway import frame

_BLOCK_NUMBERS = const(64)


class OpenFrame:
    """A frame that still takes rows. `number`: its name in the journal, once a row is there."""

    def __init__(self, stream, quality, channels, now_ms):
        self.stream = stream
        self.quality = quality
        self.since_ms = now_ms
        self.rows = 0
        # Row behind row, in blocks: an array a channel would cost a wide stream of few rows more
        # than its numbers do, and growing arrays break up the heap. Each has numbers, then times,
        # in a list each time would be an object of its own, and each number a word; then, when
        # a row needs them, marks: for each channel its mask, and 1 where it has no number.
        self.channels = channels
        self.block_rows = max(1, _BLOCK_NUMBERS // channels)
        self._blocks = []
        self.marked = False
        self.committed = 0
        # What the committed ones take in the journal.
        self.bytes = 0
        self.uncommitted_since_ms = now_ms
        self.number = None

    def add(self, row):
        """Take a row (time, values, flags)."""
        time, values, masks = row
        at = self.rows % self.block_rows
        if not at:
            self._blocks.append(array("i", bytes(4 * self.block_rows * self.channels)))
            self._blocks.append(array("q", bytes(8 * self.block_rows)))
            self._blocks.append(None)
        numbers = self._blocks[-3]
        for i in range(self.channels):
            numbers[at * self.channels + i] = values[i] or 0
        self._blocks[-2][at] = time
        if any(masks) or None in values:
            self._mark(at, values, masks)
        self.rows += 1

    def _mark(self, at, values, masks):
        """Write down why a row has no number, or a doubtful one."""
        self.marked = True
        if self._blocks[-1] is None:
            self._blocks[-1] = bytearray(2 * self.block_rows * self.channels)
        marks = self._blocks[-1]
        at *= 2 * self.channels
        for i in range(self.channels):
            marks[at + i] = masks[i]
            marks[at + self.channels + i] = values[i] is None

    # It is the list of its rows' times.
    def __len__(self):
        return self.rows

    def __getitem__(self, row):
        if row >= self.rows:
            raise IndexError
        return self._blocks[row // self.block_rows * 3 + 1][row % self.block_rows]

    def row(self, row):
        """Return a row as it was taken."""
        block = row // self.block_rows * 3
        at = row % self.block_rows * self.channels
        values = list(self._blocks[block][at : at + self.channels])
        masks = bytes(self.channels)
        marks = self._blocks[block + 2]
        if marks is not None:
            masks = marks[2 * at : 2 * at + self.channels]
            for i in range(self.channels):
                if marks[2 * at + self.channels + i]:
                    values[i] = None
        return self[row], values, masks

    def fill(self, column, channel, start):
        """Put the numbers of a channel from row `start` on into an array."""
        for i in range(len(column)):
            row = start + i
            block = self._blocks[row // self.block_rows * 3]
            column[i] = block[row % self.block_rows * self.channels + channel]

    def fill_marks(self, marks, place, start):
        """Put those of a channel: at the place of its number its mask, `channels` behind it 1."""
        for i in range(len(marks)):
            row = start + i
            block = self._blocks[row // self.block_rows * 3 + 2]
            marks[i] = block[row % self.block_rows * 2 * self.channels + place] if block else 0

    def frame(self, start, end, schema, anchor):
        """Return a Frame of some of the rows, without a number."""
        times = self if end - start == self.rows else [self[row] for row in range(start, end)]
        columns = Columns(self, start, end)
        flags = Marks(self, 0, start, end) if self.marked else None
        missing = Marks(self, self.channels, start, end) if self.marked else None
        return frame.Frame(schema, None, None, self.quality, anchor, times, columns, flags, missing)


class Columns:
    """The columns of some rows of an open frame: each is made when it is wanted, in the place of
    the one before.
    """

    def __init__(self, one, start, end):
        self._one = one
        self._start = start
        self._column = array("i", bytes(4 * (end - start)))

    def __len__(self):
        return self._one.channels

    def __getitem__(self, i):
        self._one.fill(self._column, i, self._start)
        return self._column


class Marks:
    """What some rows of an open frame are marked with, by channel as Columns; None: with nothing.

    `behind`: 0 for masks, or as many as there are channels.
    """

    def __init__(self, one, behind, start, end):
        self._one = one
        self._behind = behind
        self._start = start
        self._marks = bytearray(end - start)

    def __getitem__(self, i):
        if i >= self._one.channels:
            raise IndexError
        self._one.fill_marks(self._marks, self._behind + i, self._start)
        return self._marks if any(self._marks) else None
