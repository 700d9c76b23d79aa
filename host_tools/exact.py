"""Times and numbers as a CSV writes them, in whole numbers: nothing is ever rounded."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS = timedelta(milliseconds=1)
_TIME_DECIMALS = 3
_TIME_MOST_MS = 1 << 48
# Seconds in so many digits are below the limit.
_PLAIN_DIGITS = 11
_SECONDS = re.compile("[0-5][0-9]Z?$", re.ASCII)
# The usual context keeps 28 digits and rounds away the others without a word.
_EXACT = Context(prec=200, Emin=-999999, Emax=999999, traps=[InvalidOperation, Inexact, Overflow])


@dataclass
class TimeStyle:
    """How a CSV writes times: unix seconds, or ISO 8601 with this separator and zone."""

    name: str
    unix: bool = True
    decimals: int = 0
    separator: str = "T"
    zone: str = ""

    def write(self, unix_ms: int) -> str:
        """Return a time in this style."""
        if self.unix:
            return write_number(unix_ms // 10 ** (_TIME_DECIMALS - self.decimals), self.decimals)
        offset = timedelta(0)
        if self.zone not in ("", "Z"):
            offset = datetime.fromisoformat(f"2000-01-01T00:00:00{self.zone}").utcoffset()
        # Without a zone: the local time may be a year 1 that is none in UTC.
        when = (_EPOCH.replace(tzinfo=None) + offset) + unix_ms * _MS
        text = when.strftime(f"%Y-%m-%d{self.separator}%H:%M:%S")
        # strftime writes years before 1000 with fewer digits.
        text = text.rjust(19, "0")
        if self.decimals:
            text += f".{unix_ms % 1000:03d}"[: 1 + self.decimals]
        return text + self.zone


def parse_time(text: str) -> tuple[bool, int, int, str, str]:
    """Return (unix seconds?, unix ms, decimals, separator, zone); ValueError, ArithmeticError."""
    if len(text) <= _PLAIN_DIGITS and text.isascii() and text.isdigit():
        return True, int(text) * 1000, 0, "", ""
    try:
        seconds = exact(text)
    except InvalidOperation:
        pass
    else:
        decimals = decimals_of(seconds)
        if decimals > _TIME_DECIMALS or abs(seconds) >= _TIME_MOST_MS // 1000:
            raise ValueError(text)
        return True, scaled(seconds, 1000), decimals, "", ""
    if text[13:14] == text[16:17] == ":" and _SECONDS.match(text, 17):
        # Where the seconds are whole, most rows lie in a minute that was read before.
        _, unix_ms, *style = _parse_iso(f"{text[:17]}00{text[19:]}")
        return False, unix_ms + int(text[17:19]) * 1000, *style
    return _parse_iso(text)


def are_plain_seconds(texts: Sequence[str]) -> bool:
    """Are they all unix seconds, in digits only, none beyond the year 2286?"""
    digits = "".join(texts)
    return (
        digits.isascii()
        and digits.isdigit()
        and max(map(len, texts)) < _PLAIN_DIGITS
        and min(map(len, texts)) > 0
    )


@functools.lru_cache(maxsize=64)
def _parse_iso(text: str) -> tuple[bool, int, int, str, str]:
    when = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    # Newer Pythons cut what is finer than a microsecond off.
    if when.microsecond % 1000 or re.search(r"[.,]\d{3}\d*[1-9]", text):
        raise ValueError(text)
    zone = "Z" if text.endswith("Z") else ""
    if when.tzinfo is not None and not zone:
        if when.utcoffset() % timedelta(minutes=1):
            raise ValueError(text)
        zone = when.isoformat()[-6:]
    since = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)) - _EPOCH
    return (
        False,
        since // _MS,
        3 if when.microsecond else 0,
        " " if text[10:11] == " " else "T",
        zone,
    )


def exact(text: str) -> Decimal:
    """Return the number without zeros at its end; `InvalidOperation` for what is none.

    Another ArithmeticError means that it has more digits than anybody measures.
    """
    value = Decimal(text)
    if not value.is_finite():
        raise InvalidOperation(text)
    return value.normalize(_EXACT)


def decimals_of(value: Decimal) -> int:
    """Return how many decimals a number without zeros at its end has."""
    return max(0, -value.as_tuple().exponent)


def scaled(value: Decimal, factor: int) -> int:
    """Return value × factor exactly, whatever the context's precision is."""
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits))) * factor
    number = number * 10**exponent if exponent >= 0 else number // 10**-exponent
    return -number if sign else number


def write_number(value: int, decimals: int) -> str:
    """Return `value` / 10^`decimals` in digits."""
    if not decimals:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"
