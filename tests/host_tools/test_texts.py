"""Texts of errors that stand aside: they are said as if they stood where they are raised."""

import pytest

from host_tools import build, texts
from host_tools.bundle import bundle

APP = """
def text_put_aside(start, size):
    return ALL[start : start + size].decode()


def fail(number):
    if number > 9:
        raise ValueError("a number of one digit is wanted, not %d"
                         % number)
    if number > 5:
        raise ValueError("six or more is too many – here")
    raise OSError("short", "a number of one digit")
"""


def test_an_error_says_what_it_said():
    made = texts.put_aside({texts.OF: APP, texts.INTO: 'ALL = b""\n'})
    assert "too many" not in made[texts.OF] and '"short"' in made[texts.OF]
    assert made[texts.OF].count("\n") == APP.count("\n")
    names: dict = {}
    exec(made[texts.INTO] + made[texts.OF], names)
    for number, said in (
        (12, "a number of one digit is wanted, not 12"),
        (7, "six or more is too many – here"),
    ):
        with pytest.raises(ValueError) as error:
            names["fail"](number)
        assert str(error.value) == said
    with pytest.raises(OSError) as error:
        names["fail"](1)
    assert error.value.args == ("short", "a number of one digit")


def test_the_devices_texts_stand_aside():
    files = {name: path.read_text() for name, path in build.device_files().items()}
    made = texts.put_aside(bundle(files))
    assert b"the flash does not keep what is written" in eval(made[texts.INTO].split("=", 1)[1])
    assert "the flash does not keep" not in made[texts.OF]


def test_without_a_file_for_them_they_stay():
    assert texts.put_aside({texts.OF: APP}) == {texts.OF: APP}
