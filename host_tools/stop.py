"""Waiting for the end: Ctrl-C, or a SIGTERM."""

from __future__ import annotations

import signal
import threading


def wait() -> None:
    """Return when the process is told to end, either way; call it from the main thread."""
    stopped = threading.Event()
    ends = (signal.SIGINT, signal.SIGTERM)
    before = {one: signal.signal(one, lambda *_: stopped.set()) for one in ends}
    try:
        stopped.wait()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
