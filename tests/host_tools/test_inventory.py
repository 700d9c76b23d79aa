import sqlite3
import threading
from dataclasses import astuple, replace

import pytest
from click.testing import CliRunner

from host_tools import claims, cli
from host_tools.errors import UserError
from host_tools.workshop import inventory
from host_tools.workshop.inventory import Event, Inventory

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
FLASHED = Event(
    "a1",
    "flash",
    "2026-11-20T08:00:00+00:00",
    "bench",
    MAC,
    "",
    "",
    "esp32_generic",
    "ESP32",
    "0.1.0",
    "1.26.1",
    "ab",
    "21.5",
    "ok",
)
FAILED = replace(FLASHED, id="a2", mac=OTHER, outcome="failed", why='is "loose", try again')
NAMED = inventory.provisioned(MAC, "post-17", "Torshamnsgatan 20", "esp32_generic", "0.1.0", "crew")


def kista(*arguments):
    """Return (exit code, output) of one command."""
    result = CliRunner().invoke(cli.kista, [str(one) for one in arguments], standalone_mode=False)
    if isinstance(result.exception, UserError):
        return 1, str(result.exception)
    if result.exception:
        raise result.exception
    return result.return_value or 0, result.output


def made(path, *events):
    with Inventory(path) as store:
        store.add(list(events))
    return path


def events(path):
    with Inventory(path) as store:
        return store.events()


def test_list_says_how_each_board_stands(tmp_path):
    path = made(tmp_path / "i.db", FLASHED, FAILED, NAMED)
    code, said = kista("inventory", "--inventory", path, "list")
    assert code == 0
    assert [line.split() for line in said.splitlines()[1:]] == [
        [OTHER, "esp32_generic", "0.1.0", "2026-11-20T08:00", "failed"],
        [MAC, "post-17", "Torshamnsgatan", "20", "esp32_generic", "0.1.0"]
        + ["2026-11-20T08:00", "ok"],
    ]


def test_show_tells_the_story_of_a_board_and_of_a_node(tmp_path):
    path = made(tmp_path / "i.db", FLASHED, FAILED, NAMED)
    for name in (MAC, "post-17"):
        code, said = kista("inventory", "--inventory", path, "show", name)
        assert code == 0 and len(said.splitlines()) == 2
        assert f"{MAC} with esp32_generic: firmware 0.1.0, MicroPython 1.26.1, 21.5 s" in said
        assert f"post-17 at Torshamnsgatan 20, board {MAC} (by crew)" in said
    code, said = kista("inventory", "--inventory", path, "show", OTHER)
    assert said.endswith('failed, is "loose", try again (by bench)\n')
    code, said = kista("inventory", "--inventory", path, "show", "post-99")
    assert (code, said) == (1, f"{path}: knows no board and no node 'post-99'")


def test_a_claim_moves_a_node_and_counts_once(tmp_path):
    path = made(tmp_path / "i.db", FLASHED, NAMED)
    claims.add(tmp_path / "claims.csv", "post-17", "Kistagången 16")
    for _ in range(2):
        code, said = kista(
            "inventory", "--inventory", path, "import", "csv", tmp_path / "claims.csv"
        )
        assert code == 0
    assert said.endswith("0 events added, 1 known before\n")
    with Inventory(path) as store:
        assert [standing.site for standing in store.standings()] == ["Kistagången 16"]


def test_what_is_exported_is_imported_without_a_change(tmp_path):
    odd = replace(FAILED, id="a3", why='ü,"\n;\t=1+1')
    path = made(tmp_path / "i.db", FLASHED, FAILED, NAMED, odd)
    assert (
        kista("inventory", "--inventory", path, "export", "csv", "-o", tmp_path / "x.csv")[0] == 0
    )
    code, _ = kista(
        "inventory", "--inventory", tmp_path / "new.db", "import", "csv", tmp_path / "x.csv"
    )
    assert code == 0 and events(tmp_path / "new.db") == events(path)


def test_two_benches_merge_theirs_without_losing_a_row(tmp_path):
    common = [replace(FLASHED, id=f"c{n}") for n in range(20)]
    ours = made(tmp_path / "a.db", *common, *(replace(FLASHED, id=f"a{n}") for n in range(30)))
    theirs = made(tmp_path / "b.db", *common, *(replace(FAILED, id=f"b{n}") for n in range(40)))
    code, said = kista("inventory", "--inventory", ours, "merge", theirs)
    assert (code, said) == (0, f"{theirs}: 40 events added, 20 known before\n")
    kista("inventory", "--inventory", theirs, "merge", ours)
    assert events(ours) == events(theirs) and len(events(ours)) == 90


def test_two_benches_may_write_into_one_file(tmp_path):
    path = made(tmp_path / "i.db")

    def bench(name):
        for number in range(25):
            made(path, replace(FLASHED, id=f"{name}{number}"))

    threads = [threading.Thread(target=bench, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(events(path)) == 75


WRONG = [b"some,other\n1,2\n", b"\xff\xfe\0", b"", b"id,kind\n"]


@pytest.mark.parametrize("content", WRONG)
def test_a_file_that_is_none_of_ours_is_refused(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match="neither an inventory nor claims"):
        inventory.read_csv(path)
    path.write_bytes(b"no database at all, but long enough to be looked at" * 99)
    code, said = kista("inventory", "--inventory", path, "list")
    assert code == 1 and "is it an inventory?" in said


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "x.csv"
    header = ",".join(Event.__dataclass_fields__)
    path.write_text(f"{header}\n{','.join(astuple(FLASHED))}\nonly,a,few\n")
    with pytest.raises(UserError, match="line 3 is damaged"):
        inventory.read_csv(path)


def test_another_database_is_not_written_to(tmp_path):
    path = tmp_path / "city.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    code, said = kista("inventory", "--inventory", path, "list")
    assert (code, said) == (1, f"{path}: a database, but no inventory")


def test_there_is_none_yet(tmp_path):
    code, said = kista("inventory", "--inventory", tmp_path / "i.db", "list")
    assert code == 1 and "kista flash makes it" in said and not (tmp_path / "i.db").exists()
