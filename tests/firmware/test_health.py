import json

from fakes import Hal
from gateway import health
from gateway.clock import Clock


def _boot(hal, number=1):
    return health.Health(hal, Clock(hal), number)


def _report(one):
    return json.loads(b"".join(one.report()))


def test_health_tells_the_crash_of_the_boot_before():
    hal = Hal()
    _boot(hal)
    health.leave_word(hal, OSError("flash worn out"))
    report = _report(_boot(hal, 2))
    assert report["last_error"] == "OSError: flash worn out" and report["boots"] == 2
    assert _report(_boot(hal, 3))["last_error"] == ""


def test_health_tells_how_long_the_boot_before_ran_and_what_ended_it():
    hal = Hal()
    one = _boot(hal)
    for n in range(700):
        one.step(n, n)
        hal.advance(10000)
    # A watchdog leaves no word: what was noted before it must do.
    assert 6900 <= _report(_boot(hal, 2))["last_uptime_s"] <= 7000
    for text in ('"' * 500, "\n" * 500, "\u00e5" * 500, "x" * 500):
        health.leave_word(hal, ValueError(text))
        assert len(hal.crumb.content) <= 256
        report = _report(_boot(hal, 3))
        assert report["last_error"].startswith("ValueError: " + text[:5]), report
        assert report["boots"] > 2


def test_health_reads_noise_in_the_reset_memory_as_nothing():
    for noise in (b"", b"\xff" * 240, b"\x00\x12", b"[1]", b'{"boots": 4'):
        hal = Hal()
        hal.crumb.content = noise
        assert _boot(hal).boots == 1


def test_health_feeds_the_watchdog_only_while_something_moves():
    hal = Hal()
    one = _boot(hal)
    fed_at = 0
    for second in range(3600):
        before = hal.feeds
        # Rows are taken for ever; after 600 s none reaches the flash.
        one.step(second, min(second, 600))
        if hal.feeds > before:
            fed_at = second
        hal.advance(1000)
    assert 600 + 1190 <= fed_at <= 600 + 1200 and one.stalled


def test_health_goes_into_safe_mode_after_five_boots_without_progress():
    hal = Hal()
    for _ in range(5):
        assert not _boot(hal).safe_mode
    safe = _boot(hal)
    assert safe.safe_mode
    safe.step(1, 0)
    safe.step(2, 0)
    assert not _boot(hal).safe_mode


def test_health_calls_no_boot_worth_while_that_took_rows_and_kept_none():
    hal = Hal()
    for _ in range(5):
        one = _boot(hal)
        # A network that comes up is no message that comes back.
        for heard in (None, 0, 0, None, 0):
            one.step(7, 3, heard)
            hal.advance(9000)
    one = _boot(hal)
    assert one.safe_mode
    one.step(7, 3, 0)
    one.step(7, 3, 5000)
    assert not _boot(hal).safe_mode


def test_health_keeps_the_last_reasons_once_each():
    one = _boot(Hal())
    for i in range(20):
        one.say("broker refuses")
        one.say("reason %d" % i)
    assert len(one.reasons) == 8 and one.reasons[-2:] == ["broker refuses", "reason 19"]


def test_health_wants_a_message_to_come_back_in_six_hours_of_network():
    hal = Hal()
    one = _boot(hal)
    starved_at = None
    for minute in range(20 * 60):
        # Three hours with a network that echoes, five without one, then one that is deaf.
        hour = minute // 60
        heard = minute if hour < 3 else (None if hour < 8 else 0)
        before = hal.feeds
        one.step(minute, minute, heard)
        if hal.feeds == before and starved_at is None:
            starved_at = minute
            assert one.stalled.startswith("nothing came back")
        hal.advance(60 * 1000)
    assert starved_at == (8 + 6) * 60


def test_health_waits_longer_where_rows_are_rarer():
    hal = Hal()
    one = _boot(hal)
    hour = 3600 * 1000
    for n in range(48):
        before = hal.feeds
        one.step(n // 2, n // 2, None, health.STALLED_AFTER_MS + 3 * hour)
        assert hal.feeds > before
        hal.advance(hour // 2)
