"""What there is to know of each sensor: its driver's constants, and the FACTS beside its model."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from types import ModuleType

from gateway import config
from host_tools import build
from host_tools.errors import UserError

# What every model's FACTS say, for people.
FACTS = (
    *("sensor", "measures", "supply", "wiring", "life"),
    *("price", "resolution", "distrust", "source"),
)
PRICES = {"€": "below 10 €", "€€": "below 40 €", "€€€": "below 150 €", "€€€€": "more"}
UNITS = {"ug/m3": "µg/m³", "degC": "°C", "1/cm3": "1/cm³", "um": "µm", "Ohm": "Ω", "1": ""}
# In a line of the overview; a sensor's own table has all.
NAMES_MOST = 6
OVERVIEW = (
    *("driver", "measures", "bus", "channels", "warm-up"),
    *("life", "supply", "price", "proven by"),
)


@dataclass(frozen=True)
class Sensor:
    """One driver, the model that speaks its bytes, and what the model's file says for people."""

    name: str
    driver: ModuleType
    model: ModuleType
    facts: dict


@dataclass(frozen=True)
class Table:
    """Cells of text, some of more than one line, under their headings."""

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def names() -> list[str]:
    """Return the names of all drivers."""
    return sorted(path.stem for path in build.DRIVERS.glob("[!_]*.py"))


def load(name: str) -> Sensor:
    """Return what is known of a driver; `UserError` when there is none, or nothing is known."""
    if name not in names():
        raise UserError(f"there is no driver {name!r}; there are {', '.join(names())}")
    model = importlib.import_module(f"host_tools.twin.sensors.{name}")
    facts = getattr(model, "FACTS", {})
    missing = [key for key in FACTS if not facts.get(key)]
    if missing:
        raise UserError(f"host_tools/twin/sensors/{name}.py: FACTS lack {', '.join(missing)}")
    return Sensor(name, config.load_driver(name), model, facts)


def everything() -> list[Sensor]:
    """Return all sensors, by name."""
    return [load(name) for name in names()]


def overview(sensors: list[Sensor]) -> Table:
    """Return a line a sensor."""
    return Table(
        OVERVIEW,
        [
            (
                sensor.name,
                sensor.facts["measures"],
                bus(sensor.driver),
                "\n".join(channels(sensor.driver, sensor.driver.RANGE, NAMES_MOST)),
                _duration(sensor.driver.WARM_UP_MS),
                life(sensor),
                sensor.facts["supply"],
                sensor.facts["price"],
                test(sensor),
            )
            for sensor in sensors
        ],
    )


def about(sensor: Sensor) -> Table:
    """Return all of one sensor but its wiring and options."""
    driver, facts = sensor.driver, sensor.facts
    rows = [(key, facts[key]) for key in ("sensor", "measures")]
    rows.append(("bus", bus(driver)))
    rows += [("channels", text) for text in channels(driver, driver.RANGE)]
    if hasattr(sensor.model, "SAYS"):
        said = [sensor.model.SAYS.get(name) for name, _, _ in driver.CHANNELS]
        rows += [("a recording may hold", text) for text in channels(driver, said)]
    rows += [
        ("resolution", facts["resolution"]),
        *(("flagged", text) for text in judged(driver)),
        ("shortest period", _duration(driver.MIN_PERIOD_MS)),
        ("warm-up", _duration(driver.WARM_UP_MS)),
        ("life", life(sensor)),
        ("supply", facts["supply"]),
        ("price", f"{facts['price']} ({PRICES[facts['price']]})"),
        ("source", facts["source"]),
        ("proven by", test(sensor)),
    ]
    return Table(("", ""), rows)


def wiring(sensor: Sensor) -> Table:
    """Return which of the sensor's pins goes where."""
    return Table(("its pin", "goes to"), list(sensor.facts["wiring"]))


def options(sensor: Sensor) -> Table:
    """Return what a configuration may say; what each means is in the driver's docstring."""
    told = sensor.facts.get("options", {})
    rows = []
    for name, *limits in getattr(sensor.driver, "OPTIONS", ()):
        values = f"{limits[0]} to {limits[-1]}" if len(limits) == 2 else ", ".join(limits[0])
        rows.append((name, values, told.get(name, "")))
    return Table(("option", "values", "what it is"), rows)


def bus(driver: ModuleType) -> str:
    """Return how a driver talks to its sensor, or its pair of them."""
    buses = getattr(driver, "BUSES", 1)
    return _bus(driver) if buses == 1 else f"{buses} × {_bus(driver)}"


def _bus(driver: ModuleType) -> str:
    if driver.BUS == "pulse":
        return "pulse input"
    if driver.BUS == "uart":
        return f"UART {driver.UART[0]} 8N1"
    if driver.BUS == "i2c":
        addresses = " or ".join(f"0x{address:02x}" for address in driver.ADDRESSES)
        return f"I²C {driver.I2C_FREQ // 1000} kHz, {addresses}"
    if driver.BUS == "i2s":
        return f"I²S, {driver.I2S[0]:,} samples a second"
    return driver.BUS


def test(sensor: Sensor) -> str:
    """Return the file that proves what is said of a sensor."""
    return f"tests/drivers/test_{sensor.name}.py"


def life(sensor: Sensor) -> str:
    """Return how long a sensor lasts."""
    hours = getattr(sensor.driver, "LIFE_H", None)
    return f"{hours:,} h, {sensor.facts['life']}" if hours else sensor.facts["life"]


def channels(driver: ModuleType, limits, names_most: int | None = None) -> list[str]:
    """Return `names: step unit, least to most` of channels alike; `limits`: None leaves one out.

    Of more than `names_most` names there are the first and the last.
    """
    alike = [
        (name, (unit, scale, tuple(span)))
        for (name, unit, scale), span in zip(driver.CHANNELS, limits, strict=True)
        if span is not None
    ]
    told = []
    for names, (unit, scale, span) in _grouped(alike, names_most):
        step, least, most = (_number(value, scale) for value in (1, *span))
        told.append(f"{f'{names}: {step} {UNITS.get(unit, unit)}'.rstrip()}, {least} to {most}")
    return told


def judged(driver: ModuleType) -> list[str]:
    """Return `names: what` of channels alike: what of a value the node flags, beside its range."""
    alike = []
    for i, (name, unit, scale) in enumerate(driver.CHANNELS):
        spike, rows, percent, pair = (
            getattr(driver, limits, {i: 0})[i]
            for limits in ("SPIKE", "STUCK_ROWS", "HUMIDITY_MOST", "PAIR")
        )
        difference, share = pair or (0, 0)
        step = f"{_number(spike, scale)} {UNITS.get(unit, unit)}".rstrip()
        apart = f"{_number(difference, scale)} {UNITS.get(unit, unit)}".rstrip()
        found = [
            spike and f"spike beyond {step} from both before it",
            rows and f"stuck after {rows} equal rows",
            percent and f"humid from {percent} %RH on",
            pair and f"disagrees beyond {apart}" + (f" and {share} %" if share else ""),
        ]
        if any(found):
            alike.append((name, "; ".join(text for text in found if text)))
    return [f"{names}: {text}" for names, text in _grouped(alike)]


def _grouped(pairs: list[tuple], names_most: int | None = None) -> list[tuple]:
    """Return ("name, name", what) of neighbours with the same."""
    found = []
    for what, group in groupby(pairs, key=lambda pair: pair[1]):
        names = [name for name, _ in group]
        text = ", ".join(names)
        if names_most and len(names) > names_most:
            text = f"{names[0]} … {names[-1]} ({len(names)})"
        found.append((text, what))
    return found


def _number(value: int, scale: int) -> str:
    return f"{Decimal(value) / scale:f}"


def _duration(ms: int) -> str:
    if not ms:
        return "none"
    for unit, size in (("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if ms % size == 0:
            return f"{ms // size} {unit}"
    return f"{ms} ms"
