"""What a person is asked who provisions a node without a file."""

from __future__ import annotations

from typing import Any

import click

from gateway import config
from host_tools import build

# Stream and seconds of what tells of vehicles, and of the rest.
TRAFFIC, AIR = ("traffic", 300), ("air", 10)
SITE = ("latitude", "longitude", "height_m", "heading_deg", "lanes")


def ask(board: dict) -> dict:
    """Return what a site file would say, asked line by line. Nothing secret is shown."""
    told: dict[str, Any] = {"node": click.prompt("Node id (a-z 0-9 _ -)")}
    told["network"] = _network(board)
    told["broker"] = _broker()
    told["site"] = _site()
    told["streams"] = _streams(board)
    return told


def _network(board: dict) -> dict:
    network: dict[str, Any] = {}
    if "ethernet" in board and click.confirm("Ethernet?", default=True):
        network["ethernet"] = {}
    if "lte" in board and (apn := _maybe("APN of the SIM card")):
        network["lte"] = {"apn": apn}
    if not network:
        network["wifi"] = []
    while "wifi" in network and (ssid := _maybe("Wi-Fi network")):
        network["wifi"].append({"ssid": ssid})
    return network


def _broker() -> dict:
    broker = {"url": click.prompt("Broker (mqtts://HOST[:PORT])")}
    if broker["url"].startswith("mqtts:"):
        if folder := click.prompt("Folder of your authority (kista ca)", default="ca"):
            broker["ca"] = folder
    elif user := _maybe("User at the broker"):
        broker["user"] = user
    return broker


def _site() -> dict:
    site: dict[str, Any] = {}
    if name := _maybe("Site"):
        site["name"] = name
    for key in SITE:
        if text := _maybe(f"Site: {key}"):
            try:
                site[key] = float(text)
            except ValueError:
                # The node's own rule says what is wrong with it.
                site[key] = text
    return site


def _streams(board: dict) -> list[dict]:
    drivers = sorted(path.stem for path in build.DRIVERS.glob("[!_]*.py"))
    streams: dict[tuple, list] = {}
    taken: set[int] = set()
    for bus, data in board["buses"].items():
        if taken & set(data["pins"].values()):
            continue
        fitting = [name for name in drivers if data["kind"] == config.load_driver(name).BUS]
        if not fitting:
            continue
        name = _maybe(f"Sensor on {bus} ({', '.join(fitting)})")
        if not name:
            continue
        sensor = {"driver": name, "bus": bus}
        driver = config.load_driver(name) if name in fitting else None
        if getattr(driver, "BUSES", 1) == 2:
            sensor["bus2"] = click.prompt(f"Second bus of {name}")
        for end in (bus, sensor.get("bus2")):
            taken |= set(board["buses"].get(end, {"pins": {}})["pins"].values())
        kind = TRAFFIC if driver and driver.CHANNELS[0][0] == "vehicles" else AIR
        streams.setdefault(kind, []).append(sensor)
    return [
        {
            "name": name,
            "period_ms": 1000 * click.prompt(f"Stream {name}: seconds a row", default=usual_s),
            "sensors": sensors,
        }
        for (name, usual_s), sensors in streams.items()
    ]


def _maybe(question: str) -> str:
    return click.prompt(f"{question} (empty: none)", default="", show_default=False).strip()
