"""docs/sensors.md, made from the drivers and their models' FACTS (`make docs`)."""

from __future__ import annotations

from host_tools import build, catalogue
from host_tools.catalogue import Sensor, Table

PATH = build.ROOT / "docs" / "sensors.md"
INTRO = """\
# Sensors

<!-- Made by `make docs`; change drivers/ and the FACTS in host_tools/twin/sensors/ instead. -->

One file a sensor in `drivers/`, its model in `host_tools/twin/sensors/`, its test in
`tests/drivers/`, which runs on CPython and on MicroPython. `tests/host_tools/test_every_driver.py`
takes from each that asks its sensor any one transaction, flips a bit in any one answer, and makes
the sensor absent, slow, or babble. `tests/host_tools/test_sensor_days.py` runs each in a simulated
node, a few together in 96 KiB of heap, and all that one board's buses have room for in 192, which
is more than a board has. `make sensor-days` makes days of it, one well and one with sensors that
misbehave: of the 96 KiB at least 22 stayed free, and the last hours took no more than the first.
`kista sensors` prints this page's table, `kista sensors NAME` all of one sensor. Which pins a
board's buses have is in its file ([boards.md](boards.md)).

After a channel stand its step on the wire, its unit, and its range. A value outside is kept and
flagged `out_of_range`; *flagged* says what else the node notes beside a value (`disagrees` is said
of two of a kind in one stream, `humid` by the stream's humidity). Nothing is removed or corrected
on the node: uplink and database keep what a sensor said, and *what to distrust* is for those who
read the numbers. Prices are classes: """


def page(sensors: list[Sensor]) -> str:
    """Return the whole page."""
    prices = ", ".join(f"{sign} {meaning}" for sign, meaning in catalogue.PRICES.items())
    table = catalogue.overview(sensors)
    rows = [(f"[{row[0]}](#{row[0]})", *row[1:-1], _link(row[-1])) for row in table.rows]
    parts = [f"{INTRO}{prices}.", _markdown(Table(table.head, rows))]
    return "\n\n".join([*parts, *map(section, sensors)]) + "\n"


def section(sensor: Sensor) -> str:
    """Return what the page says of one sensor."""
    test = catalogue.test(sensor)
    about = catalogue.about(sensor)
    rows = [(key, _link(test) if text == test else text) for key, text in about.rows]
    parts = [f"## {sensor.name}", _markdown(Table(about.head, rows))]
    parts.append(_markdown(catalogue.wiring(sensor)))
    if catalogue.options(sensor).rows:
        parts.append(_markdown(catalogue.options(sensor)))
    parts.append("What to distrust:")
    parts.append("\n".join(f"- {sentence}" for sentence in sensor.facts["distrust"]))
    return "\n\n".join(parts)


def _link(path: str) -> str:
    return f"[{path}](../{path})"


def _markdown(table: Table) -> str:
    lines = [table.head, ("---",) * len(table.head), *table.rows]
    cells = [[cell.replace("|", "/").replace("\n", "<br>") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
