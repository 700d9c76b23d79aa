import io

from gateway import frame
from gateway.spool import FRAME_ROWS, Spool
from host_tools.twin import flash
from support import Noise

SCHEMAS = [bytes([number] * frame.SCHEMA_BYTES) for number in (1, 2)]
JOURNAL = 8 * flash.SECTOR
FRAMES = 8 * flash.SECTOR
OFFSETS = {"journal": (0, JOURNAL), "spool": (JOURNAL, FRAMES)}
NOON_MS = 1790000000000 - 1790000000000 % 60000


class Clock:
    def __init__(self):
        self.now = 0

    def uptime_ms(self):
        return self.now


class Post:
    """A spool on a flash of its own, and a clock that the test moves."""

    def __init__(self, image=None, boot=7, cut=-1):
        self.image = image or io.BytesIO(b"\xff" * (JOURNAL + FRAMES))
        self.chip = flash.Nor(self.image, OFFSETS)
        self.chip.cut_at(cut)
        self.clock = Clock()
        parts = self.chip.partitions
        self.spool = Spool(parts["journal"], parts["spool"], boot, self.clock, SCHEMAS)
        self.spool.mount()

    def again(self, boot=8):
        """Return the same flash after a power cut."""
        return Post(self.image, boot)

    def take(self, rows, stream=0, quality=1, period_ms=10000, steps=True):
        for _ in range(rows):
            self.clock.now += period_ms
            self.spool.put(stream, _row(self.clock.now), quality)
            if steps:
                self.run()

    def run(self):
        """Let the spool do all that is due now."""
        for _ in range(3000):
            if self.spool.step() >= 1000:
                return
        raise AssertionError("never done")

    def waiting(self):
        """Return the numbers of the frames that wait."""
        found = []
        one = self.spool.next(-1)
        while one is not None:
            found.append(one[0])
            one = self.spool.next(one[0])
        return found

    def frames(self):
        """Return {seq: frame} of all that waits."""
        found = {}
        one = self.spool.next(-1)
        while one is not None:
            found[one[0]] = frame.decode(one[1])
            one = self.spool.next(one[0])
        return found

    def rows(self):
        """Return [(time, values, flags), …] of all that waits, in the order of their frames."""
        rows = []
        frames = self.frames()
        for seq in sorted(frames):
            one = frames[seq]
            for i in range(one.rows):
                masks = [marks[i] if marks else 0 for marks in one.flags or [None] * one.channels]
                rows.append((one.times[i], [column[i] for column in one.columns], bytes(masks)))
        return rows

    def times(self, stream=0):
        """Return the times of all rows that wait, in the order of their frames."""
        times = []
        frames = self.frames()
        for seq in sorted(frames):
            if frames[seq].schema == SCHEMAS[stream]:
                times += frames[seq].times
        return times


def _row(uptime_ms):
    i = uptime_ms // 1000
    return NOON_MS + uptime_ms, (i % 997, None if i % 30 == 0 else -i), (0, 16 if not i % 30 else 0)


def test_spool_closes_a_frame_after_fifteen_minutes():
    post = Post()
    post.take(95)
    frames = post.frames()
    assert list(frames) == [0] and 89 <= frames[0].rows <= 92
    assert frames[0].boot == 7 and frames[0].seq == 0 and frames[0].quality == 1
    for i, time in enumerate(frames[0].times):
        row = _row(time - NOON_MS)
        assert (frames[0].columns[0][i], frames[0].columns[1][i]) == row[1]
        assert frames[0].flags[1][i] == row[2][1]


def test_spool_keeps_every_mark_and_hole_of_a_wide_stream():
    post = Post()
    rows = []
    for i in range(40):
        # At first nothing is marked; then every row otherwise.
        late = i >= 7
        values = [None if late and (i + j) % 5 == 0 else i * 100 - j for j in range(27)]
        masks = bytes([(i * j) % 256 if late and (i + j) % 3 == 0 else 0 for j in range(27)])
        rows.append((NOON_MS + i * 1000, values, masks))
        post.clock.now += 1000
        post.spool.put(0, rows[-1], 1)
    post.spool.close_now(0)
    post.run()
    assert post.rows() == rows


def _noisy_row(noise, time):
    """Return the widest row, of which a full frame would not fit into a sector."""
    values = [(noise.below(1 << 16) << 16) + noise.below(1 << 16) - (1 << 31) for _ in range(32)]
    return time, values, bytes([noise.below(256) for _ in range(32)])


def test_spool_makes_several_frames_of_noise():
    noise = Noise(3)
    rows = [_noisy_row(noise, NOON_MS + 1000 * i) for i in range(44)]
    post = Post()
    for row in rows:
        post.spool.put(0, row, 1)
    post.spool.close_now(0)
    post.run()
    assert post.rows() == rows
    sizes = [len(post.spool.get(seq)) for seq in post.waiting()]
    assert len(sizes) > 2 and max(sizes) < 4000
    # Those that only the journal has, too.
    post = Post()
    for row in rows:
        post.spool.put(0, row, 1)
    post.spool.commit()
    assert post.again().rows() == rows


def test_spool_keeps_noise_whole_wherever_the_power_goes():
    noise = Noise(4)
    rows = [_noisy_row(noise, NOON_MS + 1000 * i) for i in range(24)]
    cut = 0
    done = False
    while not done:
        post = Post()
        for row in rows:
            post.spool.put(0, row, 1)
        post.chip.cut_at(cut, cut % 3, cut)
        committed = 0
        try:
            post.spool.commit()
            committed = len(rows)
            post.spool.close_now(0)
            post.run()
            done = True
            assert len(post.waiting()) == 2
        except flash.PowerCut:
            pass
        try:
            # And once more while that is recovered.
            post = Post(post.image, 8, cut // 2)
        except flash.PowerCut:
            post = post.again(9)
        kept = post.rows()
        assert committed <= len(kept) and kept == rows[: len(kept)], cut
        cut += 17
    assert cut > 40


def test_spool_closes_a_frame_that_is_full():
    post = Post()
    post.take(FRAME_ROWS + 1, period_ms=100)
    assert [one.rows for one in post.frames().values()] == [FRAME_ROWS]


def test_spool_loses_at_most_a_minute_to_a_cut():
    for rows in (1, 5, 6, 7, 30, 95):
        post = Post()
        post.take(rows)
        taken = [NOON_MS + 10000 * i for i in range(1, rows + 1)]
        kept = post.again().times()
        assert kept == taken[: len(kept)], rows
        assert len(taken) - len(kept) <= 6, rows


def test_spool_keeps_every_committed_row_once_however_often_the_power_goes():
    post = Post()
    taken = []
    for boot in range(30):
        post = post.again(boot)
        post.clock.now = boot * 10**6
        post.take(boot % 5, steps=boot % 2)
        post.take(boot % 3, stream=1)
        post.spool.commit()
        taken += [NOON_MS + boot * 10**6 + 10000 * i for i in range(1, boot % 5 + 1)]
    post = post.again(99)
    assert post.times() == taken and len(post.times(1)) == sum(boot % 3 for boot in range(30))
    frames = post.frames()
    assert sorted(frames) == list(range(len(frames)))
    # They are the rows of the boots that took them.
    assert all(1 <= one.boot <= 29 for one in frames.values())


def test_spool_numbers_never_start_again():
    post = Post()
    last = -1
    for boot in range(10):
        post = post.again(boot)
        post.take(20)
        post.spool.close_now(0)
        post.run()
        seq, data = post.spool.latest()
        assert seq == last + 1 and frame.decode(data).seq == seq
        post.spool.ack(seq)
        last = seq


def test_spool_has_a_delivered_frame_still_with_the_same_bytes():
    post = Post()
    for _ in range(5):
        post.take(10)
        post.spool.close_now(0)
        post.run()
    first = [post.spool.get(seq) for seq in range(5)]
    for seq in range(5):
        post.spool.ack(seq)
    assert post.spool.pending() == 0 and post.spool.next(-1) is None
    post = post.again()
    assert post.spool.pending() == 0
    assert post.spool.kept() == (0, 5)
    assert [post.spool.get(seq) for seq in range(5)] == first


def test_spool_closes_a_frame_when_the_quality_of_the_time_changes():
    post = Post()
    post.take(7, quality=0)
    post.spool.set_anchor(NOON_MS)
    post.take(8, quality=1)
    post.spool.close_now(0)
    post.run()
    frames = post.frames()
    assert [(one.rows, one.quality) for one in frames.values()] == [(7, 0), (8, 1)]
    assert frames[1].anchor == NOON_MS


def test_spool_recovers_rows_with_the_quality_boot_and_anchor_they_were_taken_with():
    post = Post(boot=5)
    post.take(3, quality=0)
    post.spool.commit()
    frames = post.again(6).frames()
    assert [(one.boot, one.quality, one.anchor, one.rows) for one in frames.values()] == [
        (5, 0, None, 3)
    ]
    post = post.again(7)
    post.spool.set_anchor(NOON_MS)
    post.take(3, quality=1)
    post.spool.commit()
    newest = post.again(8).frames()[1]
    assert (newest.boot, newest.quality, newest.anchor, newest.rows) == (7, 1, NOON_MS, 3)


def test_spool_that_is_full_goes_on_and_reports_what_gave_way():
    post = Post()
    while not post.spool.lost():
        for _ in range(40):
            post.take(2, period_ms=100, steps=False)
            post.spool.close_now(0)
        post.run()
        assert post.spool.pending() < 2000
    lost = post.spool.lost()
    assert len(lost) == 1 and lost[0][0] == 0
    waiting = post.waiting()
    assert waiting == list(range(lost[0][1] + 1, waiting[-1] + 1))
    again = post.again()
    assert again.spool.lost() == lost and again.waiting() == waiting


def test_spool_never_lets_the_journal_come_round_to_rows_without_a_frame():
    post = Post()
    # One stream is slow: its rows wait while the other one's fill the journal.
    post.take(1, stream=1)
    post.spool.commit()
    for _ in range(700):
        post.take(3, period_ms=20, steps=False)
        post.spool.commit()
    assert post.again().times(1) == [NOON_MS + 10000]


def test_spool_flipped_bit_in_the_journal_costs_a_commit_and_doubles_nothing():
    post = Post()
    for _ in range(4):
        for _ in range(4):
            post.take(4, period_ms=1000)
            post.spool.commit()
        post.spool.close_now(0)
        post.run()
    for _ in range(3):
        post.take(4, period_ms=1000)
        post.spool.commit()
    taken = [NOON_MS + 1000 * i for i in range(1, 4 * 16 + 3 * 4 + 1)]
    content = post.image.getvalue()
    end = content.find(b"\xff" * 100)
    for offset in range(0, end, 19):
        broken = bytearray(content)
        broken[offset] ^= 1 << offset % 8
        one = Post(io.BytesIO(broken), 9)
        times = one.times()
        assert len(times) == len(set(times)) and set(times) <= set(taken), offset
        assert len(taken) - len(times) in (0, 4), (offset, len(taken) - len(times))


def test_spool_shows_the_newest_rows_without_closing_their_frame():
    post = Post()
    assert post.spool.glimpse(0) is None
    post.take(3)
    part = frame.decode(post.spool.glimpse(0))
    assert part.schema == SCHEMAS[0] and part.seq is None
    assert part.times == [NOON_MS + 10000 * n for n in (1, 2, 3)]
    post.take(20)
    assert frame.decode(post.spool.glimpse(0)).times[-1] == NOON_MS + 230000
    assert post.spool.glimpse(1) is None and not post.spool.pending()
    post.spool.close_now(0)
    post.run()
    assert len(post.times(0)) == 23
