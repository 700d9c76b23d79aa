"""Lines as the protocol and public captures have them."""

from drivers import ld2415h
from host_tools.twin.sensors import ld2415h as model
from line_fakes import fitted, played, row_of
from support import finish, raises

LINE = b"V+001.9"
SETTINGS = b"X1:01 X2:00 X3:05 X4:01 X5:00 X6:00 X7:05 X8:03 X9:01 X0:01"
VERSION = b"No.:20230801E v5.0\r\n"
SET = [b"CF\x01\x05\x00\x05\r\n", b"CF\x02\x00\x00\x00\r\n"]


def feed(hal, line, sensor, data, ms=100):
    hal.advance(ms)
    line.waiting += data
    sensor.step()


def test_ld2415h_reads_real_lines():
    assert ld2415h.parse(LINE) == 19 and ld2415h.parse(b"V-057.3") == -573
    assert ld2415h.parse(b"V+240.0") == 2400 and ld2415h.parse(b"V-000.0") == 0
    assert ld2415h.parse_settings(SETTINGS) == bytes((1, 0, 5, 1, 0, 0, 5, 3, 1, 1))


def test_ld2415h_refuses_every_flipped_bit_but_digits_that_become_digits():
    for good in (LINE, SETTINGS):
        parse = ld2415h.parse if good is LINE else ld2415h.parse_settings
        for bit in range(8 * len(good)):
            wrong = bytearray(good)
            wrong[bit // 8] ^= 1 << bit % 8
            try:
                parse(bytes(wrong))
                was, now = good[bit // 8], wrong[bit // 8]
                assert chr(was) in "0123456789" and chr(now).upper() in "0123456789ABCDEF", bit
            except ValueError:
                pass


def test_ld2415h_names_the_part_that_is_wrong():
    for line, part in (
        (b"", "length"),
        (b"V+01.9", "length"),
        (b"W+001.9", "header"),
        (b"V*001.9", "sign"),
        (b"V+001,9", "number"),
        (b"V+0 1.9", "number"),
        (b"V+240.1", "speed"),
    ):
        assert raises(ValueError, ld2415h.parse, line) == part, line
    assert raises(ValueError, ld2415h.parse_settings, SETTINGS[:-1]) == "length"
    assert raises(ValueError, ld2415h.parse_settings, SETTINGS.replace(b"X3", b"X4")) == "setting"


def test_ld2415h_command_is_the_documented_one():
    assert ld2415h.command(1, 1, 0, 5) == b"\x43\x46\x01\x01\x00\x05\x0d\x0a"
    assert b"\x43\x46\x07" + bytes(10) == ld2415h.ASK


def test_ld2415h_finds_lines_in_noise_and_in_pieces():
    one = b"V+036.0\r\n"
    stream = b"\xff\x00V+0" + b"\x55" * 300 + b"\n" + one * 5 + VERSION + one + b"\0" + one
    for size in (1, 3, 8, 9, 20, len(stream)):
        hal, line, sensor = fitted(ld2415h)
        for i in range(0, len(stream), size):
            feed(hal, line, sensor, stream[i : i + size], 1)
        assert sensor._passages._tracks[0][1:3] == [7, 7 * 360] and sensor.broken, size
        assert len(sensor._rest) <= 160


def test_ld2415h_is_set_up_once_and_only_when_it_is_set_otherwise():
    hal, line, sensor = fitted(ld2415h)
    feed(hal, line, sensor, b"")
    assert line.sent == [ld2415h.ASK]
    feed(hal, line, sensor, VERSION + SETTINGS + b"\r\n")
    feed(hal, line, sensor, b"")
    assert line.sent[1:] == SET
    # As it is now, asked again when nothing moves for four seconds.
    as_wanted = SETTINGS.replace(b"X1:01", b"X1:05").replace(b"X4:01", b"X4:00")
    for _ in range(50):
        feed(hal, line, sensor, b"")
    assert line.sent[3:] == [ld2415h.ASK]
    feed(hal, line, sensor, as_wanted + b"\r\n")
    feed(hal, line, sensor, b"")
    assert len(line.sent) == 4


def test_ld2415h_absent_or_babbling_does_not_answer_and_recovers():
    hal, line, sensor = fitted(ld2415h)
    for noise in (b"", b"V+0\n\x55garbage\n"):
        for _ in range(150):
            feed(hal, line, sensor, noise)
        assert raises(OSError, finish, sensor.read()) == "radar: silent"
    assert line.sent.count(ld2415h.ASK) > 5
    for _ in range(100):
        feed(hal, line, sensor, b"V+036.0\r\n" * 2)
    row = row_of(ld2415h, finish(sensor.read()))
    assert row["coverage"] == 10 and row["vehicles"] == 0
    # It passes, then nothing moves: alive as long as it answers.
    for i in range(300):
        feed(hal, line, sensor, b"" if i % 40 else VERSION)
    row = row_of(ld2415h, finish(sensor.read()))
    assert (row["coverage"], row["vehicles"]) == (30, 1)
    for _ in range(300):
        feed(hal, line, sensor, b"")
    assert raises(OSError, finish, sensor.read()) == "radar: silent"


def test_ld2415h_tells_the_directions_apart_as_configured():
    for sign in ("plus", "minus"):
        hal, line, sensor = fitted(ld2415h, {"approaching_sign": sign})
        for text in (b"V+036.0\r\n", b"V-054.0\r\n"):
            for _ in range(8):
                feed(hal, line, sensor, text * 2)
            feed(hal, line, sensor, b"", 2000)
        row = row_of(ld2415h, finish(sensor.read()))
        slow, fast = ("approaching", "leaving") if sign == "plus" else ("leaving", "approaching")
        assert row["vehicles"] == 2 and row["speed_mean_" + slow] < row["speed_mean_" + fast]


def test_ld2415h_counts_exactly_what_a_recording_says():
    for seconds, vehicles, speed in ((60, 0, 0), (60, 12, 503), (60, 40, 1300)):
        for angle in (0, 33, 60):
            options = {"angle_deg": angle}
            told = {"vehicles": vehicles, "speed_mean": speed}
            row, sensor = played(ld2415h, model, options, seconds, **told)
            assert row["vehicles"] == row["vehicles_approaching"] == vehicles
            assert row["speed_mean"] == (speed if vehicles else None), (speed, angle)
            assert abs(row["coverage"] - seconds) <= 1 and not sensor.broken


def test_ld2415h_model_keeps_what_it_is_told():
    sent = model.Model(None, {})
    sent.write(SET[0], 0)
    sent.write(SET[1], 0)
    sent.write(b"CF\x01\x09", 0)
    assert bytes(sent.settings) == bytes((5, 0, 5, 0, 0, 0, 5, 3, 1, 1))
