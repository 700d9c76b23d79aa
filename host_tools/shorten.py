"""Fewer names on the device: what only the firmware itself can see is shortened for the compiler.

An interpreter keeps each name once, in tables that stay in its heap, and each module keeps a table
of those it uses. So numbers stand where their constants are used, in other modules too; names that
never meet, as they belong to different classes and modules, share one short name (names.py), and
so do parameters that no call names. Lines stay where they are.
"""

from __future__ import annotations

import ast
from collections import Counter

from host_tools.edits import File, Parsed
from host_tools.names import DEFINITIONS, FUNCTIONS, Names, in_classes


def shorten(
    texts: dict[str, str],
    kept: frozenset[str] = frozenset(),
    known: dict[str, Parsed] | None = None,
) -> dict[str, str]:
    """Return all files of a device, {name: source}, each doing the same with fewer names.

    `kept`: what is asked for by its name from outside. `known`: as a File has it.
    """
    files = {name: File(name, text, known) for name, text in texts.items()}
    modules = {file.module: file for file in files.values()}
    nodes = [node for file in files.values() for node in file.nodes]
    for file in files.values():
        file.aliases = _aliases(file, modules)
    asked = _asked_of_objects(files.values())
    said = {node.value for node in nodes if isinstance(node, ast.Constant)} | kept | asked
    said |= {node.attr for node in nodes if _is_stored(node)}
    for file in files.values():
        _find_constants(file, said)
    names = Names(list(files.values()), kept)
    named = {node.arg for node in nodes if isinstance(node, ast.keyword)}
    for file in files.values():
        _inline(file, modules, asked, names)
        _rename(file, names)
        _rename_parameters(file, file.tree, named | {"self"}, {}, names.parameters)
    return {name: file.made() for name, file in files.items()}


# Constants


def _find_constants(file: File, kept: set) -> None:
    """Make constants of what is assigned once and is a number, a text, bytes or a tuple of such."""
    bound = Counter(name for node in file.nodes for name in _bound(node))
    for node in file.tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name in file.constants or name in kept or bound[name] > 1 or bound["_" + name]:
            continue
        if _is_made(node.value):
            continue
        try:
            value = eval(ast.unparse(node.value), {"__builtins__": {}}, file.constants)
            hash(value)
        except (NameError, TypeError, AttributeError):
            continue
        if isinstance(value, (int, str, bytes, tuple)):
            file.constants[name] = value
            file.make_constant(node)


def _is_made(node: ast.expr) -> bool:
    """Return whether a value is calculated of anything but numbers: no compiler does that."""
    sums = [one for one in ast.walk(node) if isinstance(one, ast.BinOp)]
    return any(
        isinstance(one, ast.Tuple)
        or (isinstance(one, ast.Constant) and not isinstance(one.value, int))
        for made in sums
        for one in ast.walk(made)
    )


def _bound(node: ast.AST) -> list[str]:
    """Return the names that a node gives something to."""
    if isinstance(node, ast.Global):
        return node.names
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return []
    fields = ("id", "arg", "name", "asname")
    return [getattr(node, field) for field in fields if getattr(node, field, None)]


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)


def _aliases(file: File, modules: dict) -> dict[str, str]:
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


def _inline(file: File, modules: dict[str, File], asked: set[str], names: Names) -> None:
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
                file.replace(node, f"{alias}.{node.attr}", f"({value!r})")
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
            file.replace(node, node.id, f"({numbers[node.id]!r})")
        elif isinstance(node, ast.Name) and node.id in file.constants.keys() - asked:
            if not _is_private(node.id):
                file.replace(node, node.id, "_" + node.id)
        elif isinstance(node, ast.ImportFrom):
            _import_less(file, node, gone | numbers.keys(), names)


def _import_less(file: File, node: ast.ImportFrom, gone: set[str], names: Names) -> None:
    left = [alias for alias in node.names if (alias.asname or alias.name) not in gone]
    short = [ast.alias(names.of_global(alias.name), alias.asname) for alias in left]
    wanted = ", ".join(map(ast.unparse, short))
    if wanted != ", ".join(map(ast.unparse, node.names)):
        file.rewrite(node, f"from {node.module} import {wanted}" if left else "pass")


# Names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and len(name) > 1


def _rename(file: File, names: Names) -> None:
    members = in_classes(file)
    for node in file.nodes:
        if isinstance(node, ast.Global):
            for name in node.names:
                file.replace(node, name, names.of_global(name))
        elif isinstance(node, ast.Name) and node.id in file.constants:
            continue
        elif isinstance(node, (ast.Attribute, ast.Name, *DEFINITIONS)):
            short = names.of(node, node in members)
            if short and isinstance(node, ast.Attribute):
                file.replace_last(node, node.attr, short)
            elif short:
                file.replace(node, node.id if isinstance(node, ast.Name) else node.name, short)


# Parameters


def _rename_parameters(file: File, node, kept: set[str], outer: dict[str, str], short: list[str]):
    """Rename them below `node`; `outer`: what is renamed around it, `short`: what is still free."""
    if isinstance(node, ast.Name) and node.id in outer:
        file.replace(node, node.id, outer[node.id])
    inner = outer
    if isinstance(node, FUNCTIONS):
        inner = dict(outer)
        for argument in node.args.args:
            inner.pop(argument.arg, None)
            if argument.arg not in kept:
                inner[argument.arg], *short = short
                file.replace(argument, argument.arg, inner[argument.arg])
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.arguments):
                # A default is worth what its name means outside.
                for default in child.defaults:
                    _rename_parameters(file, default, kept, outer, short)
            elif isinstance(child, ast.AST):
                scope = outer if field == "decorator_list" else inner
                _rename_parameters(file, child, kept, scope, short)
