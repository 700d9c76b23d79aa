"""Corrections of readings: each makes a channel of its own that bears its id; the raw one stays.

A TOML file lists them; docs/ingest.md explains it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path

from gateway import checks
from host_tools import site
from host_tools.errors import UserError
from host_tools.ingest.readings import Column, Row, parse_time

HOUR_MS = 3_600_000
# Beyond it a droplet grows faster than any humidity sensor is accurate.
HUMIDITY_MOST = Decimal(95)
_DENSITY_OF_DUST = "1.65"


@dataclass(frozen=True)
class Kind:
    """One way to correct. work: (value, %RH, the file's numbers) -> value.

    numbers: {name: (least, most, what holds unless said, None: it must be said)}. channel: how
    its name must end. every_ms: made of averages over so much at least, 0: of readings. sensors:
    those for which alone it was found, of which the file must name one.
    """

    work: Callable[[Decimal, Decimal, dict[str, Decimal]], Decimal]
    numbers: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)
    unit: str | None = None
    channel: str = ""
    by_humidity: bool = True
    every_ms: int = 0
    sensors: tuple[str, ...] = ()


def _kappa_koehler(value: Decimal, humidity: Decimal, numbers: dict[str, Decimal]) -> Decimal:
    """Take the water out of optical PM: Crilley et al. 2018, doi.org/10.5194/amt-11-709-2018."""
    activity = min(max(humidity, Decimal(0)), HUMIDITY_MOST) / 100
    growth = 1 + numbers["kappa"] / numbers["density"] * activity / (1 - activity)
    return value / growth


def _linear(value: Decimal, humidity: Decimal, numbers: dict[str, Decimal]) -> Decimal:
    return numbers["slope"] * value + numbers["offset"]


def _epa_2021(value: Decimal, humidity: Decimal, numbers: dict[str, Decimal]) -> Decimal:
    """Correct a PMS5003's PM2.5 (CF=1): Barkjohn et al. 2021, doi.org/10.5194/amt-14-4617-2021."""
    return Decimal("0.524") * value - Decimal("0.0862") * humidity + Decimal("5.75")


KINDS = {
    "kappa-koehler": Kind(
        _kappa_koehler,
        {"kappa": ("0.01", "1.5", None), "density": ("0.5", "5", _DENSITY_OF_DUST)},
        unit="ug/m3",
    ),
    "linear": Kind(
        _linear,
        {"slope": ("0.01", "100", None), "offset": ("-1000000", "1000000", "0")},
        by_humidity=False,
    ),
    # Only Plantower's sensors give a value for "standard" particles beside that for the air, and
    # of those these have the PMS5003's optics. A reading does not say which one it is from.
    "epa-2021": Kind(
        _epa_2021,
        unit="ug/m3",
        channel="pm2_5_standard",
        every_ms=HOUR_MS,
        sensors=("pms5003", "pms7003", "pmsa003i"),
    ),
}
_KEYS = ("id", "kind", "node", "stream", "channel", "humidity", "from", "until")


@dataclass(frozen=True)
class Correction:
    """One entry of the file; None for node and stream stands for all. Times are unix ms."""

    ident: str
    kind: Kind
    channel: str
    humidity: str
    numbers: dict[str, Decimal]
    node: str | None = None
    stream: str | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    def made_of(self, column: Column) -> Column | None:
        """Return the column that this makes of another one, or None."""
        fits = self.kind.unit in (None, column.unit)
        if column.name != self.channel or not fits:
            return None
        return Column(f"{column.name}@{self.ident}", column.unit)

    def concerns(self, row: Row) -> bool:
        return self.node in (None, row.node) and self.stream in (None, row.stream)


def read(path: Path) -> list[Correction]:
    """Return the corrections in a file; `UserError` names the entry and the key that is wrong."""
    told = site.read(path)
    found: list[Correction] = []
    try:
        checks.keys(told, "file", ("correction",))
        entries = told.get("correction")
        if not isinstance(entries, list) or not entries:
            raise checks.ConfigError("file: needs [[correction]], once or more")
        for number, entry in enumerate(entries):
            found.append(_correction(entry, f"correction[{number}]"))
            if found[-1].ident in [one.ident for one in found[:-1]]:
                raise checks.ConfigError(f"correction[{number}].id: is there twice")
    except checks.ConfigError as error:
        raise UserError(f"{path}: {error}") from None
    return found


def _correction(entry: dict, where: str) -> Correction:
    if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
        raise checks.ConfigError(f"{where}.kind: needs one of {', '.join(KINDS)}")
    kind = KINDS[entry["kind"]]
    checks.keys(entry, where, (*_KEYS, *kind.numbers, *(["sensor"] if kind.sensors else [])))
    checks.check_name(entry, "id", f"{where}.id")
    for key in ("node", "stream", "channel", "humidity"):
        checks.text(entry, key, where, 1, 100)
    channel = entry.get("channel", "")
    if not channel or not channel.endswith(kind.channel):
        ending = f", one that ends with {kind.channel}" if kind.channel else ""
        raise checks.ConfigError(f"{where}.channel: needs a channel's name{ending}")
    if kind.sensors and entry.get("sensor") not in kind.sensors:
        # What was found with one make of optics is not true of another.
        raise checks.ConfigError(f"{where}.sensor: needs one of {', '.join(kind.sensors)}")
    if not kind.by_humidity and ("until" not in entry or "node" not in entry):
        # What one sensor showed beside a reference is true of that sensor, and not for ever.
        raise checks.ConfigError(f"{where}: needs node and until")
    span = [_moment(entry, key, where) for key in ("from", "until")]
    if None not in span and span[0] >= span[1]:
        raise checks.ConfigError(f"{where}.until: is not after from")
    return Correction(
        entry["id"],
        kind,
        channel,
        entry.get("humidity", "humidity"),
        {name: _number(entry, name, where, *about) for name, about in kind.numbers.items()},
        entry.get("node"),
        entry.get("stream"),
        *span,
    )


def _number(entry: dict, key: str, where: str, least: str, most: str, usual: str | None) -> Decimal:
    value = entry.get(key, None if usual is None else Decimal(usual))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        exact = Decimal(str(value))
        if exact.is_finite() and Decimal(least) <= exact <= Decimal(most):
            return exact
    raise checks.ConfigError(f"{where}.{key}: needs a number from {least} to {most}")


def _moment(entry: dict, key: str, where: str) -> int | None:
    value = entry.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), timezone.utc)
    try:
        return None if value is None else parse_time(str(value))
    except (ValueError, OverflowError):
        raise checks.ConfigError(f"{where}.{key}: needs a date such as 2026-11-01") from None


class Corrector:
    """Adds the columns of some corrections to rows: first `each` to readings, then `mean`."""

    def __init__(
        self,
        corrections: Iterable[Correction],
        columns: list[Column],
        known: Iterable[Column],
        every_ms: int | None,
    ) -> None:
        """columns: of the rows. known: all that there are, so that an unknown one is a mistake."""
        self.columns = list(columns)
        self._steps: list[tuple[Correction, Column, Column]] = []
        names = {column.name for column in known}
        ends = set()
        for one in corrections:
            if one.kind.every_ms and (every_ms or 0) < one.kind.every_ms:
                raise UserError(f"correction {one.ident!r} is for averages: add --every 1h")
            if one.channel not in names:
                raise UserError(f"correction {one.ident!r}: there is no channel {one.channel!r}")
            if one.channel in ends:
                raise UserError(
                    f"correction {one.ident!r}: {one.channel!r} is the last of its kind"
                )
            names.add(f"{one.channel}@{one.ident}")
            if one.kind.every_ms:
                ends.add(f"{one.channel}@{one.ident}")
            for column in list(self.columns):
                made = one.made_of(column)
                if made:
                    self.columns.append(made)
                    self._steps.append((one, column, made))

    def each(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield rows with what is made of readings, and what a correction of means is made of."""
        for row in rows:
            steps = [step for step in self._steps if step[0].concerns(row)]
            yield _corrected(row, steps) if steps else row

    def mean(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield averages with those corrected that only averages can be."""
        steps = [step for step in self._steps if step[0].kind.every_ms]
        for row in rows:
            values = dict(row.values)
            for one, _, made in steps:
                # Flags of an average say what was left out of it.
                humidity = _humidity(one, replace(row, flags={}))
                value = values.pop(made, None)
                if value is not None and humidity is not None:
                    values[made] = _rounded(one, value, humidity)
            yield replace(row, values=values)


def _corrected(row: Row, steps: list[tuple[Correction, Column, Column]]) -> Row:
    row = replace(row, values=dict(row.values), flags=dict(row.flags))
    for one, raw, made in steps:
        value = row.values.get(raw)
        if value is None or not _has_begun(one, row):
            continue
        marks = list(row.flags.get(raw, []))
        humidity = _humidity(one, row)
        if one.until_ms is not None and row.time_ms >= one.until_ms:
            value, marks = None, ["expired"]
        elif one.kind.by_humidity and humidity is None:
            value, marks = None, ["no_humidity"]
        elif one.kind.by_humidity:
            marks = [mark for mark in marks if mark != "humid"]
        if value is not None:
            row.values[made] = value if one.kind.every_ms else _rounded(one, value, humidity)
        if marks:
            row.flags[made] = marks
    return row


def _has_begun(one: Correction, row: Row) -> bool:
    if one.from_ms is None and one.until_ms is None:
        return True
    return row.time_ms is not None and (one.from_ms is None or row.time_ms >= one.from_ms)


def _humidity(one: Correction, row: Row) -> Decimal | None:
    """Return the row's humidity in %, None when there is none that can be believed."""
    for column, text in row.values.items():
        if column.name == one.humidity and column not in row.flags:
            return Decimal(text)
    return None


def _rounded(one: Correction, text: str, humidity: Decimal | None) -> str:
    """Return the corrected value with one decimal more than it had."""
    value = Decimal(text)
    exact = one.kind.work(value, humidity, one.numbers)
    return f"{exact.quantize(Decimal(1).scaleb(value.as_tuple().exponent - 1)):f}"
