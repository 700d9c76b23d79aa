"""Reports and answers as AN-010-X and the user's manual have them."""

from drivers import ops243a
from host_tools.twin.sensors import ops243a as model
from line_fakes import Recorded, fitted, played, row_of
from support import finish, raises

JSON = b'{"unit":"kmph", "magnitude":152, "speed":-12.37}'
PLAIN = b'"kmph",152,-12.37'


def feed(hal, line, sensor, data, ms=100):
    hal.advance(ms)
    line.waiting += data
    sensor.step()


def test_ops243a_reads_every_form_of_a_report():
    for line, speed in (
        (JSON, -124),
        (PLAIN, -124),
        (b"3.6", 36),
        (b"-0.58", -6),
        (b"98,3.6", 36),
        (b'{"speed":0.58, "direction":"inbound", "time":105, "tick":135}', 6),
        (b'{"speed":10.58, "direction":"outbound", "time":105, "tick":135}', -106),
        (b'{"magnitude":"103","speed":"-41.2"}', -412),
        (b'{"magnitude":["103","99"],"speed":["41.2","-9.3"]}', 412),
        (b'{"speed":0}', 0),
        (b'{"Product":"OPS243"}', None),
        (b'{"SamplingRate":10000, "resolution":0.0607}', None),
    ):
        assert ops243a.parse(line) == speed, line


def test_ops243a_refuses_every_flipped_bit_but_those_of_its_page():
    passed = {}
    for good in (JSON, PLAIN):
        for bit in range(8 * len(good)):
            wrong = bytearray(good)
            wrong[bit // 8] ^= 1 << bit % 8
            try:
                speed = ops243a.parse(bytes(wrong))
            except ValueError:
                continue
            if speed not in (-124, None):
                passed.setdefault(good, set()).add(bit // 8)
    # Wrong speeds come from digits, a sign or a point alone (a blank name of a field says nothing).
    for good, places in passed.items():
        assert all(chr(good[place]) in "0123456789.-" for place in places), (good, places)


def test_ops243a_names_the_part_that_is_wrong():
    for line, part in (
        (b"", "number"),
        (JSON[:-1], "brace"),
        (b'{"speed":"12.3}', "quote"),
        (b'{"speed":fast}', "number"),
        (b'{"speed":}', "number"),
        (b'{"unit":"mps", "speed":12.3}', "unit"),
        (b'"mps",12.3', "unit"),
        (b"9x,12.3", "number"),
        (b"250.1", "speed"),
        (b"12.3 12.4", "number"),
    ):
        assert raises(ValueError, ops243a.parse, line) == part, line


def test_ops243a_finds_lines_in_noise_and_in_pieces():
    one = JSON.replace(b"-12.37", b"36.0") + b"\r\n"
    stream = b"\xff\x00{" + b"\x55" * 300 + b"\n" + one * 5 + one[9:] + one + one
    for size in (1, 3, 30, 50, 64, len(stream)):
        hal, line, sensor = fitted(ops243a)
        for i in range(0, len(stream), size):
            feed(hal, line, sensor, stream[i : i + size], 1)
        assert sensor._passages._tracks[0][1:3] == [7, 7 * 360] and sensor.broken, size
        assert len(sensor._rest) <= 160


def test_ops243a_is_set_up_one_command_a_step_and_again_after_silence():
    hal, line, sensor = fitted(ops243a, {"speed_least_kmh": 8, "magnitude_least": 40})
    for _ in range(30):
        feed(hal, line, sensor, b"")
    told = [b"UK", b"S2", b"OJ", b"OM", b"OU", b"O1", b"OS", b"R|", b"BZ", b"??"]
    told += [b"R>8\r", b"M>40\r"]
    assert line.sent == told
    for _ in range(100):
        feed(hal, line, sensor, b"")
    assert raises(OSError, finish, sensor.read()) == "radar: silent"
    line.sent = []
    for _ in range(30):
        feed(hal, line, sensor, b"0.0\r\n")
    assert line.sent == told
    # Without power for a moment it is back at m/s, and nobody knows.
    feed(hal, line, sensor, b"0.0\r\n", 300000)
    for _ in range(30):
        feed(hal, line, sensor, b"0.0\r\n")
    assert line.sent == told * 2
    plain = fitted(ops243a, {"json": 0})
    for _ in range(3):
        feed(*plain, b"")
    assert plain[1].sent[2] == b"Oj"


def test_ops243a_absent_or_babbling_does_not_answer_and_recovers():
    hal, line, sensor = fitted(ops243a)
    # What it says before it is set up, in m/s, is no speed either.
    for noise in (b"", b"{nothing\n\x55\n", b'"mps",3.6\r\n'):
        for _ in range(150):
            feed(hal, line, sensor, noise)
        assert raises(OSError, finish, sensor.read()) == "radar: silent"
    for i in range(100):
        feed(hal, line, sensor, b'{"speed":%d}\r\n' % (36 if 20 < i < 30 else 0))
    row = row_of(ops243a, finish(sensor.read()))
    assert row["coverage"] == 10 and row["vehicles"] == 1


def test_ops243a_a_busy_nodes_lines_keep_their_distances():
    hal, line, sensor = fitted(ops243a)
    moves, rests = b"36.0\r\n" * 6, b"0.0\r\n" * 6
    feed(hal, line, sensor, rests)
    feed(hal, line, sensor, moves + rests + moves + rests, 2500)
    assert row_of(ops243a, finish(sensor.read()))["vehicles"] == 2


def test_ops243a_counts_exactly_what_a_recording_says():
    for seconds, vehicles, speed in ((60, 0, 0), (60, 12, 503), (60, 40, 1300)):
        for options in ({"angle_deg": 0}, {"angle_deg": 41, "json": 0}):
            told = {"vehicles": vehicles, "speed_mean": speed}
            row, sensor = played(ops243a, model, options, seconds, **told)
            assert row["vehicles"] == row["vehicles_approaching"] == vehicles
            mean = row["speed_mean"]
            assert mean == (speed if vehicles else None), (speed, options, mean)
            assert abs(row["coverage"] - seconds) <= 1 and not sensor.broken


def test_ops243a_model_is_silent_where_the_recording_has_a_hole_and_speaks_as_it_was_told():
    end = model.Model(Recorded(10, vehicles=1, speed_mean=500), {})
    start = end._beam._source.end - 10000
    assert end.pending(start - 500) == end.pending(start) == b""
    assert end.pending(start + 1000) == b""
    end.write(b"BZ", start)
    assert end.pending(start + 1500) == b'"mps",0,0.00\r\n' * 5
    end.write(b"UK", start)
    end.write(b"OJ", start)
    said = end.pending(start + 3500)
    assert said.startswith(b'{"Units":"km-per-hr"}\r\n{"unit":"kmph", "magnitude":0, "speed":0.00}')
