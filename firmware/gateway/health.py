"""What the node knows of itself: the crash before, boot loops, proof of progress."""

import gc
import json

from micropython import const

_TEXT_MOST = const(100)
# After so many boots in a row that got nothing done, the node only connects, reports and obeys.
FUTILE_BOOTS_MOST = const(5)
_REASONS_MOST = const(8)
_PIECE_CHARACTERS = const(128)
# A frame closes every 15 minutes, and takes a while.
STALLED_AFTER_MS = const(20 * 60 * 1000)
# A broker may be away for long, and a reset does not bring it back: four times a day is enough.
_UNHEARD_MOST_MS = const(6 * 3600 * 1000)
# Well within the watchdog's two minutes.
_LOOK_MS = const(10 * 1000)
# So old is the uptime that the next boot finds, at most.
_KEEP_EVERY_MS = const(60 * 1000)
# Memory that survives a reset takes 256 bytes.
_CRUMB_MOST = const(256)


class Health:
    """Counters, the last crash, and whether the watchdog may be fed."""

    def __init__(self, hal, clock, boot):
        self._hal = hal
        self._clock = clock
        self.boot = boot
        crumb = _load(hal)
        self.boots = crumb.get("boots", 0) + 1
        self.futile = crumb.get("futile", 0) + 1
        self.last_error = crumb.get("error", "")
        self.last_uptime_s = crumb.get("uptime_s", 0)
        self.reset_cause = hal.reset_cause()
        self.safe_mode = self.futile > FUTILE_BOOTS_MOST
        self.reasons = []
        self.stalled = ""
        self._saved_at = self._kept_at = self._heard_at = clock.uptime_ms()
        self._committed = self._kept = self._heard = None
        self._save()

    def say(self, reason):
        """Remember why something does not work, newest last; a repeated reason is kept once."""
        if reason in self.reasons:
            self.reasons.remove(reason)
        self.reasons.append(reason)
        if len(self.reasons) > _REASONS_MOST:
            del self.reasons[0]

    def step(self, committed, kept, heard=None, patience_ms=STALLED_AFTER_MS):
        """Feed the watchdog while there is progress; return ms to wait.

        `committed`: commits; the first one of a boot proves it worth while, and so does a message
        that comes back. `kept`: frames in flash, which must change within `patience_ms`; `heard`:
        when a message came back last (None without a network), which must change in six hours.
        `stalled` says what did not.
        """
        now = self._clock.uptime_ms()
        if committed != self._committed or (heard and heard != self._heard):
            if self._committed is not None and self.futile:
                self.futile = 0
                self._save()
            self._committed = committed
        if kept != self._kept:
            self._kept = kept
            self._kept_at = now
        if heard is None or heard != self._heard:
            self._heard = heard
            self._heard_at = now
        self.stalled = ""
        if now - self._kept_at >= patience_ms:
            self.stalled = "no frame closed for %d s" % (patience_ms // 1000)
        elif now - self._heard_at >= _UNHEARD_MOST_MS:
            self.stalled = "nothing came back for %d s" % (_UNHEARD_MOST_MS // 1000)
        # In safe mode there is no progress to be had, and a reset would change nothing.
        if self.safe_mode or not self.stalled:
            self._hal.feed()
            if now - self._saved_at >= _KEEP_EVERY_MS:
                self._save()
        return _LOOK_MS

    def report(self, more=()):
        """Return the health message as JSON, a list of bytes: what is known here, and `more`,
        pairs of a name and a value. Each is told before the next is made: for all at once, or
        for a long message in one piece, a small heap has no place.
        """
        pieces = []
        text = ""
        before = "{"
        for facts in (self._facts(), more):
            for name, value in facts:
                text = _tell(value, text + before + json.dumps(name) + ": ", pieces)
                before = ", "
        pieces.append((text + "}").encode())
        return pieces

    def _facts(self):
        yield "boot", self.boot
        yield "boots", self.boots
        yield "uptime_s", self._clock.uptime_ms() // 1000
        yield "reset", self.reset_cause
        yield "last_error", self.last_error
        yield "last_uptime_s", self.last_uptime_s
        yield "safe_mode", self.safe_mode
        yield "reasons", self.reasons
        yield "clock", self._clock.source
        yield "clock_steps", self._clock.steps
        yield "clock_refused", self._clock.refused
        yield "free_heap", gc.mem_free() if hasattr(gc, "mem_free") else None

    def _save(self):
        self._saved_at = self._clock.uptime_ms()
        crumb = {
            "boots": self.boots,
            "futile": self.futile,
            "uptime_s": self._saved_at // 1000,
        }
        self._hal.crumb.save(json.dumps(crumb).encode())


def leave_word(hal, error):
    """Leave `error` where the next boot finds it; the cause of the crash must not crash this."""
    crumb = _load(hal)
    text = ("%s: %s" % (type(error).__name__, error))[:_TEXT_MOST]
    content = b""
    while not content or len(content) > _CRUMB_MOST:
        crumb["error"] = text
        content = json.dumps(crumb).encode()
        # A quote or a letter of another alphabet takes several bytes; half a crumb is none.
        text = text[: len(text) // 2]
    hal.crumb.save(content)


def _tell(value, text, pieces):
    """Return `text` with the JSON of `value` behind it, without what has gone to `pieces`.

    A function stands for what it returns: all of that need not be there at once.
    """
    if callable(value):
        value = value()
    if isinstance(value, (dict, list, tuple)) and value:
        keyed = isinstance(value, dict)
        before = "{" if keyed else "["
        for one in value:
            text += before
            before = ", "
            if keyed:
                text += json.dumps(one) + ": "
            text = _tell(value[one] if keyed else one, text, pieces)
        text += "}" if keyed else "]"
    else:
        text += json.dumps(value)
    if len(text) > _PIECE_CHARACTERS:
        pieces.append(text.encode())
        text = ""
    return text


def _load(hal):
    """Return the breadcrumb of the boot before; after a power cut there is none, or noise."""
    try:
        crumb = json.loads(hal.crumb.load())
    except ValueError:
        return {}
    return crumb if isinstance(crumb, dict) else {}
