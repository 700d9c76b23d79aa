"""Fewer names, the same doing: shortened modules are run beside what they were."""

import importlib
import re
import subprocess

from host_tools import build, shorten
from host_tools.known_names import KNOWN

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
    "kit/app.py": """
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


class WrongError(ValueError):
    pass


class Other:
    def __init__(self, _text):
        self._other = _text
        self.marks = 1
        self.append = len

    def sole(self):
        def within():
            return self._other

        return within()


def result():
    one, other = Uses(4, 2), Other("x")
    one.placed = WrongError.__name__
    told = getattr(other, "marks", None), hasattr(one, "marks"), other.append("four")
    return one.value(10, keyword=7), one.label, other.sole(), base.NAMES, one._own, told, one.placed
""",
}


def _run(folder, texts, monkeypatch):
    (folder / "kit").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(folder)
    for name in ("kit", "kit.base", "kit.app"):
        monkeypatch.delitem(importlib.sys.modules, name, raising=False)
    return importlib.import_module("kit.app")


def test_shortened_files_do_the_same(tmp_path, monkeypatch):
    before = _run(tmp_path / "before", TEXTS, monkeypatch).result()
    short = shorten.shorten(TEXTS, {"result"})
    # CPython has to import what MicroPython's compiler knows.
    short["kit/base.py"] = short["kit/base.py"].replace(
        "pass\n", "const = lambda value: value\n", 1
    )
    assert _run(tmp_path / "after", short, monkeypatch).result() == before


def test_names_that_never_meet_share_one():
    short = "".join(shorten.shorten(TEXTS, {"result"}).values())
    # Six names meet in the module `app`, as many in no class; parameters have others.
    assert len(set(re.findall(r"\w+", short)) & set(KNOWN)) == 6 + 3
    for gone in ("_first", "_twice", "_add", "_other", "sole", "Uses", "within"):
        assert not re.search(rf"\b{gone}\b(?! first)", short), gone


def test_no_name_is_taken_that_any_file_says():
    texts = {**TEXTS, "kit/more.py": "def ask(bus):\n    return bus.acos(atan=1)['attr']\n"}
    short = shorten.shorten(texts, {"result", "aw"})
    for name in ("acos", "atan", "attr", "aw"):
        assert not re.search(rf"\b{name}\b", "".join(short[name] for name in TEXTS)), name


def test_a_constant_keeps_its_underscore_for_which_the_compiler_forgets_it():
    text = "from micropython import const\n\n_MOST = const(3)\n\n\ndef most():\n    return _MOST\n"
    assert "_MOST = const(3)" in shorten.shorten({"kit/most.py": text})["kit/most.py"]


def test_the_interpreter_has_the_short_names_anyway():
    script = "import micropython\nclass Any: pass\none = Any()\n"
    script += f"for name in {' '.join(KNOWN)!r}.split(): setattr(one, name, 0)\n"
    script += "micropython.qstr_info(1)\n"
    command = [*build.micropython("1M"), "-c", script]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^Q\((\w+)\)$", said, re.MULTILINE)) & {*KNOWN, "one"} == {"one"}


def test_what_others_may_ask_for_keeps_its_name():
    short = shorten.shorten(TEXTS, {"result"})["kit/app.py"]
    # Texts, and attributes of their names; what is called by name; errors; what is built in.
    for kept in ('"marks"', ".marks", "keyword=1", "keyword=7", '"_own first"', "def result("):
        assert kept in short, kept
    for kept in ("class WrongError(ValueError)", ".append", "__name__", "super().__init__"):
        assert kept in short, kept


def test_what_is_asked_of_hardware_keeps_its_name():
    # The same names are ours in one file, and a stranger's in another.
    texts = {**TEXTS, "kit/hal.py": "def lit(pin):\n    return pin.sole()\n"}
    assert "def sole" not in shorten.shorten(texts)["kit/app.py"]
    texts["kit/hal_board.py"] = texts.pop("kit/hal.py")
    short = shorten.shorten(texts)
    assert "def sole" in short["kit/app.py"] and ".sole()" in short["kit/hal_board.py"]


def test_what_the_interpreter_asks_for_keeps_its_name():
    lazy = "def __getattr__(name):\n    return name\n"
    held = "class Held:\n    async def __aenter__(self):\n        pass\n"
    short = shorten.shorten({**TEXTS, "kit/lazy.py": lazy + held})["kit/lazy.py"]
    assert "def __getattr__(" in short and "async def __aenter__(" in short


def test_constants_become_numbers_and_leave_their_module():
    short = shorten.shorten(TEXTS)
    assert "STEP" not in short["kit/app.py"] and "(6)" in short["kit/app.py"]
    assert "\nSTEP" not in short["kit/base.py"]


def test_every_line_of_the_device_stays_where_it_is():
    files = build.device_files(twin=True)
    texts = {name: path.read_text() for name, path in files.items()}
    for name, text in shorten.shorten(texts).items():
        assert len(text.splitlines()) == len(texts[name].splitlines()), name
