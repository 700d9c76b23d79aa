"""CSV → frames → CSV: what comes back is equal, and what cannot be packed is named."""

import csv
import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from host_tools import archive, cli
from host_tools.errors import UserError

pytestmark = pytest.mark.usefixtures("codec_made")


def _kista(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(argument) for argument in arguments])
    return stop.value.code


def _instant(text):
    """Return a time cell as exact milliseconds."""
    try:
        return Decimal(text) * 1000
    except ArithmeticError:
        pass
    when = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
    return Decimal((when - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1))


def _numbers(path):
    """Return (header, rows) of a CSV with its cells as exact numbers."""
    with path.open(newline="") as file:
        header, *rows = list(csv.reader(file))
    return header, [
        [_instant(row[0]), *(Decimal(cell) if cell else None for cell in row[1:])]
        for row in rows
        if row
    ]


def _there_and_back(tmp_path, text, rows=96):
    source, packed, back = tmp_path / "in.csv", tmp_path / "x.kf", tmp_path / "out.csv"
    source.write_text(text)
    result = archive.pack(source, packed, rows)
    archive.unpack(packed, back)
    assert _numbers(back) == _numbers(source)
    assert result.size == packed.stat().st_size
    return back.read_text(), result


def test_pack_prints_what_it_cost_and_unpack_brings_it_back(tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text("time,a,b\n2018-01-10T00:00:06,52.80,\n2018-01-10T00:02:34,-0.5,7\n")
    assert _kista("pack", source, tmp_path / "x.kf") == 0
    size = (tmp_path / "x.kf").stat().st_size
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"values=3 bytes={size} bytes_per_value={size / 3:.3f}"
    assert _kista("unpack", tmp_path / "x.kf", tmp_path / "out.csv") == 0
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert (tmp_path / "out.csv").read_text() == (
        "time,a,b\n2018-01-10T00:00:06,52.80,\n2018-01-10T00:02:34,-0.50,7\n"
    ).replace("52.80", "52.8").replace("-0.50", "-0.5")


@pytest.mark.parametrize(
    "times",
    [
        ["2018-01-10T00:00:06", "2018-01-10T00:00:07"],
        ["2018-01-10 00:00:06.125Z", "2018-01-10 00:00:07Z"],
        ["2018-01-10T00:00:06+05:30", "2018-01-10T00:00:16+05:30"],
        ["1515542406", "1515542416"],
        ["1515542406.5", "1515542407.125"],
        ["-3.5", "0"],
        ["1515542406.123000", "1515542407.000000"],
        ["0001-01-01T00:00:00+05:00", "0001-01-02T00:00:00+05:00"],
        ["1515542406", "1515542406", "3"],
        ["0999-12-31T23:59:59", "9999-12-31T23:59:59"],
    ],
)
def test_times_come_back_in_their_own_style(tmp_path, times):
    text = "time,x\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))
    back, _ = _there_and_back(tmp_path, text)
    assert back.splitlines()[1].startswith(times[0].removesuffix("000"))


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "", "3"],
        ["", "", ""],
        ["2147483647", "-2147483648", "0"],
        ["2147483648", "-99999999999999999999", "1e15"],
        ["0.000000000000000001", "12345678901234567890.5", "-0"],
        ["1e-3", "+2.50", " 7 "],
        ["123456789012345678901234567890.123456789012345678", "-" + "1234567891" * 6, "1"],
    ],
)
def test_numbers_come_back_equal(tmp_path, cells):
    _there_and_back(tmp_path, "time,x\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)))


def test_more_columns_than_a_frame_has_share_the_rows(tmp_path):
    header = ",".join(["time", *(f"c{i}" for i in range(75))])
    lines = [",".join(str(row * i) for i in range(76)) for row in range(1, 8)]
    _there_and_back(tmp_path, header + "\n" + "\n".join(lines) + "\n", rows=3)


def test_a_table_without_rows_and_names_with_commas(tmp_path):
    back, result = _there_and_back(tmp_path, 'time,"a, ""b"" (°C)"\n')
    assert back == 'time,"a, ""b"" (°C)"\n' and str(result).startswith("values=0 ")


def test_random_tables_come_back(tmp_path):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    for _ in range(40):
        columns = source.randint(1, 5)
        lines = ["time," + ",".join(f"c{i}" for i in range(columns))]
        for _ in range(source.randint(1, 60)):
            cells = [str(source.randint(0, 1 << 31))]
            for i in range(columns):
                value = source.randint(-(10**i), 10 ** (3 * i))
                cells.append(source.choice(["", str(value), f"{value / 1000:.3f}"]))
            lines.append(",".join(cells))
        _there_and_back(tmp_path, "\n".join(lines) + "\n", source.choice([1, 6, 96]))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "first column must be `time`"),
        ("when,x\n1,2\n", "first column must be `time`"),
        ("time\n1\n", "0 columns"),
        ("time,x\nyesterday,2\n", "line 2: 'yesterday'"),
        ("time,x\n1.0005,2\n", "line 2: '1.0005'"),
        ("time,x\n1e20,2\n", "line 2: '1e20'"),
        ("time,x\n1e9999999,2\n", "line 2: '1e9999999'"),
        ("time,x\n1.0000000000000000000000000000000001,2\n", "line 2: '1.0"),
        ("time,x\n2018-01-10T00:00:06.1230004,2\n", "line 2: '2018"),
        ("time,x\n2018-01-10T00:00:06+05:30:15,2\n", "line 2: '2018"),
        ("time,x\n2018-01-10T00:00:06Z,2\n2.8e11,2\n", "line 3: '2.8e11'"),
        ("time,x\n1,1e999999999\n", "line 2, column 'x': '1e999999999' has more"),
        ("time,x\n1,1e-999999999\n", "line 2, column 'x': '1e-999999999' has more"),
        ("time,x\n1,2\n2,many\n", "line 3, column 'x': 'many'"),
        ("time,x\n1,nan\n", "line 2, column 'x': 'nan'"),
        ("time,x\n1,2,3\n", "line 2: has 3 cells"),
        ("time,x\n1,0.0000000000000000001\n", "decimals"),
    ],
)
def test_what_cannot_be_packed_is_named_and_leaves_nothing(tmp_path, capsys, text, named):
    source = tmp_path / "in.csv"
    source.write_text(text)
    assert _kista("pack", source, tmp_path / "x.kf") == 1
    message = capsys.readouterr().err
    assert named in message and message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_damaged_file_is_refused_with_the_number_of_the_frame(tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text("time,x\n" + "".join(f"{i},{i * i}\n" for i in range(300)))
    whole = tmp_path / "x.kf"
    archive.pack(source, whole)
    data = whole.read_bytes()
    broken = tmp_path / "broken.kf"
    for damaged in (b"", b"KF2" + data[3:], data[:-1], data[:10], data[:-9] + b"!" + data[-8:]):
        broken.write_bytes(damaged)
        assert _kista("unpack", broken, tmp_path / "out.csv") == 1
        assert str(broken) in capsys.readouterr().err
        assert not (tmp_path / "out.csv").exists()
    broken.write_bytes(data[:-1])
    _kista("unpack", broken, tmp_path / "out.csv")
    assert "frame 4: is damaged, or the file ends" in capsys.readouterr().err


def test_a_header_with_any_bit_flipped_is_refused(tmp_path):
    source, whole = tmp_path / "in.csv", tmp_path / "x.kf"
    source.write_text("time,pm10,pm2_5\n1,2.5,3\n2,2.25,4\n")
    archive.pack(source, whole)
    data = whole.read_bytes()
    for bit in range(8 * (4 + data[3])):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        whole.write_bytes(bytes(broken))
        with pytest.raises(UserError):
            archive.unpack(whole, tmp_path / "out.csv")
        assert not (tmp_path / "out.csv").exists()


def test_a_disk_that_is_full_is_said_and_nothing_stays(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    source = tmp_path / "in.csv"
    source.write_text("time,x\n1,2\n")
    monkeypatch.setattr(archive.os, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        archive.pack(source, tmp_path / "x.kf")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
