"""Tracebacks of the device, said in terms of the sources: bundled files have others' lines."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from host_tools.bundle import bundles

_FRAME = re.compile(r'File "([\w.]+)", line (\d+), in (\S+)')


def in_sources(text: str, files: dict[str, Path]) -> str:
    """Return what a device printed, its lines and names those of `files`, {path there: source}.

    What cannot be found stays as it is.
    """
    return _FRAME.sub(lambda found: _said(found, files), text)


def _said(found: re.Match, files: dict[str, Path]) -> str:
    into = found[1].replace(".", "/") + ".py"
    line = int(found[2])
    for name in bundles(files).get(into, [into]):
        if name not in files:
            break
        source = files[name].read_text()
        count = len(source.splitlines())
        if line <= count:
            return f'File "{name}", line {line}, in {_function(source, line) or found[3]}'
        line -= count
    return found[0]


def _function(source: str, line: int) -> str | None:
    """Return the name of the innermost function around a line."""
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.lineno <= line <= node.end_lineno
    ]
    return max(around, key=lambda node: node.lineno).name if around else None
