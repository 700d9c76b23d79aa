"""Hours awake of an SDS011, over reboots, power cuts and changed sensors."""

import json

from drivers import sds011
from fakes import Store
from gateway.clock import Clock
from gateway.hours import Hours
from gateway.sampler import Stream
from host_tools.twin.buses import Nobody, Uart
from host_tools.twin.sensors.sds011 import Model
from host_tools.twin.source import Generator
from node_fakes import BOARD, CONFIG, Hal, run_node

# isort: split
from gateway import app
from support import raises

MINUTE_MS = 60 * 1000


class Boot(Hal):
    """A boot with such a sensor; `hours` counts it."""

    def __init__(self, store, period_ms=60 * 1000, model=None):
        super().__init__()
        clock = Clock(self)
        uart = Uart(model or Model(Generator(1), {}), lambda: self.scheduler.now_ms, 256)
        stream = Stream(clock, period_ms, lambda *row: None)
        self.sampler = stream.add(sds011, sds011.Sensor(uart, clock, {}), "dust")
        self.hours = Hours(store)
        self.hours.add(self.sampler)

    def run(self, minutes):
        """Let so many minutes pass; return the sampler's hours."""
        self.scheduler.run([self._sample(), self._end(minutes)])
        return self.sampler.hours

    async def _sample(self):
        while True:
            await self.sleep_ms(await self.sampler.step())

    async def _end(self, minutes):
        await self.sleep_ms(minutes * MINUTE_MS)


def kept(store):
    return json.loads(store.get("awake_min"))


def test_hours_awake_are_kept_over_reboots():
    store = Store()
    boot = Boot(store, 50000)
    assert boot.run(121) == 0 and store.get("awake_min") is None
    assert boot.hours.step() == 60 * MINUTE_MS
    assert kept(store) == {"dust": 120} and boot.sampler.hours == 2
    # A cut costs what was not saved.
    assert boot.run(30) == 2
    boot = Boot(store, 50000)
    assert boot.sampler.hours == 2 and boot.run(61) == 2
    boot.hours.save()
    assert kept(store) == {"dust": 180} and boot.sampler.report()[5] == 3


def test_hours_asleep_do_not_count():
    store = Store()
    boot = Boot(store, 150000)
    boot.run(301)
    boot.hours.save()
    # Awake 30 s of every 150.
    assert 58 <= kept(store)["dust"] <= 62


def test_hours_of_a_sensor_that_is_away_do_not_count():
    store = Store()
    boot = Boot(store, 50000, Nobody())
    boot.run(100)
    boot.hours.save()
    assert store.get("awake_min") is None and boot.sampler.unanswered == 119


def test_hours_of_another_sensor_are_told():
    store = Store()
    boot = Boot(store, 50000)
    boot.run(70)
    boot.hours.set("dust", 7000)
    assert boot.sampler.report()[5] == 7000 and kept(store) == {"dust": 420000}
    boot.run(61)
    boot.hours.save()
    assert boot.sampler.hours == 7001
    for label, hours, why in (
        (None, 0, "sensor: there is none"),
        ("bme280", 0, "sensor: there is none"),
        ("dust", -1, "hours: needs"),
        ("dust", True, "hours: needs"),
        ("dust", "7", "hours: needs"),
    ):
        assert raises(ValueError, boot.hours.set, label, hours).startswith(why)


def test_hours_survive_a_configuration_on_trial_a_full_store_and_noise():
    class Lamp:
        awake_ms = 60000

        def __init__(self, label):
            self.label = label

    store = Store()
    store.set("awake_min", b'{"old": 77}')
    for number in range(30):
        hours = Hours(store)
        hours.add(Lamp("lamp%d" % number))
        hours.save()
        assert number >= 23 or kept(store)["old"] == 77, number
        assert kept(store)["lamp%d" % number] == 1 and len(kept(store)) <= 24

    store.set = broken
    hours.add(Lamp("x"))
    hours.save()
    for noise in (b"noise", b"\xff\xfe", b"null", b"7", b"[1]", b'"x"', b'[["x", 1]]'):
        store.content = {"awake_min": noise}
        Hours(store).add(Lamp("x"))
    for number in (b"null", b'"7"', b"[7]", b"{}", b"true", b"-1", b"1.5", b"60000001", b"1e40"):
        store.content = {"awake_min": b'{"x": %s, "y": 120}' % number}
        hours = Hours(store)
        one, other = Lamp("x"), Lamp("y")
        hours.add(one)
        hours.add(other)
        assert (one.hours, other.hours) == (0, 2), number


def broken(key, value):
    raise OSError(28)


def test_hours_are_a_nodes_own_that_ends_in_order():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    run_node(hal, node, 130)
    assert json.loads(b"".join(node.report()))["sensors"]["sds011"][5] == 0
    node.stop()
    assert kept(hal.store) == {"sds011": 2}
    command = app.Node(hal, BOARD, json.dumps(CONFIG)).commands.get("hours")
    assert command({"sensor": "sds011"}) == {"hours": 0} and kept(hal.store) == {"sds011": 0}
