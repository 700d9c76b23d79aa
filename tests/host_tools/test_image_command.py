import base64
import contextlib
import hashlib
import http.server
import json
import threading

import pytest
from click.testing import CliRunner

from host_tools import boards, cli, flash_map, image
from host_tools import stock as stock_files
from host_tools.errors import UserError
from host_tools.practice.stock_file import stock

BROKER = '[broker]\nurl = "mqtt://192.0.2.1"\n'
STREAM = """
[[streams]]
name = "air"
period_ms = 10000
sensors = [{ driver = "sds011", bus = "uart1" }]
"""
NODE = 'node = "post-17"\n'


def kista(*arguments):
    """Return (exit code, output) of one command."""
    result = CliRunner().invoke(cli.kista, [str(one) for one in arguments], standalone_mode=False)
    if isinstance(result.exception, UserError):
        return 1, str(result.exception)
    if result.exception:
        raise result.exception
    return 0, result.output


@pytest.fixture
def micropython(tmp_path):
    path = tmp_path / "stock.bin"
    path.write_bytes(stock())
    return path


@contextlib.contextmanager
def site(content=b"", status=200):
    """Serve `content` at every path; yields the address and the list of what was asked for."""
    asked = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_the_command_writes_the_image_and_draws_it(micropython, tmp_path):
    out = tmp_path / "image.bin"
    code, said = kista("image", "--board", "esp32_generic", "--micropython", micropython, "-o", out)
    assert code == 0, said
    written = out.read_bytes()
    assert written == image.make(boards.load("esp32_generic"), micropython).whole()
    assert hashlib.sha256(written).hexdigest() in said and "MicroPython 1.26.1" in said
    lines = said.splitlines()
    assert [line.split()[1] for line in lines[2:10]] == [
        "boot",
        "table",
        "nvs",
        "phy_init",
        "factory",
        "vfs",
        "journal",
        "spool",
    ]
    for line in lines:
        if line.split()[1:2] in (["nvs"], ["journal"], ["spool"]):
            assert line.endswith("left alone")
    assert "█░" in next(line for line in lines if " vfs " in line)


@pytest.mark.parametrize("name", boards.names())
def test_the_picture_covers_the_whole_flash_to_scale(name):
    board = boards.load(name)
    lines = flash_map.draw(board)
    starts = [int(line.split()[0], 16) for line in lines]
    assert starts[0] == 0 and starts[-1] == board["flash"]["size"]
    assert starts == sorted(set(starts))
    for line, start, end in zip(lines, starts, starts[1:]):
        cells = sum(line.count(cell) for cell in "█░·")
        assert abs(cells - (end - start) * flash_map.CELLS / starts[-1]) <= 1, line


def test_boards_lists_them_all_and_shows_one():
    code, said = kista("boards")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == boards.names()
    code, said = kista("boards", "olimex_esp32_poe")
    assert code == 0
    for part in (
        "chip ESP32\n",
        "uart1     tx 4, rx 36\n",
        "i2c1      sda 33, scl 32; shares pins with uart2",
        "ethernet  mdc 23, mdio 18, clock 17, power 12; Ethernet by LAN8710",
        "button    pin 34",
        "0x300000  spool        1 MiB  ████████████████\n",
    ):
        assert part in said, said
    assert kista("boards", "none") == (
        1,
        f"there is no board 'none'; there are {', '.join(boards.names())}",
    )


@pytest.mark.parametrize(
    "network, whole",
    [
        ('[[network.wifi]]\nssid = "open"\npassword = ""\n', True),
        ('[[network.wifi]]\nssid = "city"\npassword = "hush-wifi"\n', False),
        # Whether this one has a password is asked for when it is provisioned.
        ('[[network.wifi]]\nssid = "city"\n', False),
    ],
)
def test_a_configuration_with_a_secret_only_chooses_the_drivers(
    micropython, tmp_path, network, whole
):
    config, out = tmp_path / "post-17.toml", tmp_path / "image.bin"
    config.write_text(NODE + network + BROKER + STREAM)
    code, said = kista(
        *("image", "--board", "esp32_generic", "--micropython", micropython),
        *("--config", config, "-o", out),
    )
    assert code == 0, said
    assert "drivers sds011\n" in said
    assert ("configuration of post-17: on it, to be tried" in said) is whole
    assert ("not on it, as it has secrets; kista provision writes it" in said) is not whole
    written = out.read_bytes()
    assert (b'"post-17"' in written) is whole
    assert b"hush" not in written and base64.b64encode(b"hush-wifi") not in written
    assert "hush" not in said


@pytest.mark.parametrize(
    "name, text, said",
    [
        (
            "c.json",
            "node = 1",
            "c.json: not JSON (Expecting value: line 1 column 1 (char 0)); TOML",
        ),
        ("c.json", "[]", "c.json: needs a JSON object"),
        ("c.json", '{"node": "a"}', "configuration: broker: needs an object"),
        ("c.toml", "node = [", "c.toml: not TOML"),
        ("c.toml", NODE + BROKER + STREAM, "network: needs wifi, ethernet or lte"),
        (
            "c.toml",
            NODE + "[network.ethernet]\n" + BROKER + STREAM,
            "network.ethernet: board esp32_generic has none",
        ),
    ],
)
def test_a_configuration_that_is_none_is_refused(micropython, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    code, heard = kista(
        *("image", "--board", "esp32_generic", "--micropython", micropython),
        *("--config", tmp_path / name, "-o", tmp_path / "image.bin"),
    )
    assert code == 1 and heard.replace(f"{tmp_path}/", "").startswith(said)
    assert not (tmp_path / "image.bin").exists()


def test_json_of_a_node_goes_on_the_image(micropython, tmp_path):
    config = tmp_path / "config.json"
    kept = {
        "node": "post-17",
        "broker": {"host": "192.0.2.1"},
        "network": {"wifi": [{"ssid": "city"}]},
        "secrets": "b",
        "streams": [
            {"name": "air", "period_ms": 10000, "sensors": [{"driver": "sds011", "bus": "uart1"}]}
        ],
    }
    config.write_text(json.dumps(kept))
    assert image.read_config(config, boards.load("esp32_generic")) == (kept, True)
    kept["broker"] |= {"user": "u", "password": "hush"}
    config.write_text(json.dumps(kept))
    assert image.read_config(config, boards.load("esp32_generic")) == (kept, False)


def test_a_file_named_with_the_wrong_hash_is_refused(micropython, tmp_path):
    right = hashlib.sha256(stock()).hexdigest()
    arguments = ("image", "--board", "esp32_generic", "--micropython", micropython)
    out = ("-o", tmp_path / "image.bin")
    code, said = kista(*arguments, "--sha256", "0" * 64, *out)
    assert code == 1
    assert said == (
        f"{micropython}: not the file that is meant; its SHA-256 is {right}, not {'0' * 64}"
    )
    assert kista(*arguments, "--sha256", right.upper(), *out)[0] == 0
    code, said = kista(*arguments, "-o", tmp_path / "none" / "image.bin")
    assert code == 1 and said.endswith("none/image.bin: No such file or directory")


def test_the_pinned_file_is_downloaded_once_checked_and_kept(tmp_path, monkeypatch):
    content = stock("esp32c3")
    right = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(stock_files, "cache", lambda: tmp_path / "cache")
    arguments = ("image", "--board", "esp32c3_generic", "-o", tmp_path / "image.bin")
    release, pinned = stock_files.PINNED["esp32c3"]
    with site(content) as (address, asked):
        monkeypatch.setattr(stock_files, "SITE", address)
        code, said = kista(*arguments)
        assert code == 1 and said.endswith(
            f"not the file that is meant; its SHA-256 is {right}, not {pinned}"
        )
        monkeypatch.setitem(stock_files.PINNED, "esp32c3", (release, right))
        assert kista(*arguments)[0] == 0
    # The network is not needed again.
    assert kista(*arguments)[0] == 0
    assert asked == [f"/ESP32_GENERIC_C3-{release}.bin"] * 2
    assert (
        image.make(boards.load("esp32c3_generic"), stock_files.fetch("esp32c3")).whole()
        == (tmp_path / "image.bin").read_bytes()
    )


def test_a_file_in_the_cache_that_went_bad_is_downloaded_again(tmp_path):
    content = stock()
    right = hashlib.sha256(content).hexdigest()
    with site(content) as (address, asked):
        path = stock_files.fetch("esp32", right, address, tmp_path)
        path.write_bytes(content[:1000])
        assert stock_files.fetch("esp32", right, address, tmp_path).read_bytes() == content
    assert len(asked) == 2


@pytest.mark.parametrize(
    "content, status, said",
    [
        (b"", 404, ": 404 Not Found; take the file by hand and name it with --micropython"),
        (b"<html>", 200, ": not the file that is meant; its SHA-256 is "),
        (b"\0" * (8 << 20) + b"\0", 200, ": longer than 8388608 bytes; take the file by hand"),
    ],
)
def test_a_download_that_fails_says_so_and_leaves_nothing(tmp_path, content, status, said):
    with site(content, status) as (address, _), pytest.raises(UserError) as error:
        stock_files.fetch("esp32", "0" * 64, address, tmp_path)
    name = f"{address}/{stock_files.file_name('esp32')}"
    assert str(error.value).startswith(name + said)
    assert not list(tmp_path.iterdir())


def test_without_a_network_the_download_says_what_to_do(tmp_path):
    with site() as (address, _):
        pass
    with pytest.raises(UserError, match=r"cannot be downloaded \(.*refused\); take the file by"):
        stock_files.fetch("esp32", "0" * 64, address, tmp_path)


def test_there_is_a_stock_file_for_every_chip():
    assert set(stock_files.NAMES) == set(boards.CHIPS) - {"twin"}
