"""Between reading and sending: rows in RAM, in a journal, in frames; nothing committed is ever
lost.

A row is committed when it is in the journal ring, at most a minute after it was taken. A frame
closes
after 15 minutes or 96 rows and goes into the frame ring, where its record's id is its sequence
number.
The order of the writes, and what each cut leaves behind, is in docs/spool.md.
"""

import struct

from micropython import const

from gateway import frame, ring

FRAME_ROWS = const(96)
_FRAME_AGE_MS = const(15 * 60 * 1000)
# A row taken at the end of a period must not wait for the next one.
_COMMIT_AGE_MS = const(50 * 1000)
_IDLE_MS = const(1000)
_BUSY_MS = const(10)
_AGAIN_MOST = const(16)
_CLOSING_MOST = const(8)
_COMMIT_ROWS = const(16)
_JOURNAL_HEAD = const(8)
# The anchor of a boot goes into so many frames: one of them will be delivered.
_ANCHOR_FRAMES = const(2)


class Open:
    """A frame that still takes rows. `number`: its name in the journal, once there is a row
    there.
    """

    def __init__(self, stream, quality, now_ms, journal_bytes):
        self.stream = stream
        self.quality = quality
        self.since_ms = now_ms
        self.rows = []
        self.committed = 0
        self.uncommitted_since_ms = now_ms
        self.number = None
        self.journal_bytes = journal_bytes


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
        self._again = []
        self._anchor = None
        self._anchors_left = 0
        # A frame must close before the journal's ring comes round to its first row.
        self._journal_span = journal_flash.size // 2
        self._journal_bytes = 0
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
        for _, kind, payload in self._journal.records():
            number, second = struct.unpack_from("<II", payload)
            if kind == ring.NOTE:
                closed[number] = second
            elif number not in found:
                found.append(number)
        due = self._frames.next_id
        # One that had its sequence number when the power went gets that one, before any other.
        first = [number for number in found if closed.get(number) == due]
        return first + [number for number in found if number not in closed]

    def _recover(self, number):
        whole = None
        for _, kind, payload in self._journal.records():
            if kind == ring.NOTE or struct.unpack_from("<I", payload)[0] != number:
                continue
            boot = struct.unpack_from("<I", payload, 4)[0]
            part = frame.decode(payload[_JOURNAL_HEAD:])
            if whole is None:
                whole = part
                whole.boot = boot
                continue
            whole.append(part)
        self.recovered_rows += whole.rows
        whole.seq = self._frames.next_id
        self._store(number, frame.encode(whole))

    def put(self, stream, row, quality):
        """Take a row (time, values, flags) of a stream; the oldest undelivered frame gives way."""
        now = self._clock.uptime_ms()
        one = self._open[stream]
        if one is not None and one.quality != quality:
            self.close_now(stream)
            one = None
        if one is None:
            one = Open(stream, quality, now, self._journal_bytes)
            self._open[stream] = one
        if len(one.rows) == one.committed:
            one.uncommitted_since_ms = now
        time, values, masks = row
        one.rows.append((time, values, masks if any(masks) else None))
        if len(one.rows) >= FRAME_ROWS:
            self.close_now(stream)

    def commit(self):
        """Write all rows that are not in the journal yet."""
        for one in self._open:
            if one is not None:
                self._commit(one)

    def _commit(self, one):
        while one.committed < len(one.rows):
            rows = one.rows[one.committed : one.committed + _COMMIT_ROWS]
            if one.number is None:
                one.number = self._journal.next_id
            head = struct.pack("<II", one.number, self._boot)
            payload = head + frame.encode(self._frame(one, rows))
            self._journal.append(payload)
            self._journal_bytes += len(payload)
            one.committed += len(rows)

    def _frame(self, one, rows):
        """Return a Frame of `rows`, its sequence number still to be given."""
        times = [row[0] for row in rows]
        channels = len(rows[0][1])
        columns = [[row[1][i] for row in rows] for i in range(channels)]
        flags = None
        if any(row[2] for row in rows):
            flags = [[row[2][i] if row[2] else 0 for row in rows] for i in range(channels)]
        anchor = self._anchor if one.quality and self._anchors_left else None
        schema = self._schemas[one.stream]
        return frame.Frame(schema, None, None, one.quality, anchor, times, columns, flags)

    def close_now(self, stream):
        """Close the open frame of a stream, if there is one: it is encoded step by step."""
        one = self._open[stream]
        if one is None:
            return
        self._commit(one)
        self._open[stream] = None
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
            waiting = len(one.rows) > one.committed
            if waiting and now - one.uncommitted_since_ms >= _COMMIT_AGE_MS:
                self.commit()
                return _BUSY_MS
            old = now - one.since_ms >= _FRAME_AGE_MS
            if old or self._journal_bytes - one.journal_bytes > self._journal_span:
                self.close_now(one.stream)
                return _BUSY_MS
        if self._journal.step() or self._frames.step():
            return _BUSY_MS
        return _IDLE_MS

    def _encode_slice(self):
        one = self._closing[0]
        if self._encoder is None:
            whole = self._frame(one, one.rows)
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
        """Write first which number this frame gets, then the frame: a cut between costs nothing."""
        self._journal.append(struct.pack("<II", number, self._frames.next_id), ring.NOTE)
        self._frames.append(data)

    def set_anchor(self, unix_ms):
        """Say what time it was at uptime 0 of this boot, for the frames taken without a clock."""
        self._anchor = unix_ms
        self._anchors_left = _ANCHOR_FRAMES

    def idle(self):
        """Return whether every row taken is in a closed frame."""
        return not self._closing and all(one is None for one in self._open)

    def pending(self):
        """Return the number of closed frames that are not acknowledged."""
        return self._frames.pending()

    def get(self, seq):
        """Return a frame's bytes, or None when it is gone."""
        found = self._frames.read(seq)
        return None if found is None else found[1]

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

    def resend(self, first, last):
        """Send the frames `first` to `last` again, as far as they are still there; return how
        many.
        """
        first = max(first, self._frames.oldest())
        last = min(last, self._frames.next_id - 1)
        if first > last or len(self._again) >= _AGAIN_MOST:
            return 0
        self._again.append((first, last))
        return last - first + 1

    def asked(self):
        """Return (seq, bytes) of the next frame that was asked for again, or None."""
        while self._again:
            first, last = self._again[0]
            if first == last:
                del self._again[0]
            else:
                self._again[0] = (first + 1, last)
            data = self.get(first)
            if data is not None:
                return first, data
        return None

    def lost(self):
        """Return [(first, last), …]: frames that gave way before they were delivered."""
        return self._frames.gaps()

    def stats(self):
        """Return counts: records that broke in flash, rows recovered at mount, the next number."""
        return {
            "corrupt": self._journal.corrupt + self._frames.corrupt,
            "recovered_rows": self.recovered_rows,
            "next_seq": self._frames.next_id,
        }
