"""A life of the spool on a simulated flash, and what was promised at each moment of it.

The life is the same each time. `check()` holds what a mount finds against the promises.
"""

import functools
import gc
import io
import os
import random

import pytest

from fakes import Store
from gateway import frame, resend
from gateway.spool import Spool
from host_tools.twin import flash

SEED = 4
JOURNAL = 4 * flash.SECTOR
FRAMES = 4 * flash.SECTOR
SIZE = JOURNAL + FRAMES
OFFSETS = {"journal": (0, JOURNAL), "spool": (JOURNAL, FRAMES)}
SCHEMAS = [bytes([number] * frame.SCHEMA_BYTES) for number in (1, 2)]
CHANNELS = (5, 2)
EVERYTHING = os.environ.get("KISTA_CUTS") == "all"


class Clock:
    def __init__(self):
        self.now = 0

    def uptime_ms(self):
        return self.now


def _value(stream, t, channel):
    """Return what the row of that time must say: noise, so that frames are long."""
    if (t // 1000 + channel) % 13 == 0:
        return None
    return (t * 2654435761 + stream * 97 + channel * 40503) % 100003 - 50000


def _row(stream, t):
    values = tuple(_value(stream, t, channel) for channel in range(CHANNELS[stream]))
    return t, values, tuple(16 if value is None else 0 for value in values)


@pytest.fixture
def packed_once(monkeypatch):
    """What a frame's bytes say depends on them alone, and the other way round: ask once."""
    encode = frame.encode

    @functools.lru_cache(4000)
    def encode_key(key):
        schema, seq, boot, quality, anchor, times, columns, flags = key
        flags = flags and list(flags)
        return encode(frame.Frame(schema, seq, boot, quality, anchor, times, columns, flags))

    def encode_once(one):
        columns = []
        for i in range(one.channels):
            gone = (one.missing and one.missing[i]) or bytes(one.rows)
            columns.append(tuple(None if no else n for n, no in zip(one.columns[i], gone)))
        flags = one.flags and tuple(masks and bytes(masks) for masks in one.flags)
        head = (one.schema, one.seq, one.boot, one.quality, one.anchor)
        return encode_key((*head, tuple(one.times), tuple(columns), flags))

    # A PC has the memory, and a life has made much to look through.
    monkeypatch.setattr(gc, "collect", lambda: 0)
    monkeypatch.setattr(frame, "decode", functools.lru_cache(4000)(frame.decode))
    monkeypatch.setattr(frame, "encode", encode_once)


def make_spool(partitions, boot, clock):
    return Spool(partitions["journal"], partitions["spool"], boot, clock, SCHEMAS)


def mounted(image, boot=99):
    spool = make_spool(flash.Nor(image, OFFSETS).partitions, boot, Clock())
    spool.mount()
    return spool


def _run_dry(spool, clock):
    """Let the spool do all that is due."""
    for _ in range(10000):
        if spool.step() >= 1000:
            return
        clock.now += 1
    raise AssertionError("the spool is never done")


class Probe:
    """A partition that shows each page program and erase to `watcher` before it is done."""

    def __init__(self, partition, name, watcher):
        self._partition = partition
        self._name = name
        self._watcher = watcher
        self.size = partition.size
        self.sector = partition.sector
        self.read = partition.read

    def program(self, offset, data):
        start = 0
        while start < len(data):
            end = min(len(data), start + flash.PAGE - (offset + start) % flash.PAGE)
            self._watcher(self._name, offset + start, bytes(data[start:end]))
            self._partition.program(offset + start, data[start:end])
            start = end

    def erase(self, offset):
        self._watcher(self._name, offset, None)
        self._partition.erase(offset)


def probes(chip, watcher):
    return {name: Probe(part, name, watcher) for name, part in chip.partitions.items()}


class Life:
    """A node's life with its flash, and what was promised at each moment of it."""

    def __init__(self, watcher):
        self.image = io.BytesIO(b"\xff" * SIZE)
        self.chip = flash.Nor(self.image, OFFSETS)
        self._watcher = watcher
        self.operations = 0
        self._random = random.Random(SEED)
        self._clock = Clock()
        self._boot = 7
        self.promised = set()  # rows in flash, not yet in a frame that anyone has seen
        self.taken = set()  # rows that no commit has covered
        self.frames = {}  # seq: bytes, of all that ever closed
        self.rows = {}  # seq: rows of that frame
        self.delivered = set()
        self.delivering = None
        self.commits = 0
        self._outage = False
        self._start()

    def _start(self):
        self.spool = make_spool(probes(self.chip, self._operation), self._boot, self._clock)
        self.spool.mount()
        self._look()

    def _operation(self, name, offset, data):
        self._watcher(self, self.operations, name, offset, data)
        self.operations += 1

    def _look(self):
        """Take notice of the frames that closed."""
        due = max(self.frames, default=-1) + 1
        while self.spool.get(due) is not None:
            data = self.spool.get(due)
            self.frames[due] = data
            self.rows[due] = rows_of(frame.decode(data))
            self.promised -= self.rows[due]
            self.taken -= self.rows[due]
            due += 1

    def live(self, commits):
        while self.commits < commits:
            for _ in range(self._random.randint(1, 3)):
                self._clock.now += 1000
                self._put(self._random.random() < 0.3)
            self.spool.commit()
            self.promised |= self.taken
            self.taken.clear()
            self.commits += 1
            if self.commits % 5 == 0:
                self.spool.close_now(self._random.randrange(2))
            _run_dry(self.spool, self._clock)
            self._look()
            if self.commits % 240 == 0:
                # Long enough to fill the ring: the oldest frames give way.
                self._outage = not self._outage
            if not self._outage:
                self._deliver()
            if self.commits % 250 == 0:
                self._boot += 1
                self.promised -= self.taken
                self._start()

    def _put(self, stream):
        quality = 0 if self.commits % 97 < 5 else 1
        stream = int(stream)
        row = _row(stream, self._clock.now)
        self.taken.add((stream, row[0]))
        self.spool.put(stream, row, quality)

    def _deliver(self):
        after = -1
        for _ in range(self._random.randint(0, 2)):
            found = self.spool.next(after)
            if found is None:
                break
            # Sometimes the answer to a later frame comes first.
            after = found[0]
            if self._random.random() < 0.2:
                continue
            self._acknowledge(after)
        if self._random.random() < 0.05:
            last = self._random.choice(list(self.frames)[-30:])
            again = resend.Resend(self.spool, Store())
            again.ask({"first": max(0, last - 2), "last": last})
            for _ in range(4):
                again.step()
            while again.next() is not None:
                pass

    def _acknowledge(self, seq):
        self.delivering = seq
        self.spool.ack(seq)
        self.spool.ack(seq)
        self.delivering = None
        self.delivered.add(seq)

    def check(self, image, where):
        """Mount what a cut left and hold it against what was promised."""
        spool = mounted(image)
        offered = {}
        after = -1
        while True:
            found = spool.next(after)
            if found is None:
                break
            after, data = found
            offered[after] = data
        lost = {seq for first, last in spool.lost() for seq in range(first, last + 1)}
        due = max(self.frames, default=-1) + 1
        for seq, data in self.frames.items():
            if seq in offered:
                assert offered[seq] == data, f"{where}: frame {seq} has changed"
            elif seq not in self.delivered and seq != self.delivering:
                assert seq in lost, f"{where}: frame {seq} is gone"
        new = sorted(seq for seq in offered if seq >= due)
        assert new == list(range(due, due + len(new))), f"{where}: numbers {new} after {due}"
        assert spool.pending() >= len(offered), f"{where}: {spool.pending()} pending"
        came = []
        for seq in new:
            came += sorted(rows_of(frame.decode(offered[seq])))
        assert len(came) == len(set(came)), f"{where}: rows came twice"
        came = set(came)
        assert came <= self.promised | self.taken, f"{where}: {came - self.promised - self.taken}"
        assert self.promised <= came, f"{where}: rows lost: {sorted(self.promised - came)}"
        # Only what nobody promised to keep may be reported as lost: frames older than all others.
        known = min(offered, default=due)
        assert all(seq < known and seq < due for seq in lost), f"{where}: lost {spool.lost()}"
        return spool

    def check_it_goes_on(self, spool, image, where):
        """Rows taken after the cut are kept like any other."""
        seen = spool._frames.next_id
        t = 10**9
        for i in range(5):
            spool.put(0, _row(0, t + 1000 * i), 1)
        spool.commit()
        again = mounted(image, 100)
        came = set()
        seq = seen
        while again.get(seq) is not None:
            came |= rows_of(frame.decode(again.get(seq)))
            seq += 1
        assert came == {(0, t + 1000 * i) for i in range(5)}, f"{where}: it does not go on: {came}"


def rows_of(one):
    """Return {(stream, time)} of a frame whose values are what they must be."""
    stream = SCHEMAS.index(one.schema)
    for i, t in enumerate(one.times):
        values = tuple(column[i] for column in one.columns)
        assert values == _row(stream, t)[1], f"wrong values at {t}"
    assert one.times == sorted(set(one.times))
    return {(stream, t) for t in one.times}
