import struct

from fakes import Hal
from gateway.clock import Clock, parse_ntp
from support import raises

COOKIE = bytes(range(8))
NOW_MS = 1790000000123


def _reply(unix_ms=NOW_MS, head=0x24, stratum=2, cookie=COOKIE):
    seconds = unix_ms // 1000 + 2208988800
    stamp = struct.pack(">II", seconds & 0xFFFFFFFF, ((unix_ms % 1000) << 32) // 1000 + 1)
    return bytes((head, stratum)) + bytes(10) + b"RATE" + bytes(8) + cookie + stamp + stamp


def _answer(**how):
    return lambda request: _reply(cookie=request[40:48], **how)


def test_clock_takes_the_transmit_time_of_a_good_reply():
    assert parse_ntp(_reply(), COOKIE) == NOW_MS


def test_clock_understands_the_era_that_begins_in_2036():
    later = 2086000000000
    assert parse_ntp(_reply(later), COOKIE) == later


def test_clock_says_why_it_refuses_a_reply():
    assert raises(ValueError, parse_ntp, _reply()[:47], COOKIE) == "short"
    assert "question" in raises(ValueError, parse_ntp, _reply(cookie=bytes(8)), COOKIE)
    assert raises(ValueError, parse_ntp, _reply(head=0x23), COOKIE) == "mode"
    assert "synchronised" in raises(ValueError, parse_ntp, _reply(head=0xE4), COOKIE)
    assert "RATE" in raises(ValueError, parse_ntp, _reply(stratum=0), COOKIE)
    assert raises(ValueError, parse_ntp, _reply(stratum=16), COOKIE) == "stratum"
    assert "zero" in raises(ValueError, parse_ntp, _reply()[:40] + bytes(8), COOKIE)
    assert "2010" in raises(ValueError, parse_ntp, _reply(1200000000000), COOKIE)


def test_clock_uptime_passes_the_wrap_of_the_ticks():
    hal = Hal(ticks=(1 << 30) - 5000)
    clock = Clock(hal)
    for _ in range(5):
        hal.advance((1 << 30) - 1)
        clock.uptime_ms()
    assert clock.uptime_ms() == 5 * ((1 << 30) - 1)


def test_clock_knows_no_time_until_a_server_has_told_it():
    hal = Hal()
    clock = Clock(hal, ["a"])
    assert clock.unix_ms() is None
    hal.replies = [_answer()]
    hal.advance(clock.step())
    clock.step()
    # The reply came 50 ms after the question: it is believed to be half of that old.
    assert clock.unix_ms() == NOW_MS + 25 and hal.rtc == clock.unix_ms()
    assert clock.source == "ntp"


def test_clock_starts_with_the_hardware_clock_only_when_that_was_ever_set():
    assert Clock(Hal(rtc=NOW_MS)).unix_ms() == NOW_MS
    assert Clock(Hal(rtc=946684800000)).unix_ms() is None


def test_clock_refuses_a_lie_says_so_and_asks_again():
    hal = Hal()
    clock = Clock(hal, ["a", "b"])
    hal.replies = [_answer(stratum=0), bytes(48), _answer()]
    waited = 0
    while clock.unix_ms() is None and waited < 300000:
        wait = clock.step()
        hal.advance(wait)
        waited += wait
        if clock.refused:
            assert clock.unix_ms() is None
    assert 60000 <= waited < 70000 and hal.asked == 3 and clock.refused == ""


def test_clock_asks_nobody_while_the_network_is_down():
    hal = Hal()
    hal.link.is_up = False
    clock = Clock(hal, ["a"])
    for _ in range(100):
        hal.advance(clock.step())
    assert hal.asked == 0


def test_clock_counts_steps_but_not_drift():
    hal = Hal()
    clock = Clock(hal)
    clock.set(NOW_MS, "test")
    clock.set(NOW_MS + 1500, "test")
    assert clock.steps == 0
    clock.set(NOW_MS - 3600000, "test")
    assert clock.steps == 1 and clock.unix_ms() == NOW_MS - 3600000


def test_clock_jumps_leave_the_uptime_alone():
    hal = Hal(ticks=(1 << 30) - 1000)
    clock = Clock(hal)
    hour, day = 3600 * 1000, 24 * 3600 * 1000
    for count, jump in enumerate((-hour, hour, -day, day, 2086000000000 - NOW_MS)):
        clock.set(NOW_MS, "test")
        before, steps = clock.uptime_ms(), clock.steps
        clock.set(NOW_MS + jump, "test")
        hal.advance(500)
        assert clock.uptime_ms() == before + 500, count
        assert clock.unix_ms() == NOW_MS + jump + 500 and clock.steps == steps + 1, count
        assert clock.boot_unix_ms() == NOW_MS + jump - before, count
