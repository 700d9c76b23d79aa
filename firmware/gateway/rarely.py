"""What is needed rarely is loaded when it is, and gives its memory back."""

import gc
import sys

import gateway


def forget(*names):
    """Unload modules of the gateway's; what still holds something of theirs keeps that."""
    for name in names:
        if sys.modules.pop("gateway." + name, None) is not None:
            delattr(gateway, name)
    gc.collect()
