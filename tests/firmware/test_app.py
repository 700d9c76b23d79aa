import json

from node_fakes import BOARD, CONFIG, START_MS, Hal
from node_fakes import run_node as _run

# isort: split
from gateway import app, frame


def test_app_takes_rows_and_keeps_them_while_nobody_listens():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    _run(hal, node, 2001)
    assert node.rows() == 200 and node.spool.pending() == 2
    report = json.loads(b"".join(node.report()))
    assert report["rows"] == 200 and report["link"]["reason"] == "no signal"
    assert report["late_ms"] < 1000 and not report["safe_mode"]


def test_app_with_a_refused_configuration_goes_into_safe_mode_and_stays_there():
    wrong = dict(CONFIG, streams=[dict(CONFIG["streams"][0], period_ms=10)])
    for text in (json.dumps(wrong), "{", "", "[]"):
        hal = Hal()
        node = app.Node(hal, BOARD, text)
        assert node.health.safe_mode and node.streams == []
        _run(hal, node, 3600)
        fed = hal.feeds
        _run(hal, node, 3600)
        # It keeps on trying to be heard, and neither it nor the watchdog resets it.
        assert hal.resets == 0 and hal.feeds > fed
        reasons = json.loads(b"".join(node.report()))["reasons"]
        assert len(reasons) == 1 and reasons[0].startswith("configuration: ")


def test_app_that_is_told_to_reboot_commits_first():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    _run(hal, node, 95)
    node.commands.get("reboot")({})
    _run(hal, node, 60)
    assert hal.resets > 0 and node.spool.pending() == 1 and node.spool.idle()


def test_app_keeps_what_it_took_when_the_power_goes():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    _run(hal, node, 125)
    node.spool.commit()
    again = app.Node(hal, BOARD, json.dumps(CONFIG))
    assert again.spool.pending() == 1 and again.spool.stats()["recovered_rows"] == 12


def test_app_whose_rows_do_not_reach_the_flash_leaves_word_and_resets():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    node.steps.remove(node.spool.step)
    node.spool.put = lambda stream, row, quality: None
    _run(hal, node, 1190)
    assert not hal.resets and hal.feeds
    fed = hal.feeds
    _run(hal, node, 120)
    assert hal.resets and hal.feeds <= fed + 8
    again = app.Node(hal, BOARD, json.dumps(CONFIG))
    assert "no frame closed" in again.health.last_error


def _frames(node):
    """Return the closed frames of a node, decoded, in order."""
    found = []
    after = -1
    while True:
        one = node.spool.next(after)
        if one is None:
            return found
        after = one[0]
        found.append(frame.decode(one[1]))


def test_app_dates_the_rows_of_an_hour_without_time_when_the_time_arrives():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    _run(hal, node, 3600)
    node.clock.set(START_MS + node.clock.uptime_ms(), "test")
    _run(hal, node, 2000)
    frames = _frames(node)
    early = [one for one in frames if not one.quality]
    late = [one for one in frames if one.quality]
    assert sum(one.rows for one in early) == 360 and late
    assert late[0].anchor == START_MS and late[0].boot == early[0].boot
    times = [time + START_MS for one in early for time in one.times]
    times += [time for one in late for time in one.times]
    assert times == list(range(times[0], times[0] + 10000 * len(times), 10000))


def test_app_keeps_rows_whose_boot_never_learnt_the_time_as_such():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    _run(hal, node, 125)
    node.spool.commit()
    again = app.Node(hal, BOARD, json.dumps(CONFIG))
    (one,) = _frames(again)
    assert one.quality == 0 and one.rows == 12 and one.anchor is None
    assert one.boot == node.health.boot and max(one.times) <= 125000


class Streaming:
    """A driver, its UART and its sampler in one; `waits`: bytes in the receive buffer."""

    BUS = "uart"
    UART = (115200, 2048)
    STEP_MS = 200

    def __init__(self, waits):
        self.waits = waits
        self.overruns = 0

    def any(self):
        return self.waits

    def step(self):
        self.waits = 0


def test_app_counts_the_times_that_a_receive_buffer_was_full():
    for waits, overruns in ((0, 0), (1928, 0), (1929, 1), (2048, 1)):
        one = Streaming(waits)
        step = app._feeder(one, one, one, one)
        assert [step(), step()] == [200, 200]
        assert one.overruns == overruns and one.waits == 0
        # A pair of sensors has two.
        step = app._feeder(one, one, one, [Streaming(waits), Streaming(5)])
        assert step() == 200 and one.overruns == 2 * overruns
    one.BUS = "pulse"
    one.lost = 7
    assert app._feeder(one, one, one, one)() == 200 and one.overruns == 7
    one.BUS = "i2s"
    assert app._feeder(one, one, one, None)() == 200


def test_app_takes_a_row_each_period_whatever_jumps_the_clock_makes():
    hal = Hal()
    node = app.Node(hal, BOARD, json.dumps(CONFIG))
    node.clock.set(START_MS, "test")
    hour, day = 3600 * 1000, 24 * 3600 * 1000
    jumps = (hour, -hour, day, -day, 2086000000000 - START_MS)
    for count, jump in enumerate(jumps):
        _run(hal, node, 305)
        node.clock.set(node.clock.unix_ms() + jump, "test")
        assert node.clock.steps == count + 1
    _run(hal, node, 305)
    node.stop()
    _run(hal, node, 60)
    # At most one row a jump falls between two of the clock's periods.
    rows = sum(one.rows for one in _frames(node))
    assert rows == node.rows() and 183 - len(jumps) <= rows <= 183 + len(jumps), rows
    starts = [time for one in _frames(node) for time in one.times]
    assert min(starts) > START_MS - 2 * day and max(starts) > 2086000000000
    assert json.loads(b"".join(node.report()))["clock_steps"] == len(jumps)
