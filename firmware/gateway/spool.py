"""Between reading and sending: rows in RAM, in a journal, in frames; nothing committed is lost.

A row is committed when it is in the journal ring, at most a minute after it was taken. A frame
closes after 15 minutes or 96 rows and goes into the frame ring, where its record's id is its
sequence number. The order of the writes, and what each cut leaves behind: docs/spool.md.
"""

import gc
import struct

from micropython import const

from gateway import frame, ring
from gateway.open_frame import OpenFrame
from gateway.records import NOTE

FRAME_ROWS = const(96)
_FRAME_AGE_MS = const(15 * 60 * 1000)
# A row taken at the end of a period must not wait for the next one.
_COMMIT_AGE_MS = const(50 * 1000)
_IDLE_MS = const(5000)
_BUSY_MS = const(10)
_CLOSING_MOST = const(8)
_COMMIT_ROWS = const(16)
_JOURNAL_HEAD = const(8)
# A frame closes when the journal's ring has come so near to its first row.
_SECTORS_LEFT = const(2)
# The anchor of a boot goes into so many frames: one of them will be delivered.
_ANCHOR_FRAMES = const(2)
# A frame closes before its rows take more than this in the journal, as noise on many channels does:
# it must fit into a record, and takes about as much.
_FRAME_BYTES_MOST = const(2560)


class Spool:
    """`schemas`: the ids of the streams' schemas, by stream number. Call `mount()` first."""

    def __init__(self, journal_flash, frame_flash, boot, clock, schemas):
        self._journal = ring.Ring(journal_flash, keep_account=False)
        self._frames = ring.Ring(frame_flash)
        self._boot = boot
        self._clock = clock
        self._schemas = schemas
        self._open = [None] * len(schemas)
        self._closing = []
        self._encoder = None
        self._anchor = None
        self._anchors_left = 0
        self.recovered_rows = 0

    def mount(self):
        """Mount both rings; close, as frames of their own, rows that a cut left in the journal."""
        self._journal.mount()
        self._frames.mount()
        for number in self._unclosed():
            self._recover(number)

    def _unclosed(self):
        """Return the numbers of the journal's frames that are not in the frame ring, in order."""
        found = []
        closed = {}
        boot = None
        for _, kind, payload in self._journal.records():
            number, second = struct.unpack_from("<II", payload)
            if kind == NOTE:
                closed[number] = second
                continue
            if second != boot:
                # A boot takes no row before it has closed all frames of those before.
                boot = second
                found = []
                closed = {}
            if number not in found:
                found.append(number)
        due = self._frames.next_id
        # One that had its sequence number when the power went gets that one, before any other.
        first = [number for number in found if closed.get(number) == due]
        return first + [number for number in found if number not in closed]

    def _recover(self, number):
        """Close, as a frame of its own, what the journal has of one."""
        one = None
        for _, kind, payload in self._journal.records(number):
            if kind == NOTE or struct.unpack_from("<I", payload)[0] != number:
                continue
            part = frame.decode(payload[_JOURNAL_HEAD:])
            if one is None:
                one = OpenFrame(None, part.quality, part.channels, 0)
                boot = struct.unpack_from("<I", payload, 4)[0]
                anchor = part.anchor
            flags = part.flags or [None] * part.channels
            for row in range(part.rows):
                values = [column[row] for column in part.columns]
                one.add((part.times[row], values, [marks[row] if marks else 0 for marks in flags]))
        self.recovered_rows += one.rows
        whole = one.frame(0, one.rows, part.schema, anchor)
        whole.seq = self._frames.next_id
        whole.boot = boot
        self._store(number, frame.encode(whole))

    def put(self, stream, row, quality):
        """Take a row (time, values, flags) of a stream; the oldest undelivered frame gives way."""
        now = self._clock.uptime_ms()
        one = self._open[stream]
        if one is not None and one.quality != quality:
            self.close_now(stream)
            one = None
        if one is None:
            one = OpenFrame(stream, quality, len(row[1]), now)
            self._open[stream] = one
        if one.rows == one.committed:
            one.uncommitted_since_ms = now
        one.add(row)
        if one.rows >= FRAME_ROWS:
            self.close_now(stream)

    def commit(self):
        """Write all rows that are not in the journal yet."""
        for one in self._open:
            if one is not None:
                self._commit(one)

    def _commit(self, one):
        while one.committed < one.rows:
            self._keep_ahead_of_the_journal()
            if self._open[one.stream] is not one:
                return
            end = min(one.rows, one.committed + _COMMIT_ROWS)
            # Two coders at once would take a small heap too much.
            while self._encoder is not None:
                self._encode_slice()
            data = frame.encode(self._frame(one, one.committed, end))
            if one.committed and one.bytes + len(data) > _FRAME_BYTES_MOST:
                one = self._begin_another(one)
                continue
            if one.number is None:
                one.number = self._journal.next_id
            self._journal.append(struct.pack("<II", one.number, self._boot) + data)
            one.bytes += len(data)
            one.committed = end

    def _begin_another(self, one):
        """Close a frame with what is committed; return the one that has its other rows now."""
        another = OpenFrame(one.stream, one.quality, one.channels, one.uncommitted_since_ms)
        for row in range(one.committed, one.rows):
            another.add(one.row(row))
        one.rows = one.committed
        self._close(one)
        self._open[one.stream] = another
        return another

    def _keep_ahead_of_the_journal(self):
        """Close what has rows in the journal's oldest sectors: the ring comes round to them."""
        for one in self._open:
            if one is not None and self._is_old(one):
                self._open[one.stream] = None
                self._closing.append(one)
        while any(self._is_old(one) for one in self._closing):
            self._encode_slice()

    def _is_old(self, one):
        return one.number is not None and self._journal.sectors_left(one.number) < _SECTORS_LEFT

    def _frame(self, one, start, end):
        """Return a Frame of some rows, its sequence number still to be given."""
        anchor = self._anchor if one.quality and self._anchors_left else None
        return one.frame(start, end, self._schemas[one.stream], anchor)

    def close_now(self, stream):
        """Close the open frame of a stream, if there is one: it is encoded step by step."""
        while self._open[stream] is not None:
            one = self._open[stream]
            self._commit(one)
            if self._open[stream] is one:
                self._close(one)

    def _close(self, one):
        self._open[one.stream] = None
        self._closing.append(one)
        while len(self._closing) > _CLOSING_MOST:
            self._encode_slice()

    def step(self):
        """Do one bounded piece of what is due; return ms until the next call."""
        if self._closing:
            self._encode_slice()
            return _BUSY_MS
        now = self._clock.uptime_ms()
        for one in self._open:
            if one is None:
                continue
            waiting = one.rows > one.committed
            if waiting and now - one.uncommitted_since_ms >= _COMMIT_AGE_MS:
                self.commit()
                return _BUSY_MS
            if now - one.since_ms >= _FRAME_AGE_MS:
                self.close_now(one.stream)
                return _BUSY_MS
        if self._journal.step() or self._frames.step():
            return _BUSY_MS
        return _IDLE_MS

    def _encode_slice(self):
        one = self._closing[0]
        if self._encoder is None:
            # What a frame needs for a while finds the largest places, and leaves them again.
            gc.collect()
            whole = self._frame(one, 0, one.rows)
            # Nothing else gets a number until this frame is in the ring.
            whole.seq = self._frames.next_id
            whole.boot = self._boot
            if whole.anchor is not None:
                self._anchors_left -= 1
            self._encoder = frame.Encoder(whole)
        data = self._encoder.step()
        if data is not None:
            self._encoder = None
            self._store(one.number, data)
            del self._closing[0]

    def _store(self, number, data):
        """Put a frame into its ring, and into the journal that its rows are there."""
        note = struct.pack("<II", number, self._frames.next_id)
        # Noted before: a cut behind the frame must not bring its rows twice. Noted after as well:
        # neither must a flipped bit in the first note.
        self._journal.append(note, NOTE)
        self._frames.append(data)
        self._journal.append(note, NOTE)

    def set_anchor(self, unix_ms):
        """Say what time it was at uptime 0 of this boot, for the frames taken without a clock."""
        self._anchor = unix_ms
        self._anchors_left = _ANCHOR_FRAMES

    def idle(self):
        """Return whether every row taken is in a closed frame."""
        return not self._closing and all(one is None for one in self._open)

    def coding(self):
        """Return whether a frame is being encoded, which takes memory."""
        return self._encoder is not None

    def pending(self):
        """Return the number of closed frames that are not acknowledged."""
        return self._frames.pending()

    def get(self, seq):
        """Return a frame's bytes, or None when it is gone."""
        found = self._frames.read(seq)
        return None if found is None else found[1]

    def glimpse(self, stream):
        """Return the newest rows of a stream's open frame as a frame of no number, or None."""
        one = self._open[stream]
        if one is None:
            return None
        end = one.rows
        return frame.encode(self._frame(one, max(0, end - _COMMIT_ROWS), end))

    def next(self, after):
        """Return (seq, bytes) of the first unacknowledged frame behind `after`, or None."""
        while True:
            after = self._frames.after(after)
            if after is None:
                return None
            data = self.get(after)
            if data is not None:
                return after, data

    def latest(self):
        """Return (seq, bytes) of the newest unacknowledged frame, or None."""
        while True:
            seq = self._frames.newest()
            if seq is None:
                return None
            data = self.get(seq)
            if data is not None:
                return seq, data

    def ack(self, seq):
        """A frame is delivered: it may be overwritten, and until then be asked for again."""
        self._frames.ack(seq)

    def kept(self):
        """Return (first, behind the last): the sequence numbers that may still be there."""
        return self._frames.oldest(), self._frames.next_id

    def lost(self):
        """Return [(first, last), …]: frames that gave way before they were delivered."""
        return self._frames.gaps()

    def stats(self):
        """Return counts: broken records, rows recovered at mount, writes to the journal so far,
        the next number, wear.
        """
        return {
            "corrupt": self._journal.corrupt + self._frames.corrupt,
            "recovered_rows": self.recovered_rows,
            "commits": self._journal.next_id,
            "next_seq": self._frames.next_id,
            "erases": max(self._journal.laps(), self._frames.laps()),
        }
