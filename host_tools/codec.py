"""Frames and bytes: compiled where `kista[fast]` is installed, else by the device's own code."""

from __future__ import annotations

from collections.abc import Sequence

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame

try:
    from host_tools.bulk import frames as bulk
except ImportError:
    bulk = None


class Broken(ValueError):
    """Bytes that are no frame. index: of the first such among those handed in."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


def encode(frames: Sequence[frame.Frame]) -> list[bytes]:
    """Return the bytes of each frame; ValueError beyond a frame's limits."""
    return bulk.encode(frames) if bulk else [frame.encode(one) for one in frames]


def decode(frames: Sequence[bytes]) -> list[frame.Frame]:
    """Return the frames in `frames`; `Broken` when one is none."""
    if bulk:
        try:
            return bulk.to_frames(frames)
        except ValueError:
            pass
    decoded = []
    for index, data in enumerate(frames):
        try:
            decoded.append(frame.decode(data))
        except ValueError as error:
            raise Broken(index, str(error)) from None
    return decoded
