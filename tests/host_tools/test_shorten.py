"""Fewer names, the same doing: shortened modules are run beside what they were."""

import importlib
import re

from host_tools import build, shorten

TEXTS = {
    "kit/base.py": """
from micropython import const

STEP = const(3)
FAR = const(2 * STEP)
NAMES = ("a", "b")


class Base:
    def __init__(self, first):
        self._first = first

    def _twice(self):
        return 2 * self._first
""",
    "kit/uses.py": """
from kit import base
from kit.base import (
    STEP,
    Base,
)


def _add(first, second=STEP, *, third=0):
    return first + second + third


class Uses(Base):
    _shift = 5

    def __init__(self, first, step):
        super().__init__(first)
        self._own = step
        self.label = "_own first"

    def value(self, first, keyword=1):
        more = [first + step for step in range(self._own)]
        far = lambda first, default=first: first + default + keyword  # noqa: E731
        return self._twice() + _add(more[-1]) + far(STEP) + base.FAR + self._shift


class Other:
    def __init__(self, _text):
        self._other = _text

    def text(self):
        return self._other


def result():
    one = Uses(4, 2)
    return one.value(10, keyword=7), one.label, Other("x").text(), base.NAMES, one._own
""",
}


def _run(folder, texts, monkeypatch):
    (folder / "kit").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(folder)
    for name in ("kit", "kit.base", "kit.uses"):
        monkeypatch.delitem(importlib.sys.modules, name, raising=False)
    return importlib.import_module("kit.uses")


def test_shortened_files_do_the_same(tmp_path, monkeypatch):
    before = _run(tmp_path / "before", TEXTS, monkeypatch).result()
    short = shorten.shorten(TEXTS)
    # CPython has to import what MicroPython's compiler knows.
    short["kit/base.py"] = short["kit/base.py"].replace("pass\n", "const = int\n", 1)
    assert _run(tmp_path / "after", short, monkeypatch).result() == before


def test_names_that_never_meet_share_one():
    short = "".join(shorten.shorten(TEXTS).values())
    # `_first`, `_twice` and `_shift` meet in one class; `_add` and `_other` meet none of them.
    assert set(re.findall(r"\b_[a-z]+\b", short)) == {"_a", "_b", "_c", "_own"}


def test_what_others_may_ask_for_keeps_its_name():
    short = shorten.shorten(TEXTS)["kit/uses.py"]
    # An attribute of an object that may be anybody's, a parameter that is called by name, texts.
    for kept in ("one._own", "self._own", "keyword=1", "keyword=7", '"_own first"', "def value("):
        assert kept in short


def test_constants_become_numbers_and_leave_their_module():
    short = shorten.shorten(TEXTS)
    assert "STEP" not in short["kit/uses.py"] and "(6)" in short["kit/uses.py"]
    assert "\nSTEP" not in short["kit/base.py"] and "\nNAMES" in short["kit/base.py"]


def test_every_line_of_the_device_stays_where_it_is():
    files = build.device_files(twin=True)
    texts = {name: path.read_text() for name, path in files.items()}
    for name, text in shorten.shorten(texts).items():
        assert len(text.splitlines()) == len(texts[name].splitlines()), name
