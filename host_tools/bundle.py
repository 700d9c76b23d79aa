"""Fewer modules on the device: files that are always loaded together become one for the compiler.

An interpreter keeps for each module its tables, its names and its path in the heap, and what one
imports from another is in the tables of both. The sources stay as they are; where a name is said
in two of a bundle's files, one file's own gets the file's behind it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from host_tools.edits import File, Parsed
from host_tools.names import DEFINITIONS, bindings, in_classes

# {what they become: the files}; each stands behind those that it imports. The last keeps its names.
_GATEWAY = """
    settings rarely version flags clock commands health hours priors workplace rangecoder lattice
    columns frame resend quality sampler records ring open_frame spool mqtt uplink app
"""
BUNDLES = {
    "gateway/app.py": [f"gateway/{name}.py" for name in _GATEWAY.split()],
    "gateway/judge.py": [
        *("gateway/checks.py", "gateway/access.py", "gateway/schema.py", "gateway/config.py"),
        "gateway/judge.py",
    ],
    "gateway/tracker.py": ["gateway/cosine.py", "gateway/tracker.py"],
    "main.py": [
        *("host_tools/twin/node_exits.py", "host_tools/twin/scheduler.py"),
        *("host_tools/twin/hal.py", "main.py", "host_tools/twin/node.py"),
    ],
}


@dataclass
class _Bundle:
    """`module`: its name; `finals`: {module in it: {name: name in the bundle}}."""

    module: str
    finals: dict[str, dict[str, str]]


def bundle(texts: dict[str, str], known: dict[str, Parsed] | None = None) -> dict[str, str]:
    """Return the files of a device, {name: source}, with those of a bundle in one.

    `known`: as a File has it.
    """
    known = {} if known is None else known
    for into, names in bundles(texts).items():
        texts = _bundled(texts, into, names, known)
    return texts


def bundled(names: Iterable[str]) -> list[str]:
    """Return those of the files that are left then."""
    gone = {name for into, files in bundles(names).items() for name in files if name != into}
    return [name for name in names if name not in gone]


def bundles(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the bundles of which all files are there."""
    return {into: files for into, files in BUNDLES.items() if set(files) <= set(names)}


def _bundled(
    texts: dict[str, str], into: str, names: list[str], known: dict[str, Parsed]
) -> dict[str, str]:
    """Return `texts` with one, called `into`, in the place of all `names`."""
    files = [File(name, texts[name], known) for name in names]
    one = _Bundle(File(into, "").module, _finals(files))
    imported: set[str] = set()
    for file in files:
        # What it has imported can be asked of it, too.
        one.finals[file.module] |= _imports(file, one, imported)
        _rewrite(file, one.finals[file.module], one)
    whole = "".join(map(File.made, files))
    made = {}
    for name in texts:
        if name == into:
            made[name] = whole
        elif name not in names:
            file = File(name, texts[name], known)
            theirs = _imports_of_others(file, one)
            if theirs:
                _rewrite(file, theirs, one)
            made[name] = file.made()
    return made


def _finals(files: list[File]) -> dict[str, dict[str, str]]:
    """Return {module: {name it binds: what that is called in the bundle}}."""
    own = {file: bindings(file.tree.body) for file in files}
    said = {file: _said(file) for file in files}
    finals: dict[str, dict[str, str]] = {}
    for file in files:
        elsewhere = set().union(*(said[other] for other in files if other is not file))
        if file is files[-1]:
            elsewhere = set()
        last = file.module.split(".")[-1]
        finals[file.module] = {
            name: f"{name}_{last}" if name in elsewhere else name for name in own[file]
        }
    return finals


def _said(file: File) -> set[str]:
    """Return the names that a file uses, without what it imports from another by its name there."""
    imports = [node for node in file.nodes if isinstance(node, ast.ImportFrom)]
    theirs = {one.name for node in imports for one in node.names if not one.asname}
    # A method is asked for as an attribute.
    methods = {node for node in in_classes(file) if isinstance(node, DEFINITIONS)}
    fields = ("id", "arg", "name", "asname")
    nodes = [node for node in file.nodes if node not in methods]
    words = {getattr(node, field, None) for node in nodes for field in fields} - theirs
    # A constant will have an underscore.
    return words | {"_" + name for name in file.constants}


# Imports


def _imports(file: File, one: _Bundle, imported: set[str]) -> dict[str, str]:
    """Remove imports from within the bundle, and those that were there; return what they named.

    {name in `file`: name in the bundle}, a module's with a dot behind it.
    """
    known: dict[str, str] = {}
    for node in file.nodes:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        left = []
        for alias in node.names:
            name = alias.asname or alias.name
            source = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            module, _, thing = (source + alias.name).rpartition(".")
            if source + alias.name in one.finals:
                known[name] = source + alias.name + "."
            elif module in one.finals and source:
                known[name] = one.finals[module][thing]
            else:
                known[name] = name
                if node not in file.tree.body or ast.unparse(node) not in imported:
                    left.append(alias)
        if node in file.tree.body and left:
            imported.add(ast.unparse(node))
        if len(left) < len(node.names):
            source = getattr(node, "module", "")
            file.rewrite(node, _import(source, left) if left else "pass")
    return known


def _imports_of_others(file: File, one: _Bundle) -> dict[str, str]:
    """Let a file outside import from the bundle; return {name of a module there: …} as above."""
    known: dict[str, str] = {}
    package, _, last = one.module.rpartition(".")
    for node in [node for node in file.nodes if isinstance(node, ast.ImportFrom)]:
        finals = one.finals.get(node.module)
        if finals:
            names = [ast.alias(finals[it.name], it.asname or it.name) for it in node.names]
            file.rewrite(node, _import(one.module, names))
            continue
        modules = {it.asname or it.name: f"{node.module}.{it.name}" for it in node.names}
        inside = {name: module for name, module in modules.items() if module in one.finals}
        if inside:
            left = [it for it in node.names if (it.asname or it.name) not in inside]
            parts = [_import(node.module, left)] if left else []
            parts += [_import(package, [ast.alias(last, name)]) for name in inside]
            file.rewrite(node, "; ".join(parts))
            known |= {name: module + "." for name, module in inside.items()}
    return known


def _import(module: str, names: list[ast.alias]) -> str:
    """Return the statement that imports `names` from a module, or modules when that is ""."""
    short = [ast.alias(one.name, None if one.asname == one.name else one.asname) for one in names]
    wanted = ", ".join(map(ast.unparse, short))
    return f"from {module} import {wanted}" if module else f"import {wanted}"


# Names


def _rewrite(file: File, known: dict[str, str], one: _Bundle) -> None:
    """Let the names of `known` be what they are called in the bundle, wherever the file says them.

    `ValueError` when one of them is a parameter or a class's member too: nobody knows which is
    meant by an attribute or a keyword.
    """
    members = in_classes(file)
    for node in file.nodes:
        if isinstance(node, ast.Attribute) and known.get(_text(node.value), "").endswith("."):
            module = known[node.value.id][:-1]
            final = one.finals[module][node.attr]
            new = final if file.module in one.finals else f"{node.value.id}.{final}"
            file.replace(node, f"{node.value.id}.{node.attr}", new)
            continue
        for name in _named(node):
            if known.get(name, name) != name and not known[name].endswith("."):
                if isinstance(node, ast.arg) or node in members:
                    raise ValueError(f"{file.module}: {name} needs a name of its own")
                file.replace(node, name, known[name])


def _text(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _named(node: ast.AST) -> list[str]:
    """Return what a node itself names, in the order of its text."""
    if isinstance(node, ast.Global):
        return node.names
    if isinstance(node, ast.alias):
        return []
    return [getattr(node, field) for field in ("id", "arg", "name") if hasattr(node, field)]
