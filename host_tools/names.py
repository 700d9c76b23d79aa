"""Which names of the device's files may be shortened, and to what; shorten.py does it."""

from __future__ import annotations

import array
import ast
import hashlib
import io
import select
import socket
import ssl
from collections import defaultdict
from string import ascii_lowercase, ascii_uppercase

from host_tools.known_names import KNOWN

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
# What is asked of objects that are built in.
_BUILT_IN = (
    *(int, str, bytes, bytearray, memoryview, list, tuple, dict, set, range, BaseException, type),
    *(io.BytesIO, io.TextIOWrapper, socket.socket, ssl.SSLContext, ssl.SSLSocket, array.array),
    *map(type, ((_ for _ in ()), hashlib.sha256(), select.poll(), ast, len)),
)
# More than a function and those around it have parameters.
_PARAMETERS = 16
# Files in which all objects are ours or built in. What the others ask for may be asked of a bus, a
# pin, a network: nobody knows who else has a thing of that name.
_INSIDE = """
    app clock columns commands config frame health hours judge lattice main mqtt no_spool
    open_frame orders quality rangecoder rarely records resend ring sampler schema settings spool
    start tracker traffic uplink hal node scheduler
"""


class Names:
    """`short`: {name: short name}; a name has the same short one everywhere. `parameters`: theirs.

    Two names share one when they never meet: in a module, in a class and those it inherits from.
    """

    def __init__(self, files, kept: set[str]) -> None:
        nodes = [node for file in files for node in file.nodes]
        free = _unsaid(nodes, kept)
        self.parameters = free[:_PARAMETERS]
        kept = kept | _known_elsewhere(files)
        # Constants are numbers, and the compiler forgets them for the underscore in their names.
        bound = {file: _bound(file) - file.constants.keys() for file in files}
        anywhere = set().union(*bound.values())
        # A parameter gets a short name of its own, and may have that of a function.
        self._globals = anywhere - kept - {one.arg for one in nodes if isinstance(one, ast.arg)}
        families = _families(files)
        self._members = set().union(*families) - kept - (anywhere - self._globals)
        groups = [names & self._members for names in families]
        for file in files:
            used = {node.id for node in file.nodes if isinstance(node, ast.Name)}
            used -= file.constants.keys()
            # The compiler takes a member for the constant of its name.
            inside = {node.id for node in in_classes(file) if isinstance(node, ast.Name)}
            groups.append((used | bound[file]) & self._globals | inside & self._members)
        self.short = _colour(groups, free[_PARAMETERS:])

    def of(self, node: ast.AST, in_class: bool) -> str | None:
        """Return the name that a node has to be given, None: its own."""
        if isinstance(node, ast.Attribute):
            known, name = self._members | self._globals, node.attr
        elif isinstance(node, ast.Name):
            known, name = self._globals, node.id
        else:
            known, name = self._globals, node.name
        if in_class:
            known = self._members | self._globals
        return self.short.get(name) if name in known else None

    def of_global(self, name: str) -> str:
        """Return what a module's or a function's own name is called from now on."""
        return self.short[name] if name in self._globals else name


def _unsaid(nodes: list[ast.AST], kept: set[str]) -> list[str]:
    """Return short names of which no file says any: first those that cost nothing."""
    said = set(kept)
    for node in nodes:
        for _, value in ast.iter_fields(node):
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    said |= {text, *text.split(".")}
    letters = ascii_lowercase + ascii_uppercase
    more = ["_" + first + second for first in ["", *letters] for second in letters]
    return [name for name in KNOWN + more if name not in said]


def _colour(groups: list[set[str]], short: list[str]) -> dict[str, str]:
    """Return {name: one of `short`}, none twice in a group."""
    rivals = defaultdict(set)
    for group in groups:
        for name in group:
            rivals[name] |= group - {name}
    shared: dict[str, str] = {}
    for name in sorted(rivals, key=lambda name: (-len(rivals[name]), name)):
        used = {shared.get(rival) for rival in rivals[name]}
        shared[name] = next(one for one in short if one not in used)
    return shared


def in_classes(file) -> set[ast.AST]:
    """Return the nodes with which the bodies of a file's classes name their members."""
    found = set()
    for node in file.nodes:
        if isinstance(node, ast.ClassDef):
            found |= {
                one for one in _shallow(node.body) if isinstance(one, (*DEFINITIONS, ast.Name))
            }
    return found


def _shallow(body):
    """Yield what stands in a module, class or function, but not in its functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield from _shallow(ast.iter_child_nodes(node))


def bindings(body) -> set[str]:
    """Return the names that the statements of a module or a class bind."""
    inside = list(_shallow(body))
    names = {one.name for one in inside if isinstance(one, DEFINITIONS)}
    stored = [one for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
    return names | {one.id for one in stored}


def _bound(file) -> set[str]:
    """Return the names that a module binds, and the functions within its functions."""
    names = bindings(file.tree.body)
    for node in file.nodes:
        if isinstance(node, ast.Global):
            names |= set(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names |= {one.name for one in _shallow(node.body) if isinstance(one, DEFINITIONS)}
    return names


def _families(files) -> list[set[str]]:
    """Return the members of each class, together with those it inherits from or hands on."""
    families: list[tuple[set[str], set[str]]] = []
    for node in [node for file in files for node in file.nodes if isinstance(node, ast.ClassDef)]:
        classes = {node.name} | {ast.unparse(base).split(".")[-1] for base in node.bases}
        asked = [one for one in ast.walk(node) if isinstance(one, ast.Attribute)]
        names = bindings(node.body) | {one.attr for one in asked if _text(one.value) == "self"}
        for family in [one for one in families if one[0] & classes]:
            families.remove(family)
            classes |= family[0]
            names |= family[1]
        families.append((classes, names))
    return [names for _, names in families]


def _text(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _known_elsewhere(files) -> set[str]:
    """Return the names that somebody else knows, or that are there anyway."""
    kept = set().union(*map(dir, _BUILT_IN))
    ours = {file.module for file in files}
    for file in files:
        # Constants that others use are numbers by then.
        kept |= {name for name in file.constants if not name.startswith("_")}
        kept |= set(file.module.split("."))
        others = set()
        for node in file.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                # A key; or what `hasattr` asks for.
                kept.add(node.value)
            elif isinstance(node, DEFINITIONS) and node.name.startswith("__"):
                # The interpreter asks for these, of modules as well.
                kept.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                kept |= {alias.asname for alias in node.names if alias.asname}
                module = getattr(node, "module", None)
                if module not in ours:
                    others |= {
                        (one.asname or one.name).split(".")[0]
                        for one in node.names
                        if f"{module}.{one.name}" not in ours
                    }
            elif isinstance(node, ast.ExceptHandler) and node.name:
                kept.add(node.name)
        kept |= others | _asked_of(others, file)
        if file.module.split(".")[-1] not in _INSIDE.split():
            kept |= _asked_of_objects(file)
    return kept | _exceptions(files)


def _asked_of(names: set[str], file) -> set[str]:
    """Return the attributes that are asked of what has one of `names`, and of what is there."""
    asked = set()
    for node in file.nodes:
        root = node
        while isinstance(root, (ast.Attribute, ast.Call)):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        if isinstance(node, ast.Attribute) and _text(root) in names:
            asked.add(node.attr)
    return asked


def _asked_of_objects(file) -> set[str]:
    """Return the attributes that are asked of anything but `self` and modules of ours."""
    ours = file.aliases.keys() | {"self"}
    asked = [node for node in file.nodes if isinstance(node, ast.Attribute)]
    return {node.attr for node in asked if _text(node.value) not in ours}


def _exceptions(files) -> set[str]:
    """Return the classes of errors: their names are said to people."""
    found = {"BaseException", "Exception"}
    classes = [node for file in files for node in file.nodes if isinstance(node, ast.ClassDef)]
    for _ in classes:
        found |= {
            node.name
            for node in classes
            for base in map(_text, node.bases)
            if base in found or base.endswith("Error")
        }
    return found
