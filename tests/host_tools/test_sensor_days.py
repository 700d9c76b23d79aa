"""Every driver on a simulated node: real MicroPython, its model's bytes, a row every 10 s.

Ten simulated minutes in the ordinary tests; KISTA_SENSOR_DAYS=1 makes it a day, and another day on
which the sensors misbehave. Several drivers share a node, as far as its heap goes; then all of them
one, as far as its buses go, with more heap than a board has.
"""

import os

import pytest

from gateway import config
from host_tools import boards, catalogue
from host_tools.broker import Broker
from host_tools.twin import audit, run
from host_tools.urls import parse_broker

DAY = bool(os.environ.get("KISTA_SENSOR_DAYS"))
HOURS = 24 if DAY else 1 / 6
PERIOD_MS = 10_000
BOARD = boards.load("sim")
# More would not fit into the heap of a node that has everything else as well.
SENSORS_MOST = 4
CHANNELS_MOST = 32
# KiB of a chip's words; a board has 147.
HEAP = "96wk"
HEAP_OF_ALL = "192wk"
HOURS_OF_ALL = 24 if DAY else 1 / 12
STREAM_SENSORS_MOST = 12
# Of words twice as wide as a chip's.
FREE_LEAST = 2 * 6 * 1024
SHRINKS_MOST = 0.02


def nodes(drivers):
    """Return lists of sensors, as a configuration has them, that fit on a node together."""
    made = []
    for name in drivers:
        driver = config.load_driver(name)
        for sensors in [*made, []]:
            buses = _free_buses(driver, sensors)
            if buses:
                break
        assert buses, f"boards/sim.json has no {driver.BUS} for {name}: add one"
        if not sensors:
            made.append(sensors)
        sensors.append({"driver": name, **dict(zip(("bus", "bus2"), buses)), "name": name})
    return made


def _free_buses(driver, sensors):
    """Return buses, one or two, on which there is room for one more sensor, or none."""
    fitted = [config.load_driver(sensor["driver"]) for sensor in sensors]
    channels = sum(len(one.CHANNELS) for one in [driver, *fitted])
    if len(sensors) >= SENSORS_MOST or channels > CHANNELS_MOST:
        return []
    free = []
    for bus, about in BOARD["buses"].items():
        there = [one for one, sensor in zip(fitted, sensors) if bus in sensor.values()]
        if about["kind"] != driver.BUS:
            continue
        if not there or (driver.BUS == "i2c" and not _meet([driver, *there])):
            free.append(bus)
    needed = getattr(driver, "BUSES", 1)
    return free[:needed] if len(free) >= needed else []


def _meet(drivers):
    addresses = [driver.ADDRESSES[0] for driver in drivers]
    return len(set(addresses)) < len(addresses)


def together(drivers):
    """Return (sensors that fit on the buses of one node, the drivers that are left over)."""
    taken, fitted, left = set(), [], []
    for name in drivers:
        driver = config.load_driver(name)
        options = [option[0] for option in getattr(driver, "OPTIONS", ())]
        addresses = getattr(driver, "ADDRESSES", (None,))
        if "address" not in options:
            addresses = addresses[:1]
        kind = [bus for bus, about in BOARD["buses"].items() if about["kind"] == driver.BUS]
        free = [(bus, place) for place in addresses for bus in kind if (bus, place) not in taken]
        free = free[: getattr(driver, "BUSES", 1)]
        if len(free) < getattr(driver, "BUSES", 1):
            left.append(name)
            continue
        taken.update(free)
        buses = dict(zip(("bus", "bus2"), [bus for bus, _ in free]))
        fitted.append({"driver": name, **buses, "name": name})
        if "address" in options:
            fitted[-1]["address"] = free[0][1]
    return fitted, left


def halves(stream):
    """Return streams with fewer sensors and channels, as many as a stream may have."""
    made = []
    for sensor in stream["sensors"]:
        last = made[-1]["sensors"] if made else []
        drivers = [config.load_driver(one["driver"]) for one in [*last, sensor]]
        many = sum(len(driver.CHANNELS) for driver in drivers) > CHANNELS_MOST
        if not made or many or len(drivers) > STREAM_SENSORS_MOST:
            made.append({**stream, "name": f"{stream['name']}-{len(made)}", "sensors": []})
        made[-1]["sensors"].append(sensor)
    return made


def streams(sensors):
    """Return the sensors as streams of 10 s, or of what a slower one needs."""
    periods = {}
    for sensor in sensors:
        period_ms = max(PERIOD_MS, config.load_driver(sensor["driver"]).MIN_PERIOD_MS)
        periods.setdefault(period_ms, []).append(sensor)
    return [
        {"name": f"every-{period_ms}", "period_ms": period_ms, "sensors": fitted}
        for period_ms, fitted in periods.items()
    ]


def a_day(tmp_path, chosen, faults, hours_due=HOURS, board_heap=HEAP):
    """Return (rows by stream, free heap, the most of it in each hour, boots) of such a node."""
    heap, hours, boots = [], [], []

    def note(event):
        if event["event"] == "status":
            heap.append(event["heap"])
        elif event["event"] == "hour":
            hours.append(event["free"][1])
        elif event["event"] == "boot":
            boots.append(event["safe_mode"])
        assert event["event"] != "console", event

    with Broker() as broker:
        plan = run.Plan(
            node="post-1",
            broker=parse_broker(broker.url),
            flash=tmp_path / "flash",
            hours=hours_due,
            drain=False,
            config={"streams": chosen},
            faults=faults,
            heap=board_heap,
        )
        run.run(plan, note)
    rows = [[] for _ in chosen]
    for row in audit.Ledger(plan.ledger).read():
        rows[row.stream].append(row.values)
    return rows, heap, hours, boots


@pytest.mark.slow
@pytest.mark.parametrize("faults", [False, True] if DAY else [False])
@pytest.mark.parametrize(
    "sensors",
    nodes(catalogue.names()),
    ids=lambda sensors: "+".join(sensor["driver"] for sensor in sensors),
)
def test_a_day_at_10_s_brings_rows_and_takes_no_memory(tmp_path, sensors, faults):
    chosen = streams(sensors)
    _passes(chosen, faults, HOURS, *a_day(tmp_path, chosen, faults))


@pytest.mark.slow
def test_all_drivers_together_as_far_as_the_buses_go(tmp_path):
    fitted, left = together(catalogue.names())
    chosen = [part for stream in streams(fitted) for part in halves(stream)]
    print(len(fitted), "drivers on one node; without a bus:", ", ".join(left))
    # An address or a bus that nobody else has is enough for all that share theirs.
    kinds = {config.load_driver(name).BUS for name in left}
    assert "i2c" not in kinds and "i2s" not in kinds
    day = a_day(tmp_path, chosen, False, HOURS_OF_ALL, HEAP_OF_ALL)
    _passes(chosen, False, HOURS_OF_ALL, *day)


def _passes(chosen, faults, hours_due, rows, heap, hours, boots):
    assert boots == [False]
    for stream, taken in zip(chosen, rows, strict=True):
        due = hours_due * 3_600_000 / stream["period_ms"]
        assert due - 2 <= len(taken) <= due
        first = 0
        for sensor in stream["sensors"]:
            driver = config.load_driver(sensor["driver"])
            columns = slice(first, first + len(driver.CHANNELS))
            first = columns.stop
            _judge(sensor["driver"], driver, [row[columns] for row in taken], faults)
    print("free heap", min(heap), "after each hour's collection", hours)
    assert min(heap) >= FREE_LEAST
    if DAY:
        # What is made once is made in the first hour.
        first, last = max(hours[1:7]), max(hours[-6:])
        assert last >= first * (1 - SHRINKS_MOST), (
            f"it leaks: {first} free at first, {last} at last"
        )


def _judge(name, driver, rows, faults):
    """Most of what a sensor that is well says is there, and in its range."""
    # The first half is for warming up.
    later = rows[len(rows) // 2 :]
    answered = sum(any(value is not None for value in row) for row in later)
    assert answered >= len(later) * (0.5 if faults else 0.95), f"{name}: {answered}/{len(later)}"
    if faults:
        return
    for (channel, _, _), limits, *column in zip(driver.CHANNELS, driver.RANGE, *rows):
        values = [value for value in column if value is not None]
        assert not values or limits[0] <= min(values) <= max(values) <= limits[1], (name, channel)


def test_drivers_share_a_node_as_far_as_its_buses_go():
    uarts = [bus for bus, about in BOARD["buses"].items() if about["kind"] == "uart"]
    made = nodes(["sds011"] * (len(uarts) + 1) + ["bme280"] * 3)
    assert len(made[0]) == min(SENSORS_MOST, len(uarts) + 2)
    for sensors in made:
        places = [(sensor["bus"], sensor["driver"]) for sensor in sensors]
        assert len(set(places)) == len(places)
