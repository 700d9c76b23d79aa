"""Averages over whole intervals, with how many values they are of and how many there should be.

A value counts when it is there and nothing is flagged. An interval holds what comes after its
beginning up to its end, for a row of a radar or a counter describes the time before it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from host_tools.ingest.readings import Column, Row, Selection

DAY_MS = 86_400_000
EXPECTED = Column("expected", "")
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}
# Of percentiles no other one can be made.
_PERCENTILE = re.compile(r"(^|_)(p|la?)\d\d(_|@|$)")
# A mean weighs as much as what it is the mean of: speed_mean_leaving as vehicles_leaving does.
_WEIGHTS = (("speed_mean", "vehicles"), ("headway_mean", "vehicles"))


def parse(text: str) -> int:
    """Return ms of 10s, 15m, 1h, 1d; `ValueError` for what is none or does not divide a day."""
    found = re.fullmatch(r"([1-9]\d{0,4})([smhd])", text)
    span_ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
    if not span_ms or DAY_MS % span_ms:
        raise ValueError(text)
    return span_ms


def shifted(selection: Selection) -> Selection:
    """Return the rows that make up the intervals from `from_ms` until `until_ms`."""
    first, end = selection.from_ms, selection.until_ms
    return replace(
        selection,
        from_ms=None if first is None else first + 1,
        until_ms=None if end is None else end + 1,
    )


def columns(raw: list[Column]) -> list[Column]:
    """Return the columns of averages: of each channel its mean and the count of its values."""
    pairs = [(column, _valid(column)) for column in raw if not _PERCENTILE.search(column.name)]
    return [column for pair in pairs for column in pair] + [EXPECTED]


def averaged(rows: Iterator[Row], every_ms: int) -> Iterator[Row]:
    """Yield a row an interval that has any, its time the interval's beginning.

    Rows whose time is not known are left out. Flags are those that any row of the interval had.
    """
    dated = (row for row in rows if row.time_ms is not None)
    for (node, stream, number), group in groupby(dated, key=lambda row: _interval(row, every_ms)):
        yield _average(node, stream, number * every_ms, list(group), every_ms)


def _interval(row: Row, every_ms: int) -> tuple[str, str, int]:
    return row.node, row.stream, (row.time_ms - 1) // every_ms


def _average(node: str, stream: str, begin_ms: int, rows: list[Row], every_ms: int) -> Row:
    values: dict[Column, str] = {}
    marks: dict[Column, list[str]] = {}
    for column in dict.fromkeys(column for row in rows for column in (*row.values, *row.flags)):
        if _PERCENTILE.search(column.name):
            continue
        seen = [mark for row in rows for mark in row.flags.get(column, ())]
        if seen:
            marks[column] = list(dict.fromkeys(seen))
        good = [row for row in rows if column in row.values and column not in row.flags]
        if good:
            values[column] = _mean(column, good)
        values[_valid(column)] = str(len(good))
    # A period that was changed within the interval holds for all of it.
    values[EXPECTED] = str(max(1, every_ms // rows[-1].period_ms))
    return Row(node, stream, begin_ms, None, rows[-1].boot, rows[-1].period_ms, values, marks)


def _valid(column: Column) -> Column:
    return Column(f"{column.name} valid", "")


def _mean(column: Column, rows: list[Row]) -> str:
    """Return the mean of a channel in the way of its unit, with one decimal more."""
    texts = [row.values[column] for row in rows]
    numbers = [Decimal(text) for text in texts]
    name = column.name.partition("@")[0]
    if name.endswith("_total"):
        return texts[-1]
    if name.endswith("max"):
        return texts[numbers.index(max(numbers))]
    if column.unit.startswith("dB"):
        mean = _of_levels(numbers)
    elif column.unit == "deg":
        mean = _of_directions(numbers)
    else:
        weights = _weights(name, rows)
        mean = sum(n * w for n, w in zip(numbers, weights, strict=True)) / sum(weights)
    exponent = min(number.as_tuple().exponent for number in numbers) - 1
    return f"{Decimal(mean).quantize(Decimal(1).scaleb(exponent)):f}"


def _weights(name: str, rows: list[Row]) -> list[Decimal]:
    """Return how much each row's value counts in the mean."""
    for mean, counted in _WEIGHTS:
        if mean in name:
            of = name.replace(mean, counted)
            named = [{column.name: text for column, text in row.values.items()} for row in rows]
            weights = [Decimal(one.get(of, 0)) for one in named]
            if all(weight > 0 for weight in weights):
                return weights
    return [Decimal(1)] * len(rows)


def _of_levels(levels: Iterable[Decimal]) -> float:
    """Return the level of the mean energy."""
    powers = [10 ** (float(level) / 10) for level in levels]
    return 10 * math.log10(sum(powers) / len(powers))


def _of_directions(angles: Iterable[Decimal]) -> float:
    """Return the direction of the mean vector, 0 to 360."""
    turns = [math.radians(float(angle)) for angle in angles]
    mean = math.degrees(math.atan2(sum(map(math.sin, turns)), sum(map(math.cos, turns))))
    return mean % 360
