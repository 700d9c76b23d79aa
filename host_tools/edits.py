"""A source file of the device, and what is to be replaced in it before it is compiled."""

from __future__ import annotations

import ast
import re
from itertools import accumulate

# A tree, its nodes, its constants.
Parsed = tuple[ast.Module, list[ast.AST], dict[str, object]]


class File:
    """One source file, and what is to be replaced in it.

    `known`: {text: what is Parsed of it} of files that come again and again.
    """

    def __init__(self, name: str, text: str, known: dict[str, Parsed] | None = None) -> None:
        self.module = name.removesuffix(".py").replace("/", ".")
        known = {} if known is None else known
        if text not in known:
            tree = ast.parse(text)
            known[text] = tree, list(ast.walk(tree)), _constants(tree)
        self.tree, self.nodes, constants = known[text]
        self.constants = dict(constants)
        self.aliases: dict[str, str] = {}
        self._bytes = text.encode()
        lines = self._bytes.splitlines(keepends=True)
        self._starts = list(accumulate(map(len, lines), initial=0))
        self._edits: list[tuple[int, int, bytes]] = []

    def replace(self, node: ast.AST, old: str, new: str) -> None:
        """Let `new` stand for the first whole word `old` from where `node` begins."""
        start = self._starts[node.lineno - 1] + node.col_offset
        found = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)".encode()).search(self._bytes, start)
        self._edits.append((found.start(), found.end(), new.encode()))

    def replace_last(self, node: ast.expr, old: str, new: str) -> None:
        """Let `new` stand for the word `old` with which `node` ends."""
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        self._edits.append((end - len(old), end, new.encode()))

    def make_constant(self, node: ast.Assign) -> None:
        """Tell the compiler that what is assigned stays as it is."""
        start = self._starts[node.lineno - 1] + node.targets[0].end_col_offset
        start = self._bytes.index(b"=", start) + 2
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        self._edits += [(start, start, b"const("), (end, end, b")")]

    def rewrite(self, node: ast.stmt, text: str) -> None:
        """Let `text` stand for a statement, on as many lines."""
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        lines = b"\n" * (node.end_lineno - node.lineno)
        self._edits.append((start, end, text.encode() + lines))

    def made(self) -> str:
        """Return the text with everything replaced."""
        text = self._bytes
        for start, end, new in sorted(self._edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text.decode()


def _constants(tree: ast.Module) -> dict[str, object]:
    """Return {name: value} of what a module makes with `const`."""
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("const("):
            text = ast.unparse(node.value.args[0])
            found[node.targets[0].id] = eval(text, {"__builtins__": {}}, found)
    return found
