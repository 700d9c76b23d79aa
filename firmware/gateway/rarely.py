"""What is needed rarely is loaded when it is, and gives its memory back."""

import gc
import sys


def forget(*names):
    """Unload modules of the gateway's; what still holds something of theirs keeps that."""
    for name in names:
        if sys.modules.pop("gateway." + name, None) is not None:
            delattr(sys.modules["gateway"], name)
    gc.collect()


def text_put_aside(start, size):
    """Return what a build has put there of a text that is needed rarely."""
    from gateway import texts

    found = texts.ALL[start : start + size].decode()
    forget("texts")
    return found
