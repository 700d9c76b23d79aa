"""A time server beyond the simulated network, answering with the simulated time (RFC 5905)."""

from __future__ import annotations

import random
import struct

_DELAY_MS = 40
_UNIX_S = 2208988800


class TimeServer:
    """`outages`: [(from, to), …] in simulated unix ms, in which nobody gets through.

    `seed`, if it is one that misbehaves: every other answer is a wrong one.
    """

    def __init__(self, outages: list, seed: int | None = None) -> None:
        self._outages = outages
        self._random = None if seed is None else random.Random(seed)
        self._reply = b""
        self._due_ms = 0

    def ask(self, request: bytes, now_ms: int) -> None:
        """Take a question; there is one at a time."""
        self._reply = b""
        if any(start <= now_ms < end for start, end in self._outages):
            return
        self._due_ms = now_ms + _DELAY_MS
        seconds, ms = divmod(now_ms + _DELAY_MS // 2, 1000)
        stamp = struct.pack(">II", seconds + _UNIX_S & 0xFFFFFFFF, (ms << 32) // 1000)
        head = b"\x24\x02\x06\xec" + bytes(8) + b"TWIN"
        self._reply = head + stamp + request[40:48] + stamp + stamp
        if self._random is not None:
            self._reply = self._spoiled(self._random.randrange(256))

    def told(self, now_ms: int) -> bytes:
        """Return the answer once, b"" while there is none."""
        if now_ms < self._due_ms:
            return b""
        reply, self._reply = self._reply, b""
        return reply

    def _spoiled(self, kind: int) -> bytes:
        """Return a reply that must be refused, or the good one."""
        good = self._reply
        if kind < 128:
            return good
        if kind < 150:
            # Kiss of death.
            return b"\xe4\x00" + good[2:]
        if kind < 170:
            return good[:1] + b"\x10" + good[2:]
        if kind < 190:
            return good[:24] + bytes(8) + good[32:]
        if kind < 210:
            return good[:40] + bytes(8)
        return good[: kind - 208]
