from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from gateway.sampler import Stream
from host_tools.twin.scheduler import Scheduler
from support import raises

# A multiple of the period, and the moment of the boot a little before it.
NOON_MS = 1790000000000 - 1790000000000 % 60000
BOOT_MS = NOON_MS - 6544


class Driver:
    CHANNELS = (("a", "", 1), ("b", "", 1))
    RANGE = ((0, 100), (-5, 5))
    WARM_UP_MS = 0


class Lamp(Driver):
    WARM_UP_MS = 3000


class Sensor:
    """Answers with the next of `answers` after a while; an exception among them is raised."""

    def __init__(self, post, answers, takes_ms=0):
        self.post = post
        self._answers = list(answers)
        self._takes_ms = takes_ms

    async def read(self):
        await self.post.scheduler.sleep_ms(self._takes_ms)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Napper(Sensor):
    """Notes when it was woken and put to sleep."""

    def __init__(self, post, answers):
        super().__init__(post, answers)
        self.calls = []

    async def wake(self):
        self.calls.append(("wake", self.post.scheduler.now_ms))

    async def sleep(self):
        self.calls.append(("sleep", self.post.scheduler.now_ms))


class Post(Hal):
    """A stream on simulated time, the rows it gave, and what the clock knows."""

    def __init__(self, period_ms=10000, synced=True):
        super().__init__()
        self.scheduler = Scheduler(BOOT_MS)
        self.sleep_ms = self.scheduler.sleep_ms
        self.rows = []
        self.clock = Clock(self)
        if synced:
            self.learn_the_time()
        self.stream = Stream(self.clock, period_ms, self._put)

    def _put(self, row, quality):
        time, values, masks = row
        self.rows.append(((time, tuple(values), tuple(masks)), quality))

    def ticks_ms(self):
        return self.scheduler.now_ms - BOOT_MS if hasattr(self, "scheduler") else 0

    def learn_the_time(self):
        self.clock.set(self.scheduler.now_ms, "test")

    def run(self, seconds, *others):
        """Run every sampler of the stream for so long."""
        samplers = [_forever(self, sampler) for sampler in self.stream.samplers]
        self.scheduler.run(samplers + list(others) + [self._end(seconds)])

    async def _end(self, seconds):
        await self.scheduler.sleep_ms(seconds * 1000)


async def _forever(post, sampler):
    while True:
        await post.scheduler.sleep_ms(await sampler.step())


def test_sampler_row_carries_the_moment_it_was_due():
    post = Post()
    post.stream.add(Driver, Sensor(post, [(1, 2), (3, None)], takes_ms=400), "x")
    post.run(20)
    assert post.rows == [
        ((NOON_MS, (1, 2), (0, 0)), 1),
        ((NOON_MS + 10000, (3, None), (0, 0)), 1),
    ]


def test_sampler_without_a_clock_counts_uptime():
    post = Post(synced=False)
    post.stream.add(Driver, Sensor(post, [(1, 2)]), "x")
    post.run(15)
    assert post.rows == [((10000, (1, 2), (0, 0)), 0)]


def test_sampler_realigns_when_the_clock_is_set_while_it_waits():
    post = Post(synced=False)
    post.stream.add(Driver, Sensor(post, [(1, 2)]), "x")

    async def learn():
        await post.scheduler.sleep_ms(4000)
        post.learn_the_time()

    # The first multiple of 10 s of uptime is none of unix time: no reading then.
    post.run(18, _then_wait(learn, post))
    assert post.rows == [((NOON_MS + 10000, (1, 2), (0, 0)), 1)]


async def _then_wait(first, post):
    await first()
    while True:
        await post.scheduler.sleep_ms(1000)


def test_sampler_says_why_there_is_no_value():
    post = Post()
    answers = [OSError(110), ValueError("checksum"), (500, -9)]
    sampler = post.stream.add(Driver, Sensor(post, answers), "x")
    post.run(30)
    masks = [row[2] for row, _ in post.rows]
    assert masks[0] == (flags.NO_ANSWER, flags.NO_ANSWER)
    assert masks[1] == (flags.BAD_DATA, flags.BAD_DATA)
    # A value out of range is said to be so, and kept.
    assert masks[2] == (flags.OUT_OF_RANGE, flags.OUT_OF_RANGE)
    assert post.rows[2][0][1] == (500, -9)
    assert (sampler.unanswered, sampler.broken) == (1, 1)


def test_sampler_joins_the_sensors_of_one_moment_in_one_row():
    post = Post()
    post.stream.add(Driver, Sensor(post, [(1, 2)], takes_ms=900), "x")
    post.stream.add(Driver, Sensor(post, [(3, 4)], takes_ms=20), "y")
    post.run(10)
    assert [row[1] for row, _ in post.rows] == [(1, 2, 3, 4)]


def test_sampler_a_hanging_sensor_delays_no_row():
    post = Post()
    post.stream.add(Driver, Sensor(post, [(i, i) for i in range(9)]), "quick")
    post.stream.add(Driver, Sensor(post, [(7, 7)] * 9, takes_ms=25000), "slow")
    post.run(60)
    # The slow one's answers come too late for their rows; the quick one's are all there.
    assert [row[1][:2] for row, _ in post.rows] == [(i, i) for i in range(len(post.rows))]
    assert len(post.rows) >= 5
    for row, _ in post.rows:
        assert row[1][2:] == (None, None)
        assert row[2] == (0, 0, flags.NO_ANSWER, flags.NO_ANSWER)


def test_sampler_lets_a_lamp_sleep_between_readings_and_warms_it_up():
    post = Post(period_ms=60000)
    sensor = Napper(post, [(1, 2), (1, 2)])
    post.stream.add(Lamp, sensor, "lamp")
    post.run(100)
    times = [(call, when - NOON_MS) for call, when in sensor.calls]
    assert times == [("wake", -3000), ("sleep", 0), ("wake", 57000), ("sleep", 60000)]
    assert [row[2] for row, _ in post.rows] == [(0, 0), (0, 0)]


def test_sampler_flags_values_of_a_cold_sensor():
    post = Post(period_ms=1000)
    post.stream.add(Lamp, Sensor(post, [(1, 2)] * 9), "lamp")
    post.run(5)
    assert [row[2][0] for row, _ in post.rows] == [flags.WARM_UP] * 3 + [0] * 2


class Complainer(Sensor):
    """Says at each reading that its fan stands, which concerns the first channel."""

    marks = (flags.SENSOR_ERROR, 0)


class Damp(Driver):
    CHANNELS = (("a", "", 1), ("humidity", "%RH", 1))
    RANGE = ((0, 100), (0, 100))
    SPIKE = (9, 0)
    HUMIDITY_MOST = (70, 0)


def test_sampler_judges_values_by_those_before_and_beside_them():
    post = Post()
    answers = [(1, 50), (2, 60), (90, 69), (3, 71), (None, 80)]
    post.stream.add(Damp, Sensor(post, answers), "damp")
    post.run(50)
    assert [row[1] for row, _ in post.rows] == answers
    assert [row[2][0] for row, _ in post.rows] == [0, 0, flags.SPIKE, flags.HUMID, 0]
    assert post.stream.last[2][1] == 0


def test_sampler_marks_what_the_sensor_says_of_itself():
    post = Post()
    post.stream.add(Driver, Complainer(post, [(1, 1), (1, 9)]), "lamp")
    post.run(20)
    (first, _), (second, _) = post.rows
    assert first[2] == (flags.SENSOR_ERROR, 0)
    assert second[2] == (flags.SENSOR_ERROR, flags.OUT_OF_RANGE)


class Carbon(Driver):
    CALIBRATES = (400, 2000, 30)


class Calibrated(Sensor):
    """Takes what it is told; `moved`: by how many ppm, an exception is raised."""

    settings = "self-calibration off"

    def __init__(self, post, moved):
        super().__init__(post, [(1, 2)] * 99)
        self.moved = moved
        self.told = []

    async def calibrate(self, ppm):
        self.told.append((ppm, self.post.scheduler.now_ms - NOON_MS))
        if isinstance(self.moved, Exception):
            raise self.moved
        return self.moved


def test_sampler_calibrates_after_the_next_reading_and_says_what_became_of_it():
    for moved, said in (
        (-12, "calibrated to 420 ppm (by -12)"),
        (None, "calibrated to 420 ppm"),
        (OSError("refuses"), "not calibrated to 420 ppm (refuses)"),
    ):
        post = Post()
        sensor = Calibrated(post, moved)
        sampler = post.stream.add(Carbon, sensor, "air")
        assert "measured for 30 s" in raises(ValueError, sampler.calibrate, 420)
        post.run(40)
        assert sampler.says() == "self-calibration off"
        for ppm in (399, 2001, None, True):
            assert "ppm: needs" in raises(ValueError, sampler.calibrate, ppm)
        sampler.calibrate(420)
        rows = len(post.rows)
        post.run(20)
        assert sensor.told == [(420, 40000)] and len(post.rows) == rows + 2
        assert sampler.report()[6] == sampler.says() == "self-calibration off; " + said
    assert "cannot be" in raises(ValueError, post.stream.add(Driver, sensor, "dust").calibrate, 420)


def test_sampler_calibrates_no_sensor_that_is_away():
    post = Post()
    sampler = post.stream.add(Carbon, Sensor(post, [(1, 2)] * 4 + [OSError(110)]), "air")
    post.run(50)
    assert "must have measured" in raises(ValueError, sampler.calibrate, 420)
