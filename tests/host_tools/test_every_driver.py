"""Every driver that asks its sensor: absent, refusing at any transaction, slow, babbling.

New drivers are in it by being there; those that stream have tests of their own. The simulated
sensors say the same all the time, so that a wrong value shows.
"""

import itertools
import random

import pytest

from fakes import Hal
from gateway.clock import Clock
from host_tools import catalogue
from host_tools.twin import buses, source
from support import finish

NOON_MS = source.DAY_MS // 2
PERIOD_MS = 30_000
# A driver begins, conditions, and throws away a first reading.
SETTLES_READS = 4
# After a failure: what is plugged in is new, is set up anew, and may be believed after a pause.
RECOVERS_READS = 8
# A reading never takes longer, whatever the sensor does.
LONGEST_READ_MS = 15_000

ASKED = [sensor for sensor in catalogue.everything() if not sensor.driver.STREAMING]
ON_I2C = [sensor for sensor in ASKED if sensor.driver.BUS == "i2c"]
BOTH = [sensor for sensor in ASKED if sensor.driver.BUS in ("i2c", "uart")]
named = {"ids": lambda sensor: sensor.name}


class Still:
    """A world in which nothing changes; `there`: whether the sensor is plugged in."""

    def __init__(self, usual):
        self._generator = source.Generator(1, usual)
        self.there = True

    def value(self, channel, t_ms):
        return self._generator.value(channel, NOON_MS) if self.there else None


class Wire:
    """A bus between driver and model: counts transactions, refuses and spoils as it is told.

    `refuses(number)`: whether that transaction is not acknowledged. `spoil(data)`: what a read
    brings instead; `spoils(number)`: at that transaction only.
    """

    def __init__(self, bus):
        self._bus = bus
        self.transactions = 0
        self.refuses = lambda number: False
        self.spoils = lambda number: True
        self.spoil = None
        self.answers = []

    def _begin(self):
        self.transactions += 1
        if self.refuses(self.transactions - 1):
            raise OSError(19)

    def _spoiled(self, buf):
        if self.spoil and self.spoils(self.transactions - 1):
            buf[:] = self.spoil(bytes(buf))
        self.answers.append(bytes(buf))

    def writeto(self, address, buf):
        self._begin()
        return self._bus.writeto(address, buf)

    def writeto_mem(self, address, register, buf):
        self._begin()
        self._bus.writeto_mem(address, register, buf)

    def readfrom_into(self, address, buf):
        self._begin()
        self._bus.readfrom_into(address, buf)
        self._spoiled(buf)

    def readfrom_mem_into(self, address, register, buf):
        self._begin()
        self._bus.readfrom_mem_into(address, register, buf)
        self._spoiled(buf)

    def write(self, data):
        return self._bus.write(data)

    def any(self):
        return self._bus.any()

    def read(self, n=None):
        data = self._bus.read(n)
        self.answers.append(data or b"")
        return self.spoil(data) if self.spoil and data else data


class Post:
    """A driver on its simulated sensor. `lag`: the sensor works so many times more slowly."""

    def __init__(self, sensor, options=None, lag=1):
        self._driver = sensor.driver
        # An index learns, so that it changes while nothing else does.
        names = [name for name, _, _ in sensor.driver.CHANNELS]
        self._still = [not name.endswith(("_index", "index_age")) for name in names]
        self.hal = Hal()
        self.lag = lag
        self._sensor_ms = self._then = 0
        self.world = Still(getattr(sensor.model, "USUAL", None))
        model = sensor.model.Model(self.world, options or {})
        bus = (
            buses.I2c([model], self._now)
            if sensor.driver.BUS == "i2c"
            else buses.Uart(model, self._now, sensor.driver.UART[1])
        )
        self.wire = Wire(bus)
        self.sensor = sensor.driver.Sensor(self.wire, Clock(self.hal), options or {})

    def _now(self):
        self._sensor_ms += (self.hal.ticks - self._then) / self.lag
        self._then = self.hal.ticks
        return int(self._sensor_ms)

    def read(self):
        """Return the next period's values, None when the driver says that there are none."""
        self.hal.advance(PERIOD_MS)
        began = self.hal.ticks
        try:
            values = finish(self.sensor.read())
        except (OSError, ValueError):
            values = None
        assert self.hal.ticks - began <= LONGEST_READ_MS
        if values is None:
            return None
        assert len(values) == len(self._driver.CHANNELS)
        return tuple(value for value, still in zip(values, self._still, strict=True) if still)

    def settled(self):
        """Return what it reads once it is set up."""
        for _ in range(SETTLES_READS):
            values = self.read()
        assert values is not None and any(value is not None for value in values)
        return values

    def recovers(self, values):
        """Return whether it reads `values` again, after a few tries."""
        return any(self.read() == values for _ in range(RECOVERS_READS))


def ways(sensor):
    """Return options that make a driver speak otherwise: each choice, and all numbers there are.

    The address stays, for the model listens at one; what else hangs on the bus is another test's.
    """
    choices, numbers = [], {}
    for name, *rest in getattr(sensor.driver, "OPTIONS", ()):
        if len(rest) == 1 and name != "climate":
            choices.append([(name, one) for one in rest[0]])
        elif len(rest) == 2 and "address" not in name:
            numbers[name] = rest[1]
    made = [dict(chosen) for chosen in itertools.product(*choices)]
    return made + [{**made[0], **numbers}] if numbers else made


def has_checksum(sensor):
    """Return whether the page says that wrong bytes are refused."""
    return not any("no checksum" in sentence for sentence in sensor.facts["distrust"])


@pytest.mark.parametrize("sensor", ON_I2C, **named)
def test_a_refusal_at_any_transaction_is_survived(sensor):
    for options in ways(sensor):
        good = Post(sensor, options)
        values = good.settled()
        for number in range(good.wire.transactions):
            # A contact that is bad once, and one that stays so.
            for refused in (1, 1000):
                post = Post(sensor, options)
                post.wire.refuses = lambda n, first=number, most=refused: first <= n < first + most
                for _ in range(SETTLES_READS):
                    post.read()
                assert post.wire.transactions > number
                post.wire.refuses = lambda n: False
                assert post.recovers(values), (options, number, refused)


@pytest.mark.parametrize("sensor", BOTH, **named)
def test_an_absent_sensor_is_no_answer_and_one_that_is_plugged_in_is_read(sensor):
    post = Post(sensor)
    values = post.settled()
    post = Post(sensor)
    post.world.there = False
    assert [post.read() for _ in range(SETTLES_READS)] == [None] * SETTLES_READS
    post.world.there = True
    assert post.recovers(values)
    post.world.there = False
    assert [post.read() for _ in range(SETTLES_READS)] == [None] * SETTLES_READS
    post.world.there = True
    assert post.recovers(values)


@pytest.mark.parametrize("sensor", BOTH, **named)
def test_garbage_is_bad_data_and_passes(sensor):
    values = Post(sensor).settled()
    chance = random.Random(1)
    for spoil in (
        lambda data: b"\xff" * len(data),
        lambda data: bytes(len(data)),
        chance_bytes := (lambda data: chance.randbytes(len(data))),
        lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    ):
        for begun in (False, True):
            post = Post(sensor)
            if begun:
                post.settled()
            post.wire.spoil = spoil
            for _ in range(8 if spoil is chance_bytes else 3):
                got = post.read()
                if has_checksum(sensor):
                    assert not got or got == values, (got, begun)
            post.wire.spoil = None
            assert post.recovers(values), begun


@pytest.mark.parametrize("sensor", ON_I2C, **named)
def test_a_bit_that_flips_in_any_answer_is_forgotten(sensor):
    good = Post(sensor)
    values = good.settled()
    chance = random.Random(2)

    def flip(data):
        bit = chance.randrange(8 * len(data))
        return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")

    for number in range(good.wire.transactions):
        post = Post(sensor)
        post.wire.spoil = flip
        post.wire.spoils = number.__eq__
        for _ in range(SETTLES_READS):
            got = post.read()
            if has_checksum(sensor):
                assert got is None or set(got) <= {*values, None}, number
        assert post.recovers(values), number


@pytest.mark.parametrize("sensor", BOTH, **named)
def test_a_parser_refuses_every_flipped_bit_or_the_page_says_that_it_cannot(sensor):
    post = Post(sensor)
    post.settled()
    good = []
    for answer in post.wire.answers:
        try:
            sensor.driver.parse(answer)
            good.append(answer)
        except (TypeError, ValueError):
            # A status or a setting; or it takes more to parse one, which has no checksum then.
            continue
    assert good or not has_checksum(sensor)
    for answer, bit in itertools.product(good[-1:], range(8 * len(good[-1]) if good else 0)):
        number = int.from_bytes(answer, "big") ^ 1 << bit
        try:
            sensor.driver.parse(number.to_bytes(len(answer), "big"))
            assert not has_checksum(sensor), bit
        except ValueError:
            continue


@pytest.mark.parametrize("on", [0, 1])
@pytest.mark.parametrize(
    "sensor", [sensor for sensor in ASKED if hasattr(sensor.driver, "CALIBRATES")], **named
)
def test_self_calibration_is_off_unless_asked_for_and_told(sensor, on):
    post = Post(sensor, {"self_calibration": 1} if on else {})
    post.settled()
    assert ("self-calibration on" if on else "self-calibration off") in post.sensor.settings


def test_what_can_calibrate_itself_has_a_calibration_to_be_told():
    for sensor in ASKED:
        options = [option[0] for option in getattr(sensor.driver, "OPTIONS", ())]
        assert hasattr(sensor.driver, "CALIBRATES") == ("self_calibration" in options)


@pytest.mark.parametrize("lag", [1.5, 4, 40])
@pytest.mark.parametrize("sensor", BOTH, **named)
def test_a_slow_sensor_delays_nothing_for_long_and_says_nothing_wrong(sensor, lag):
    values = Post(sensor).settled()
    post = Post(sensor, lag=lag)
    for _ in range(2 * SETTLES_READS):
        got = post.read() or ()
        for value, right in zip(got, values, strict=bool(got)):
            assert value in (None, right), (got, values)
    post.lag = 1
    assert post.recovers(values)


STREAMED = [
    sensor
    for sensor in catalogue.everything()
    if sensor.driver.STREAMING and sensor.driver.BUS == "uart"
]


@pytest.mark.parametrize("sensor", STREAMED, **named)
def test_a_receive_buffer_outlasts_a_step_and_a_second_in_which_the_node_is_busy(sensor):
    model = sensor.model.Model(source.Generator(1, getattr(sensor.model, "USUAL", None)), {})
    most = 0
    for second in range(300):
        heard = [model.pending(NOON_MS + 1000 * second + ms) or b"" for ms in range(0, 1000, 20)]
        most = max(most, sum(map(len, heard)))
    room = sensor.driver.UART[1] - 120
    assert 0 < most * (sensor.driver.STEP_MS + 1000) <= 1000 * room
