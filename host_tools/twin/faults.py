"""Sensors and a time server that misbehave now and then, as a seed determines."""

from __future__ import annotations

import random
from typing import Any

# So long a sensor keeps a mood.
MOOD_MS = 10 * 60 * 1000
MOODS = ("well",) * 12 + ("silent", "babbling", "unplugged")


class Unruly:
    """A sensor's model that is, for ten minutes at a time, silent, babbling or unplugged."""

    def __init__(self, model: Any, seed: int) -> None:
        self._model = model
        self._seed = seed
        self._slot = -1
        self._mood = "well"
        self._chance = random.Random(seed)
        self.address = getattr(model, "address", None)

    def _is(self, now_ms: int) -> str:
        slot = now_ms // MOOD_MS
        if slot != self._slot:
            self._slot = slot
            self._mood = random.Random(self._seed * 1_000_003 + slot).choice(MOODS)
        return self._mood

    def write(self, data: bytes, now_ms: int) -> None:
        mood = self._is(now_ms)
        if self.address is not None and mood == "unplugged":
            raise OSError(19)
        if mood != "unplugged":
            self._model.write(data, now_ms)

    def pending(self, now_ms: int) -> bytes:
        """Return what a sensor on a serial line has said."""
        data = self._model.pending(now_ms)
        mood = self._is(now_ms)
        if mood == "babbling":
            return self._spoil(data) + self._chance.randbytes(self._chance.randrange(4))
        return data if mood == "well" else b""

    def read_mem(self, register: int, size: int, now_ms: int) -> bytes:
        return self._answer(self._model.read_mem(register, size, now_ms), now_ms)

    def read(self, size: int, now_ms: int) -> bytes:
        return self._answer(self._model.read(size, now_ms), now_ms)

    def write_mem(self, register: int, data: bytes, now_ms: int) -> None:
        if self._is(now_ms) in ("unplugged", "silent"):
            raise OSError(19)
        self._model.write_mem(register, data, now_ms)

    def _answer(self, data: bytes, now_ms: int) -> bytes:
        mood = self._is(now_ms)
        if mood in ("unplugged", "silent"):
            raise OSError(19)
        return self._spoil(data) if mood == "babbling" else data

    def _spoil(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        if spoilt:
            spoilt[self._chance.randrange(len(spoilt))] ^= 1 << self._chance.randrange(8)
        return bytes(spoilt)
