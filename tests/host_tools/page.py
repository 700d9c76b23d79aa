"""The commands that a page of docs/ tells people to type, and what it says they will see."""

import re
from dataclasses import dataclass

from host_tools import build

_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


@dataclass
class Step:
    """`commands` to type; `shows`: lines, in order; one that is ANYTHING stands for any number."""

    commands: str
    shows: list[str]


def steps(name):
    """Return the steps of docs/`name`, in order."""
    found = []
    for kind, text in _BLOCK.findall((build.ROOT / "docs" / name).read_text()):
        if kind == "sh":
            found.append(Step(text, []))
        else:
            found[-1].shows = text.splitlines()
    return found


def differs(shows, said):
    """Return the first line of `shows` that `said` has not at its place, None if all is there."""
    lines = said.splitlines()
    at, skips = 0, False
    for line in shows:
        if line == ANYTHING:
            skips = True
            continue
        fits = re.compile(re.escape(line).replace(ANYTHING, ".*")).fullmatch
        while skips and at < len(lines) and not fits(lines[at]):
            at += 1
        if at == len(lines) or not fits(lines[at]):
            return line
        at, skips = at + 1, False
    return None if skips or at == len(lines) else f"nothing more, but there is: {lines[at]}"
