import contextlib
import json
import re
import threading
import time

import pytest
from click.testing import CliRunner
from pty_board import PtyBoard
from secure_broker import SecureBroker

from host_tools import cli, provision
from host_tools.errors import UserError
from host_tools.ingest import database, report
from host_tools.ingest.worker import Worker
from host_tools.serial_node import SerialNode
from host_tools.tls import Identity
from host_tools.urls import parse_broker

AIR = {"city": "hush-city", "yard": "hush-yard"}
SITE = """
node = "{node}"
[[network.wifi]]
ssid = "{ssid}"
password = "hush-{ssid}"
[broker]
url = "{url}"
ca = "ca"
[[streams]]
name = "air"
period_ms = 1000
sensors = [{{ driver = "sds011", bus = "uart1" }}]
"""


def kista(*arguments, typed=None):
    """Return (exit code, output) of one command."""
    result = CliRunner().invoke(cli.kista, [str(argument) for argument in arguments], input=typed)
    if isinstance(result.exception, UserError):
        return 1, str(result.exception)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A broker, an authority and a board that was never provisioned."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "board").mkdir()
    return SecureBroker(tmp_path, "post-17", "ingest")


def site(place, ssid="city", node="post-17"):
    path = place.folder / f"{ssid}.toml"
    path.write_text(SITE.format(node=node, ssid=ssid, url=place.url))
    return path


@contextlib.contextmanager
def ingesting(place):
    """A context in which a database takes what comes; yields a function: {node: rows}."""
    of, path = place.issued("ingest"), place.folder / "city.db"
    identity = Identity(place.folder / "ca/ca.pem", of / "cert.pem", of / "key.pem")
    worker = Worker(parse_broker(place.url), path, lambda line: None, identity)
    thread = threading.Thread(target=worker.run)
    thread.start()

    def rows():
        with contextlib.closing(database.open_existing(path)) as db:
            return {node.name: node.rows for node in report.nodes(db)}

    try:
        assert worker.ready.wait(10)
        yield rows
    finally:
        worker.stop()
        thread.join(10)


def assert_nothing_secret(place, board, *outputs):
    key = (place.issued("post-17") / "key.pem").read_text().splitlines()[1]
    for text in (board.said.decode("utf-8", "replace"), *outputs):
        assert "hush" not in text and key not in text


@pytest.mark.slow
def test_from_the_first_prompt_to_rows_in_the_database(place):
    typed = ["post-17", "city", "", place.url, "ca", "Torshamnsgatan 20", "59.4046", "17.9497"]
    typed += ["4", "210", "2", "sds011", "", "", "1", "hush-city"]
    air = place.folder / "board", AIR
    with place.running(), ingesting(place) as rows, PtyBoard(*air) as board:
        code, said = kista("provision", "--port", board.port, typed="\n".join([*typed, ""]))
        assert code == 0 and "post-17 has reached localhost" in said, said
        with SerialNode(board.port) as node:
            wait(node, lambda report: report["rows"])
            # What rows it has are put into frames, and these acknowledged.
            node.say("stop")
            last = wait(node, lambda report: report["link"]["acked"])
        end = time.monotonic() + 5
        while rows() != {"post-17": last["rows"]} and time.monotonic() < end:
            time.sleep(0.02)
        assert rows() == {"post-17": last["rows"]}
        config = json.loads(board.read("config.json"))
        assert config["site"]["latitude_udeg"] == 59404600 and config["secrets"] == "a"
        assert_nothing_secret(place, board, said, str(config))


def wait(node, good):
    for _ in range(50):
        report = node.health()
        if good(report):
            return report
    raise AssertionError(report)


@pytest.mark.slow
def test_without_a_network_it_is_pending_and_the_old_configuration_is_kept(place):
    with place.running(), PtyBoard(place.folder / "board", AIR) as board:
        port = ("provision", "--port", board.port, "--config")
        code, said = kista(*port, site(place), "--wait", 20)
        assert code == 0 and "has reached" in said, said
        proven = board.read("config.json")
        code, gone = kista(*port, site(place, "moon"), "--wait", 2)
        assert code == 0 and re.search("post-17 is pending: not joined yet", gone), gone
        # The old one is as it was, and so are its secrets; the new one is tried.
        assert board.read("config.json") == proven
        assert b"hush-city" in board.read("nvs.kista.secrets_a")
        assert b"moon" in board.read("config.new")
        # A third attempt leaves the proven one's slot alone, and has the right network at last.
        code, said = kista(*port, site(place, "yard"), "--wait", 20)
        assert code == 0 and "has reached" in said, said
        assert b"yard" in board.read("config.json")
        assert not (board.folder / "config.new").exists()
        assert board.read("nvs.kista.secrets_a") == b"{}"
        assert b"hush-yard" in board.read("nvs.kista.secrets_b")
        assert_nothing_secret(place, board, said, gone)


def test_what_is_wrong_is_said_before_the_node_is_touched(place):
    with PtyBoard(place.folder / "board", AIR) as board:
        path = site(place)
        path.write_text(path.read_text().replace("sds011", "sds999"))
        code, said = kista("provision", "--port", board.port, "--config", path)
        assert code == 1 and said.startswith("streams[0].sensors[0].driver"), said
        assert board.boots == 1 and not (board.folder / "config.new").exists()


def test_a_port_without_a_node_is_said_in_a_line(place):
    code, said = kista("provision", "--port", "/dev/no-such-port", "--config", site(place))
    assert code == 1 and said.startswith("/dev/no-such-port: cannot be opened")


@pytest.mark.slow
def test_what_reads_back_other_than_written_is_not_taken_for_written(place, monkeypatch):
    with PtyBoard(place.folder / "board", AIR) as board, SerialNode(board.port) as node:
        node.interrupt()
        with pytest.raises(UserError, match="reads back other than written"):
            monkeypatch.setattr(node, "run", lambda code, what: "0" * 64)
            node.put_secret("secrets_a", b"hush")
        monkeypatch.undo()
        (board.folder / "nvs.kista.secrets_a").mkdir()
        with pytest.raises(UserError, match="could not store the secrets") as error:
            node.put_secret("secrets_a", b"hush")
        assert "hush" not in str(error.value)
        assert b"hush" not in board.said


def test_the_board_that_says_nothing_is_no_board(place, monkeypatch):
    monkeypatch.setattr(SerialNode, "health", lambda self: None)
    monkeypatch.setattr(SerialNode, "interrupt", lambda self: None)
    monkeypatch.setattr(SerialNode, "get_file", lambda self, name: None)
    with pytest.raises(UserError, match="says no board; flash it first"):
        provision.board_of(SerialNode("/dev/x"))
