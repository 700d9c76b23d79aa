"""Frames that were asked for again, by sequence or by time. A request survives a reset."""

import json

from micropython import const

from gateway import frame

KEY = "resend"
_REQUESTS_MOST = const(8)
_LOOK_MS = const(10)
# So many are found and not sent yet: looking for more waits so long.
_FOUND_MOST = const(8)
_FULL_MS = const(100)
_IDLE_MS = const(2000)
_SECONDS_MOST = 1 << 36


class Resend:
    """`spool`: its frames are still there until they are overwritten. `store`: for the requests.

    A request is (first, last, from, to): sequence numbers, and unix seconds or None. It is kept
    until its last frame is acknowledged, and begun again after a reset: a frame that comes twice
    changes nothing.
    """

    def __init__(self, spool, store):
        self._spool = spool
        self._store = store
        self._requests = self._load()
        self._found = []
        self._flying = {}
        self._at = None

    def ask(self, arguments):
        """Take a request, {first, last} or {from, to}; return how many frames it concerns.

        ValueError when it makes no sense, or when too many wait.
        """
        if len(self._requests) >= _REQUESTS_MOST:
            raise ValueError("%d requests wait already" % _REQUESTS_MOST)
        start, end = self._spool.kept()
        if "from" in arguments or "to" in arguments:
            times = _pair(arguments, "from", "to", "unix times in seconds")
            request = (start, end - 1) + times
        else:
            first, last = _pair(arguments, "first", "last", "sequence numbers of frames")
            request = (max(first, start), min(last, end - 1), None, None)
        count = request[1] - request[0] + 1
        if count <= 0:
            return 0
        self._requests.append(request)
        self._save()
        return count

    def idle(self):
        """Return whether nothing is asked for any more."""
        return not self._requests

    def step(self):
        """Look at one frame; return ms until the next call."""
        if not self._requests:
            return _IDLE_MS
        if len(self._found) >= _FOUND_MOST:
            return _FULL_MS
        first, last, since, until = self._requests[0]
        if self._at is None:
            self._at = first
        if self._at > last:
            if not self._found and not self._flying:
                del self._requests[0]
                self._at = None
                self._save()
            return _IDLE_MS
        seq = self._at
        self._at += 1
        data = self._spool.get(seq)
        if data is not None and (since is None or self._is_within(data, since, until)):
            self._found.append(seq)
        return _LOOK_MS

    def next(self):
        """Return (seq, bytes) of the next frame to be sent again, or None."""
        while self._found:
            seq = self._found.pop(0)
            data = self._spool.get(seq)
            if data is not None:
                self._flying[seq] = True
                return seq, data
        return None

    def ended(self, seq):
        """A frame is delivered, or has given way."""
        self._flying.pop(seq, None)

    def _is_within(self, data, since, until):
        """Return whether a frame has rows of that time; one whose time is not known may have."""
        one = frame.peek(data)
        if not one.quality:
            return True
        # Whole seconds: smaller numbers, and the row at the very end is wanted too.
        return min(one.times) // 1000 <= until and max(one.times) // 1000 >= since

    def _load(self):
        """Return the requests of the boot before; a store that holds something else has none."""
        try:
            found = [tuple(one) for one in json.loads(self._store.get(KEY) or b"[]")]
            return [one for one in found if len(one) == 4 and 0 <= one[0] <= one[1]]
        except (ValueError, TypeError):
            return []

    def _save(self):
        self._store.set(KEY, json.dumps(self._requests).encode())


def _pair(arguments, first, last, what):
    low, high = arguments.get(first), arguments.get(last)
    for one in (low, high):
        if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one <= _SECONDS_MOST:
            low = None
    if low is None or low > high:
        raise ValueError("needs %s and %s, %s" % (first, last, what))
    return low, high
