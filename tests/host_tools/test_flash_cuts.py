"""The power is cut at every program and every erase of a long life of the spool.

`make chaos-flash` (KISTA_CUTS=all) takes every operation in all three forms; `make test` takes a
sample of them, the same each time. A failure prints the operation, the form and the second cut.
"""

import functools
import io
import os
import random
import subprocess

import pytest

from fakes import Store
from gateway import frame, resend
from gateway.ring import Ring
from gateway.spool import Spool
from host_tools import build
from host_tools.twin import flash

COMMITS = 2000
SEED = 4
JOURNAL = 4 * flash.SECTOR
FRAMES = 4 * flash.SECTOR
SIZE = JOURNAL + FRAMES
OFFSETS = {"journal": (0, JOURNAL), "spool": (JOURNAL, FRAMES)}
FORMS = {flash.NOTHING: "nothing", flash.TORN: "torn", flash.DONE: "done"}
SCHEMAS = [bytes([number] * frame.SCHEMA_BYTES) for number in (1, 2)]
CHANNELS = (5, 2)
EVERYTHING = os.environ.get("KISTA_CUTS") == "all"
# Prime, so that the samples go through all kinds of operations.
STRIDE = 1 if EVERYTHING else 71
# One cut in so many is followed by a second one, at each operation of the recovery.
TWICE = 7 if EVERYTHING else 17
# Each lives the whole life and cuts its share: they run side by side, and one sees them end.
PARTS = 16 if EVERYTHING else 1


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
        columns = tuple(tuple(one.columns[i]) for i in range(one.channels))
        flags = one.flags and tuple(masks and bytes(masks) for masks in one.flags)
        head = (one.schema, one.seq, one.boot, one.quality, one.anchor)
        return encode_key((*head, tuple(one.times), columns, flags))

    monkeypatch.setattr(frame, "decode", functools.lru_cache(4000)(frame.decode))
    monkeypatch.setattr(frame, "encode", encode_once)


def _spool(partitions, boot, clock):
    return Spool(partitions["journal"], partitions["spool"], boot, clock, SCHEMAS)


def _mounted(image, boot=99):
    spool = _spool(flash.Nor(image, OFFSETS).partitions, boot, Clock())
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


def _probes(chip, watcher):
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
        self.spool = _spool(_probes(self.chip, self._operation), self._boot, self._clock)
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
            self.rows[due] = _rows(frame.decode(data))
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
        spool = _mounted(image)
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
            came += sorted(_rows(frame.decode(offered[seq])))
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
        again = _mounted(image, 100)
        came = set()
        seq = seen
        while again.get(seq) is not None:
            came |= _rows(frame.decode(again.get(seq)))
            seq += 1
        assert came == {(0, t + 1000 * i) for i in range(5)}, f"{where}: it does not go on: {came}"


def _rows(one):
    """Return {(stream, time)} of a frame whose values are what they must be."""
    stream = SCHEMAS.index(one.schema)
    for i, t in enumerate(one.times):
        values = tuple(column[i] for column in one.columns)
        assert values == _row(stream, t)[1], f"wrong values at {t}"
    assert one.times == sorted(set(one.times))
    return {(stream, t) for t in one.times}


class Cutter:
    """Cuts copies of a life's flash, at one operation in STRIDE, and checks what is left.

    Of these operations it takes one in PARTS, from the `part`-th on.
    """

    def __init__(self, part=0):
        self.cuts = 0
        self.second_cuts = 0
        self._part = part

    def __call__(self, life, number, name, offset, data):
        # Erases are few; take a larger share of them.
        stride = STRIDE if data is not None else min(STRIDE, 5)
        if number % stride or number // stride % PARTS != self._part:
            return
        for form in FORMS:
            seed = number * 3 + form + 1
            where = f"operation {number} ({name} {offset}), {FORMS[form]}"
            image = _cut(life.image, name, offset, data, form, seed)
            self.cuts += 1
            if (number // STRIDE * 3 + form) % TWICE == 0:
                self._cut_again(life, image, where)
            spool = life.check(image, where)
            if self.cuts % 5 == 0:
                life.check_it_goes_on(spool, image, where)

    def _cut_again(self, life, before, where):
        """Cut each operation of the recovery as well."""
        image = io.BytesIO(before.getvalue())
        # What one operation leaves when it is done is what the next one finds.
        checked = set()

        def operation(name, offset, data):
            for form in FORMS:
                copy = _cut(image, name, offset, data, form, chip.operations + 1)
                if copy.getvalue() in checked:
                    continue
                checked.add(copy.getvalue())
                self.second_cuts += 1
                again = f"{where}; then operation {chip.operations} of recovery, {FORMS[form]}"
                life.check(copy, again)

        chip = flash.Nor(image, OFFSETS)
        _spool(_probes(chip, operation), 98, Clock()).mount()


def _cut(image, name, offset, data, form, seed):
    """Return a copy of the flash in which the operation was hit by a cut."""
    copy = io.BytesIO(image.getvalue())
    chip = flash.Nor(copy, OFFSETS)
    chip.cut_at(0, form, seed)
    part = chip.partitions[name]
    with pytest.raises(flash.PowerCut):
        part.erase(offset) if data is None else part.program(offset, data)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_cut_of_the_power_loses_or_doubles_a_committed_row(packed_once, part):
    cutter = Cutter(part)
    life = Life(cutter)
    life.live(COMMITS)
    print(life.operations, "operations,", cutter.cuts, "cuts,", cutter.second_cuts, "second cuts")
    assert life.chip.erases >= 2 * (JOURNAL + FRAMES) // flash.SECTOR, "both rings went round"
    assert life.spool.lost(), "frames gave way"


# Writes records and says so, until it is killed.
WRITER = """
import sys
from gateway.ring import Ring
from host_tools.twin import flash

file = open(sys.argv[1], "r+b")
ring = Ring(flash.Nor(file, {"spool": (0, %d)}).partitions["spool"])
ring.mount()
while True:
    ident = ring.append(bytes(ring.next_id * 31 + i & 255 for i in range(300)))
    print("a", ident)
    ring.step()
    if ident %% 3:
        ring.ack(ident - 2)
        print("d", ident - 2)
"""


@pytest.mark.slow
def test_killing_the_process_is_a_power_cut_like_any_other(tmp_path):
    image = tmp_path / "flash"
    image.write_bytes(b"\xff" * FRAMES)
    script = tmp_path / "writer.py"
    script.write_text(WRITER % FRAMES)
    environment = {"MICROPYPATH": f"{build.FIRMWARE}:{build.ROOT}:.frozen"}
    draw = random.Random(SEED)
    written = -1
    for kill in range(10):
        command = [*build.micropython("96k"), str(script), str(image)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        said = "".join(process.stdout.readline() for _ in range(draw.randrange(1, 100)))
        # By now it is somewhere further on.
        process.kill()
        for line in (said + process.communicate()[0]).splitlines():
            what, _, ident = line.partition(" ")
            if ident.isdigit() and what == "a":
                written = max(written, int(ident))
        with image.open("rb") as file:
            chip = flash.Nor(io.BytesIO(file.read()), {"spool": (0, FRAMES)})
        ring = Ring(chip.partitions["spool"])
        ring.mount()
        lost = {i for first, last in ring.gaps() for i in range(first, last + 1)}
        assert written < ring.next_id, f"kill {kill}"
        for ident in range(ring.oldest(), written + 1):
            kind_and_payload = ring.read(ident)
            assert kind_and_payload is not None or ident in lost, f"kill {kill}: record {ident}"
            if kind_and_payload is not None:
                expected = bytes(ident * 31 + i & 255 for i in range(300))
                assert kind_and_payload[1] == expected, f"kill {kill}: record {ident}"
    assert written > 100
