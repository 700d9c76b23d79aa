"""Fewer names on the device: what only the firmware itself can see is shortened for the compiler.

An interpreter keeps each name once, in tables that stay in its heap, and each module keeps a table
of those it uses. So numbers stand where their constants are used, in other modules too; names that
never meet, as they belong to different classes and modules, share one short name (names.py), and
so do parameters that no call names. Lines stay where they are.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from string import ascii_uppercase

from host_tools.names import DEFINITIONS, FUNCTIONS, Names, in_classes


class _File:
    """One source file, and what is to be replaced in it."""

    def __init__(self, name: str, text: str) -> None:
        self.module = name.removesuffix(".py").replace("/", ".")
        self.tree = ast.parse(text)
        self.nodes = list(ast.walk(self.tree))
        self.constants = _constants(self.tree)
        self.aliases: dict[str, str] = {}
        self._bytes = text.encode()
        lines = self._bytes.splitlines(keepends=True)
        self._starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
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


def shorten(texts: dict[str, str], kept: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return all files of a device, {name: source}, each doing the same with fewer names.

    `kept`: what is asked for by its name from outside.
    """
    files = {name: _File(name, text) for name, text in texts.items()}
    modules = {file.module: file for file in files.values()}
    nodes = [node for file in files.values() for node in file.nodes]
    for file in files.values():
        file.aliases = _aliases(file, modules)
    asked = _asked_of_objects(files.values())
    names = Names(list(files.values()), kept)
    named = {node.arg for node in nodes if isinstance(node, ast.keyword)}
    for file in files.values():
        _inline(file, modules, asked, names)
        _rename(file, names)
        _rename_parameters(file, file.tree, named | {"self"}, {}, 0)
    return {name: file.made() for name, file in files.items()}


# Constants


def _constants(tree: ast.Module) -> dict[str, int]:
    """Return {name: value} of what a module makes with `const`."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("const("):
            text = ast.unparse(node.value.args[0])
            found[node.targets[0].id] = eval(text, {"__builtins__": {}}, found)
    return found


def _aliases(file: _File, modules: dict) -> dict[str, str]:
    """Return {name in `file`: module} of the device's modules that it imports."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in file.nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" in modules
    }


def _asked_of_objects(files) -> set[str]:
    """Return attributes that are asked of anything but a module known by its name."""
    return {
        node.attr
        for file in files
        for node in file.nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in file.aliases
    }


def _inline(file: _File, modules: dict[str, _File], asked: set[str], names: Names) -> None:
    """Put the numbers of constants where they are used; no module keeps them then."""
    uses = Counter(node.id for node in file.nodes if isinstance(node, ast.Name))
    # What is not imported any more: `const`, which the compiler knows, and what has become numbers.
    gone = {"const"}
    numbers = {}
    for node in file.nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in file.aliases:
            alias = node.value.id
            value = modules[file.aliases[alias]].constants.get(node.attr)
            if value is not None and node.attr not in asked:
                file.replace(node, f"{alias}.{node.attr}", f"({value})")
                uses[alias] -= 1
                gone |= {alias} if not uses[alias] else set()
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            constants = modules[node.module].constants
            numbers |= {
                alias.asname or alias.name: constants[alias.name]
                for alias in node.names
                if alias.name in constants.keys() - asked
            }
    for node in file.nodes:
        if isinstance(node, ast.Name) and node.id in numbers:
            file.replace(node, node.id, f"({numbers[node.id]})")
        elif isinstance(node, ast.Name) and node.id in file.constants.keys() - asked:
            if not _is_private(node.id):
                file.replace(node, node.id, "_" + node.id)
        elif isinstance(node, ast.ImportFrom):
            _import_less(file, node, gone | numbers.keys(), names)


def _import_less(file: _File, node: ast.ImportFrom, gone: set[str], names: Names) -> None:
    left = [alias for alias in node.names if (alias.asname or alias.name) not in gone]
    short = [ast.alias(names.of_global(alias.name), alias.asname) for alias in left]
    wanted = ", ".join(map(ast.unparse, short))
    if wanted != ", ".join(map(ast.unparse, node.names)):
        file.rewrite(node, f"from {node.module} import {wanted}" if left else "pass")


# Names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and len(name) > 1


def _rename(file: _File, names: Names) -> None:
    members = in_classes(file)
    for node in file.nodes:
        if isinstance(node, ast.Global):
            for name in node.names:
                file.replace(node, name, names.of_global(name))
        elif isinstance(node, (ast.Attribute, ast.Name, *DEFINITIONS)):
            short = names.of(node, node in members)
            if short and isinstance(node, ast.Attribute):
                file.replace_last(node, node.attr, short)
            elif short:
                file.replace(node, node.id if isinstance(node, ast.Name) else node.name, short)


# Parameters


def _rename_parameters(file: _File, node, kept: set[str], outer: dict[str, str], depth: int):
    """Rename them below `node`; `outer`: what is renamed around it, `depth`: how many so far."""
    if isinstance(node, ast.Name) and node.id in outer:
        file.replace(node, node.id, outer[node.id])
    inner = outer
    if isinstance(node, FUNCTIONS):
        inner = dict(outer)
        for argument in node.args.args:
            inner.pop(argument.arg, None)
            if argument.arg not in kept:
                inner[argument.arg] = ascii_uppercase[depth]
                file.replace(argument, argument.arg, inner[argument.arg])
                depth += 1
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.arguments):
                # A default is worth what its name means outside.
                for default in child.defaults:
                    _rename_parameters(file, default, kept, outer, depth)
            elif isinstance(child, ast.AST):
                scope = outer if field == "decorator_list" else inner
                _rename_parameters(file, child, kept, scope, depth)
