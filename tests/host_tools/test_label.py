import datetime
import re

import pytest
import segno
from PIL import Image

from host_tools import cli, labels
from host_tools.workshop import inventory

DATE = datetime.date(2026, 11, 23)
RECT = re.compile(r'<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)" style')


def kista(*arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    return ended.value.code


def drawn(svg, size):
    """Return the modules that the only label of a sheet shows, as rows of 0 and 1."""
    rects = [tuple(map(float, found)) for found in RECT.findall(svg)]
    left, top = min(x for x, *_ in rects), max(y + h for _, y, _, h in rects)
    side = labels.QR_SIDE / size
    matrix = [[0] * size for _ in range(size)]
    for x, y, width, height in rects:
        row, column = round((top - y - height) / side), round((x - left) / side)
        for n in range(round(width / side)):
            matrix[row][column + n] = 1
    return matrix


@pytest.mark.parametrize("url", ["", "https://city.example/n/"])
def test_the_code_on_the_label_says_which_node_it_is(tmp_path, url):
    out = tmp_path / "one.svg"
    labels.write([labels.Label("post-17", "24:6f:28:aa:11:33", "sim", DATE)], out, 5, url)
    svg = out.read_text()
    expected = segno.make_qr("https://city.example/n/post-17" if url else "kista:post-17", "m")
    assert drawn(svg, len(expected.matrix)) == [list(row) for row in expected.matrix]
    for text in ("post-17", "24:6f:28:aa:11:33", "sim", "2026-11-23"):
        assert f">{text}<" in svg


def test_the_picture_shows_the_same_code(tmp_path):
    out = tmp_path / "one.png"
    labels.write([labels.Label("post-17", "24:6f:28:aa:11:33", "sim", DATE)], out, 5)
    with Image.open(out) as picture:
        assert picture.size == (2480, 3508) and round(picture.info["dpi"][0]) == 300
        scale, (x, y) = 300 / 72, (2 * labels.LABEL[0] + labels.MARGIN, 2 * labels.LABEL[1])
        left, bottom = x * scale, (labels.TOP + y - labels.MARGIN) * scale
        expected = segno.make_qr("kista:post-17", "m").matrix
        side = labels.QR_SIDE * scale / len(expected)
        found = [
            [
                picture.getpixel((left + (n + 0.5) * side, bottom - (m + 0.5) * side)) == 0
                for n in range(len(expected))
            ]
            for m in reversed(range(len(expected)))
        ]
    assert found == [[bool(module) for module in row] for row in expected]


def test_a_node_of_the_inventory_needs_no_address_typed(tmp_path):
    file = tmp_path / "inventory.db"
    told = [
        inventory.provisioned(f"24:6f:28:aa:11:{n}", f"post-{n}", "", "esp32_generic", "", "")
        for n in (17, 18)
    ]
    with inventory.Inventory(file) as store:
        store.add(told)
    out = tmp_path / "two.svg"
    assert kista("label", "post-17", "post-18", "--inventory", file, "-o", out) == 0
    svg = out.read_text()
    assert ">24:6f:28:aa:11:17<" in svg and ">24:6f:28:aa:11:18<" in svg
    assert svg.count(">esp32_generic<") == 2


def test_a_long_name_stays_on_its_label(tmp_path):
    out = tmp_path / "long.svg"
    labels.write([labels.Label("torshamnsgatan-nordost-post-0017")], out)
    size = float(re.search(r"font-size: ([\d.]+)px", out.read_text())[1])
    assert 4 < size < labels.NAME_SIZE


def test_sheets_go_on_where_the_last_one_ended(tmp_path):
    nodes = [labels.Label(f"post-{n}", made=DATE) for n in range(30)]
    out = tmp_path / "sheets.pdf"
    assert labels.write(nodes, out, skip=17) == 2 and labels.write(nodes, out, skip=19) == 3
    assert out.read_bytes().count(b"/Type /Page\n") == 3
    again = tmp_path / "again.pdf"
    labels.write(nodes, again, skip=19)
    assert again.read_bytes() == out.read_bytes()


def test_the_command_writes_a_sheet_and_says_what_is_wrong(tmp_path, capsys):
    out = tmp_path / "labels.pdf"
    assert kista("label", "post-17", "post-18", "--board", "sim", "-o", out) == 0
    assert "2 labels on 1 sheet" in capsys.readouterr().out
    assert out.read_bytes().startswith(b"%PDF")
    many = [f"post-{n}" for n in range(25)]
    for arguments, part in (
        (["post 17", "-o", out], "use a-z 0-9 _ -"),
        (["post-17", "-o", tmp_path / "x.gif"], ".pdf, .svg or .png"),
        ([*many, "-o", tmp_path / "x.svg"], "one sheet of 24"),
        ([*many, "-o", tmp_path / "x.png"], "one sheet of 24"),
        (["post-17", "-o", tmp_path / "no/x.svg"], "No such file"),
        (["post-17", "-o", tmp_path / "no/x.png"], "No such file"),
    ):
        assert kista("label", *arguments) == 1
        error = capsys.readouterr().err
        assert part in error and error.count("\n") == 1
