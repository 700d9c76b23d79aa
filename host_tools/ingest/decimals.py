"""Scaled integers as exact decimal text; no float carries a value."""

from __future__ import annotations

from typing import NamedTuple

PLACES_MOST = 9


class Decimals(NamedTuple):
    """How an integer becomes text: multiplied by `factor`, it has `places` decimals."""

    places: int
    factor: int

    def text(self, value: int) -> str:
        """Return `value / scale`, always with the same number of decimals."""
        if not self.places:
            return str(value)
        digits = f"{abs(value) * self.factor:0{self.places + 1}d}"
        sign = "-" if value < 0 else ""
        return f"{sign}{digits[: -self.places]}.{digits[-self.places :]}"


def of(scale: int) -> Decimals:
    """Return how integers of `scale` are written; `ValueError` when decimals cannot do it."""
    if scale >= 1:
        for places in range(PLACES_MOST + 1):
            if 10**places % scale == 0:
                return Decimals(places, 10**places // scale)
    raise ValueError(f"scale {scale} has no exact decimals")
