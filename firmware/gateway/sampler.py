"""When the sensors of a stream are read, what becomes of an answer, and of none."""

from micropython import const

from gateway import flags
from gateway.quality import Company, Judge

# A wake-up this late still belongs to its moment; later than that, the row says when it really was.
_LATE_MS = const(500)


class Sampler:
    """One sensor: read at every multiple of the period, the answer handed to its stream."""

    # Asked for by a command: ppm to calibrate to after the next reading; what became of it.
    wanted = None
    calibrated = ""
    # How often a streaming sensor's receive buffer was found full.
    overruns = 0

    def __init__(self, clock, stream, first, driver, sensor, label):
        self._clock = clock
        self._stream = stream
        self._first = first
        self._driver = driver
        self._sensor = sensor
        self._awake_since = self._counted_to = clock.uptime_ms()
        # Of a sensor that ages by being awake: not kept yet, and the whole hours that are kept.
        self.awake_ms = 0
        self.hours = None
        self.label = label
        self.count = len(driver.CHANNELS)
        self.judge = Judge(driver, stream.period_ms)
        self.unanswered = 0
        self.broken = 0
        # Why the last reading brought nothing, "" when it did, None before the first.
        self.failed = None
        # What a sensor says of its own state (a fan that stands) it says beside its values.
        self._marks = hasattr(sensor, "marks")
        # A sensor that ages by being awake sleeps between readings that are far enough apart.
        self._naps = hasattr(sensor, "sleep") and stream.period_ms >= 2 * driver.WARM_UP_MS

    async def step(self):
        """Wait for the next moment, read, report; return ms until the next call (0: at once)."""
        stream = self._stream
        wait, _, known = stream.moment()
        if self._naps and wait > self._driver.WARM_UP_MS:
            await self._clock.sleep_ms(wait - self._driver.WARM_UP_MS)
            await self._try(self._sensor.wake)
            self._awake_since = self._counted_to = self._clock.uptime_ms()
            wait, _, known = stream.moment()
        await self._clock.sleep_ms(wait)
        _, time, quality = stream.moment()
        if not stream.running:
            return 1000
        if quality != known:
            # The clock was set meanwhile: this was a multiple of the period of uptime only.
            return 0
        stream.begin(time, quality)
        values, masks = await self._read()
        stream.report(self, self._first, time, values, masks)
        if self.wanted is not None:
            from gateway import calibration

            ppm, self.wanted = self.wanted, None
            self.calibrated = await calibration.carry_out(self._sensor, ppm)
        if self._naps:
            await self._try(self._sensor.sleep)
        return 0

    def calibrate(self, ppm):
        """Calibrate the sensor to `ppm` after its next reading; ValueError says why not."""
        from gateway import calibration

        measured_ms = self._clock.uptime_ms() - self._awake_since
        calibration.check(ppm, self._driver, self.label, self.failed, measured_ms)
        self.wanted = ppm

    def says(self):
        """Return what the sensor was set to and calibrated to in this boot, in words."""
        told = getattr(self._sensor, "settings", "")
        return "%s; %s" % (told, self.calibrated) if self.calibrated else told

    async def _read(self):
        """Return (values, their flags as bytes)."""
        now = self._clock.uptime_ms()
        awake_ms = now - self._counted_to
        self._counted_to = now
        try:
            values = await self._sensor.read()
        except OSError:
            self.unanswered += 1
            self.failed = "does not answer"
            return (None,) * self.count, bytes((flags.NO_ANSWER,)) * self.count
        except ValueError as error:
            self.broken += 1
            self.failed = "sends wrong data: %s" % error
            return (None,) * self.count, bytes((flags.BAD_DATA,)) * self.count
        self.failed = ""
        if self.hours is not None:
            self.awake_ms += awake_ms
        warm = self._clock.uptime_ms() - self._awake_since >= self._driver.WARM_UP_MS
        mask = 0 if warm else flags.WARM_UP
        if self._marks:
            return values, bytes([mask | mark for mark in self._sensor.marks])
        return values, bytes((mask,)) * self.count

    async def _try(self, action):
        """A sensor that does not obey is found out, and said, when it is read."""
        try:
            await action()
        except (OSError, ValueError):
            self.unanswered += 1

    def report(self):
        """Return [unanswered, broken, driver, last values, flags, hours awake, words, overruns]."""
        driver = self._driver.__name__.split(".")[-1]
        last = self._stream.last
        values, marks = (last[1], last[2]) if last else ([], b"")
        first, end = self._first, self._first + self.count
        return [
            self.unanswered,
            self.broken,
            driver,
            values[first:end],
            list(marks[first:end]),
            self.hours,
            self.says(),
            self.overruns,
        ]


class Stream:
    """The rows of one stream: what its sensors report for one moment becomes one row.

    A row leaves when the last sensor has reported, or when the next moment begins: a slow sensor
    never delays the others.
    """

    def __init__(self, clock, period_ms, put):
        self._clock = clock
        self._put = put
        self.period_ms = period_ms
        self.samplers = []
        self.channels = 0
        self.running = True
        self.rows = 0
        self.latest_ms = 0
        self.last = None
        self._time = None
        self._quality = 0
        self._values = None
        self._flags = None
        self._waiting = 0
        self._company = Company()

    def add(self, driver, sensor, label):
        """Add a sensor; return its sampler."""
        sampler = Sampler(self._clock, self, self.channels, driver, sensor, label)
        self.samplers.append(sampler)
        self._company.add(driver, self.channels)
        self.channels += sampler.count
        return sampler

    def moment(self):
        """Return (ms to wait for the next moment, time of the one just begun, quality).

        A moment is a multiple of the period. Time is unix ms (quality 1), or ms of uptime
        (quality 0) while the clock is unknown.
        """
        unix = self._clock.unix_ms()
        now = self._clock.uptime_ms() if unix is None else unix
        past = now % self.period_ms
        begun = now - past if past <= _LATE_MS else now
        return self.period_ms - past, begun, 0 if unix is None else 1

    def begin(self, time, quality):
        """A moment begins: a row that still waits for a sensor leaves without it."""
        if self._waiting and (time, quality) != (self._time, self._quality):
            self._leave()
        if not self._waiting:
            self._time = time
            self._quality = quality
            self._values = [None] * self.channels
            self._flags = bytearray(bytes((flags.NO_ANSWER,)) * self.channels)
            self._waiting = len(self.samplers)

    def report(self, sampler, first, time, values, masks):
        """Take one sensor's answer; an answer for a moment that has passed comes too late."""
        if not self._waiting or time != self._time:
            return
        for i in range(sampler.count):
            self._values[first + i] = values[i]
            self._flags[first + i] = masks[i] | sampler.judge.mask(i, values[i])
        self._waiting -= 1
        if not self._waiting:
            self._leave()

    def _leave(self):
        self._waiting = 0
        self._company.mark(self._values, self._flags)
        self.rows += 1
        now = self._clock.unix_ms() if self._quality else self._clock.uptime_ms()
        self.latest_ms = max(self.latest_ms, now - self._time)
        self.last = (self._time, self._values, self._flags)
        self._put(self.last, self._quality)
