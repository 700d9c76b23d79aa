"""Fewer texts in the heap of a device: what is said of a failure stands aside until it fails.

In the file that is always loaded, each text of a `raise` becomes a call that fetches it from a file
of its own, which is loaded for a moment. The sources stay as they are.
"""

from __future__ import annotations

import ast

from host_tools.edits import File

OF = "gateway/app.py"
INTO = "gateway/texts.py"
# In gateway/rarely.py.
_CALL = "text_put_aside"
# Shorter ones are names of the interpreter's, which cost less.
_LEAST = 11


def put_aside(texts: dict[str, str]) -> dict[str, str]:
    """Return the files of a device, {name: source}, the texts of OF in INTO, if both are there."""
    if OF not in texts or INTO not in texts or f"def {_CALL}(" not in texts[OF]:
        return texts
    file = File(OF, texts[OF])
    aside = b""
    for node in file.nodes:
        for text in _texts(node):
            said = text.value.encode()
            start = aside.find(said)
            if start < 0:
                start = len(aside)
                aside += said
            file.rewrite(text, f"{_CALL}({start}, {len(said)})")
    return {**texts, OF: file.made(), INTO: f"ALL = {aside!r}\n"}


def _texts(node: ast.AST) -> list[ast.Constant]:
    """Return the text with which an error is raised, as it is or with a % behind it."""
    if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
        return []
    first = [one.left if isinstance(one, ast.BinOp) else one for one in node.exc.args]
    constants = [one for one in first if isinstance(one, ast.Constant)]
    return [
        one for one in constants if isinstance(one.value, str) and len(one.value.encode()) >= _LEAST
    ]
