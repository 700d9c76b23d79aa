"""What the commands say to somebody who can put it right, where no other test hears it."""

import json
import os
import pty
import sqlite3
import zlib

import pytest
from mpremote.transport import TransportError

from host_tools import archive, authority, boards, build, cli, mosquitto, serial_node, site
from host_tools.errors import UserError
from host_tools.ingest import database
from host_tools.serial_node import SerialNode

BROKER = "mqtts://127.0.0.1:1"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in, with files of many kinds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.pem").write_text("no key")
    (tmp_path / "latin.csv").write_bytes(b"time,a\n1,\xe5\n")
    (tmp_path / "wide.csv").write_text("time" + ",a" * 513 + "\n")
    (tmp_path / "bare.csv").write_text("time\n1\n")
    (tmp_path / "late.csv").write_text("time,a\n1.2345,1\n")
    (tmp_path / "long.csv").write_text('time,a\n1,"' + "1" * 200_000 + '"\n')
    (tmp_path / "bad.csv").write_text("time,a,b\n1,1,2\n2,3,x\n")
    sqlite3.connect(tmp_path / "empty.db").close()
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    (tmp_path / "with blank").mkdir()
    return tmp_path


SENTENCES = [
    ("claim post-1", 2, "LABEL needs --site"),
    ("doctor", 2, "name the node: --port PORT, or --node ID with --broker URL"),
    ("doctor --node post-1", 2, "--node needs --broker URL"),
    ("flash --all", 2, "name an --image, or a --board to make it of"),
    ("label a b --mac 24:0a:c4:00:00:01 -o l.svg", 2, "--mac goes with one NODE"),
    ("nodes --db sqlite:///empty.db", 1, "an empty database; `kista ingest` has not written to it"),
    ("nodes --db sqlite:///newer.db", 1, "made by a newer Kista (version 99); update this one"),
    ("nodes --db city.db", 1, "'city.db' is no URL; write sqlite:///city.db"),
    ("nodes --db mysql://h/d", 1, "database URL: only sqlite:///FILE is supported"),
    ("nodes --db sqlite:///", 1, "database URL: sqlite:/// needs a file behind it"),
    ("pack latin.csv o.kf", 1, "latin.csv: is not text in UTF-8 ("),
    ("pack long.csv o.kf", 1, "long.csv: is not CSV (field larger than field limit"),
    ("pack wide.csv o.kf", 1, "wide.csv: has 513 columns beside time, not 1 to 512"),
    ("pack bare.csv o.kf", 1, "bare.csv: has 0 columns beside time, not 1 to 512"),
    (
        "pack late.csv o.kf",
        1,
        "late.csv, line 2: '1.2345' is neither ISO 8601 nor unix seconds, to the ms at the finest",
    ),
    ("pack bad.csv o.kf", 1, "bad.csv, line 3, column 'b': 'x' is no number"),
    (
        f"ingest --broker {BROKER} --db sqlite:///c.db --cert text.pem",
        1,
        "a certificate and its key go together: --cert FILE --key FILE",
    ),
    (
        f"ingest --broker {BROKER} --db sqlite:///c.db --cert text.pem --key text.pem",
        1,
        "text.pem, text.pem: not a certificate and its key, PEM",
    ),
]


@pytest.mark.parametrize("line, code, said", SENTENCES, ids=[line for line, *_ in SENTENCES])
def test_a_command_says_what_to_do(place, capsys, line, code, said):
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    heard = capsys.readouterr()
    assert (ended.value.code, heard.out) == (code, "")
    assert said in heard.err
    assert not list(place.glob("o.kf*"))


def test_what_is_damaged_in_an_authority_is_named(tmp_path):
    made = authority.create(tmp_path / "ca", "Test")
    ledger = made.folder / "issued.json"
    ledger.write_text("{")
    with pytest.raises(UserError, match=r"issued\.json: damaged; restore it before going on"):
        made.entries()
    (made.folder / "ca.key").write_text("no key")
    with pytest.raises(UserError, match=r"ca: ca\.key or ca\.pem is damaged"):
        authority.Authority(made.folder)


def test_a_broker_without_a_name_or_with_a_blank_in_its_path_is_refused(tmp_path):
    made = authority.create(tmp_path / "ca", "Test")
    with pytest.raises(UserError, match="name the broker as nodes will call it: --host "):
        mosquitto.write(tmp_path / "broker", made, [], [])
    with pytest.raises(UserError, match="with blank: Mosquitto takes no blanks in a path"):
        mosquitto.write(tmp_path / "with blank", made, ["h"], [])


def _kf(columns):
    deflate = zlib.compressobj(9, wbits=-15)
    header = deflate.compress(json.dumps([["time", 0], *columns]).encode()) + deflate.flush()
    return archive.MAGIC + archive._varint(len(header)) + header


def test_a_damaged_header_of_an_archive_is_named(tmp_path):
    source, target = tmp_path / "in.kf", tmp_path / "out.csv"
    source.write_bytes(_kf([["a", 99]]))
    with pytest.raises(UserError, match=r"in\.kf: its header is damaged"):
        archive.unpack(source, target)
    assert not target.exists()


def test_source_that_mpy_cross_refuses_is_shown(tmp_path):
    source = tmp_path / "wrong.py"
    source.write_text("def (")
    with pytest.raises(UserError, match=r"mpy-cross refuses .*wrong\.py:\n(.*\n)*SyntaxError"):
        build._mpy_cross("wrong.py", source, source.read_text(), None, tmp_path / "wrong.mpy")
    assert not list(tmp_path.glob("*.partial"))


def test_more_secrets_than_the_nodes_store_takes_are_refused():
    board = boards.load("esp32_generic")
    told = {
        "node": "post-1",
        "network": {"wifi": [{"ssid": f"net-{i}", "password": "x" * 60} for i in range(5)]},
        "broker": {"url": "mqtt://h", "user": "u", "password": "p"},
        "streams": [
            {
                "name": "air",
                "period_ms": 10000,
                "sensors": [{"driver": "sds011", "bus": "uart1"}],
            }
        ],
    }
    most, site.SECRETS_MOST = site.SECRETS_MOST, 100
    try:
        with pytest.raises(UserError, match="secrets: more than 100 bytes; use EC keys, one auth"):
            site.plan(told, board, build.ROOT, lambda what: "")
    finally:
        site.SECRETS_MOST = most


@pytest.fixture
def silent_port():
    """A port behind which nothing answers."""
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)


def test_a_port_without_a_node_says_what_to_look_at(silent_port, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--port", silent_port, "--wait", "0.1"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"kista: {silent_port}: no node answers; is it powered and flashed? "
        f"(kista monitor --port {silent_port})\n"
    )


def test_a_board_that_does_not_do_as_asked_is_named_with_what_it_was_asked(
    silent_port, monkeypatch
):
    def nothing(*arguments, **options):
        raise TransportError("c = b'hush-wifi' was not taken")

    monkeypatch.setattr(serial_node, "STOP_WITHIN_S", 0.1)
    monkeypatch.setattr(serial_node.SerialTransport, "enter_raw_repl", nothing)
    monkeypatch.setattr(serial_node.SerialTransport, "exec_raw", nothing)
    with SerialNode(silent_port) as node:
        with pytest.raises(UserError) as error:
            node.interrupt()
        assert str(error.value) == (
            f"{silent_port}: no MicroPython answers; is it a flashed board? (kista flash)"
        )
        with pytest.raises(UserError) as error:
            node.run("c = b'hush-wifi'", "take the secrets")
        assert str(error.value) == (
            f"{silent_port}: the board did not answer; it could not take the secrets"
        )
        monkeypatch.setattr(
            serial_node.SerialTransport, "exec_raw", lambda *_, **__: (b"", b"hush-wifi: no room")
        )
        with pytest.raises(UserError) as error:
            node.run("c = b'hush-wifi'", "take the secrets")
        assert str(error.value) == f"{silent_port}: the board could not take the secrets"
