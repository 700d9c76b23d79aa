"""Fewer modules, the same doing: bundled files are run beside what they were."""

import importlib
import re

import pytest

from host_tools import build, bundle, traced

TEXTS = {
    "kit/base.py": """
import json

STEP = 3
_most = 4


def twice(value):
    return 2 * min(value, _most)


class BaseError(ValueError):
    pass
""",
    "kit/more.py": """
import json

from kit import base
from kit.base import BaseError, twice

_most = [1]


def add(value):
    global _most
    _most = [*_most, value]
    return json.dumps([len(_most), base.STEP, base.twice(value), twice(1)])


class Sum:
    def add(self, value):
        STEP = 5
        return value + STEP

    def fail(self):
        raise BaseError("more")
""",
    "kit/app.py": """
from kit import more
from kit.more import BaseError, Sum


def result():
    from kit import outside

    try:
        Sum().fail()
    except BaseError as error:
        return more.add(1), more.add(2), Sum().add(3), str(error), outside.seen()
""",
    "kit/outside.py": """
from kit import base, more as others
from kit.base import twice


def seen():
    return base.STEP, others._most, twice(7)
""",
}
NAMES = ["kit/base.py", "kit/more.py", "kit/app.py"]


def _run(folder, texts, monkeypatch):
    (folder / "kit").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(folder)
    for name in ("kit", "kit.base", "kit.more", "kit.app", "kit.outside"):
        monkeypatch.delitem(importlib.sys.modules, name, raising=False)
    return importlib.import_module("kit.app").result()


def test_bundled_files_do_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "BUNDLES", {"kit/app.py": NAMES})
    before = _run(tmp_path / "before", TEXTS, monkeypatch)
    made = bundle.bundle(TEXTS)
    assert list(made) == bundle.bundled(TEXTS) == ["kit/app.py", "kit/outside.py"]
    assert _run(tmp_path / "after", made, monkeypatch) == before
    # What two files call alike has two names; what only one says keeps it.
    assert {"_most_base", "_most_more", "twice"} <= set(re.findall(r"\w+", made["kit/app.py"]))
    assert made["kit/app.py"].count("import json") == 1


def test_a_name_that_could_be_meant_by_a_keyword_is_refused(monkeypatch):
    monkeypatch.setattr(bundle, "BUNDLES", {"kit/app.py": NAMES})
    text = TEXTS["kit/base.py"] + "\n\ndef keep(_most=1):\n    return _most\n"
    with pytest.raises(ValueError, match=r"kit\.base: _most needs a name of its own"):
        bundle.bundle({**TEXTS, "kit/base.py": text})


def test_a_bundle_of_which_a_file_is_missing_is_none():
    texts = {"gateway/app.py": "from gateway import ring\n", "gateway/ring.py": ""}
    assert bundle.bundle(texts) == texts


def test_every_file_stands_behind_those_that_it_imports():
    files = build.device_files(twin=True)
    for names in bundle.bundles(files).values():
        for number, name in enumerate(names):
            for line in files[name].read_text().splitlines():
                found = re.match(r"from ([\w.]+) import (.*)", line)
                asked = (
                    [f"{found[1]}.{it.split()[0]}" for it in found[2].split(", ")] if found else []
                )
                paths = {
                    one.replace(".", "/") + ".py" for one in [*asked, (found and found[1]) or ""]
                }
                assert not paths & set(names[number:]), f"{name}: {line}"


def test_a_traceback_of_the_device_is_said_in_the_lines_of_the_sources():
    files = build.device_files()
    lines = "".join(files[name].read_text() for name in bundle.BUNDLES["gateway/app.py"])
    number = lines.splitlines().index("    def _encode_slice(self):") + 2
    own = (
        files["gateway/spool.py"].read_text().splitlines().index("    def _encode_slice(self):") + 2
    )
    said = f'  File "gateway.app", line {number}, in acos\r\n  File "other", line 3, in f\n'
    assert traced.in_sources(said, files) == (
        f'  File "gateway/spool.py", line {own}, in _encode_slice\r\n  File "other", line 3, in f\n'
    )
