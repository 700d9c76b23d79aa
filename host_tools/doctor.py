"""A node's health message, read as a traffic light: what is well, what to look at, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from gateway import config, flags
from host_tools.ingest.readings import iso

GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "grey"
# Usual figures for 2.4 GHz: above the first a link is good, below the second it breaks at times.
# By the way into the network: its name, dBm that are good, dBm that are poor. Of LTE the modem says
# 0 to 31 (AT+CSQ); below 10 it is weak, below 5 it hardly works.
RADIO = {"wifi": ("Wi-Fi", -67, -80), "lte": ("LTE", -93, -103)}
# Frames close every 15 minutes, a few at a time: that many may be on their way.
WAITING_USUAL = 8
# One reading in so many may be missed without anybody going up a ladder.
MISSED_SHARE = 20
# Values of a sensor in its line; a PMS5003 has twelve.
READINGS_MOST = 12

NETWORK = {
    "wrong Wi-Fi password": "provision it again with the right password: kista provision",
    "Wi-Fi network not found": "is the access point on and in reach, is the name right, "
    "is the antenna screwed on?",
    "Ethernet: no cable": "is it plugged in at both ends, does the switch show a link?",
    "Ethernet: no address yet": "wait half a minute; then: does a DHCP server answer here?",
    "Ethernet does not answer": "unplug the power and plug it in again; then try another board",
    "modem does not answer": "is the supply strong enough (2 A peaks)? Unplug and plug in again",
    "no SIM card": "push the card in until it clicks, contacts down",
    "SIM card wants its PIN": "take the PIN off, in a telephone",
    "LTE: no network": "is the antenna screwed on, on the right socket? Another place",
    "LTE: network refuses the SIM card": "ask who sold the card: is it active, may it do LTE-M?",
    "no network is configured": "provision it: kista provision",
    "not joined yet": "wait half a minute, then look again",
}
# The beginning of what a node says of its broker, and what helps.
BROKER = (
    ("TLS:", "is the clock right, is it the broker's authority, its name? Else provision again"),
    ("connection refused", "is the broker running, is the port right, is a firewall between?"),
    ("broker refuses: user", "wrong user or password: provision it again"),
    ("broker refuses: not auth", "the broker does not know this node: its certificate, its user?"),
    ("broker has closed", "was its certificate revoked? does another node have the same id?"),
    ("broker does not answer", "is the broker overloaded, is a firewall between?"),
    ("", "look again in a few minutes; then ask who runs the broker"),
)


@dataclass(frozen=True)
class Finding:
    """One line of the report. `do`: what helps, for what is not green."""

    light: str
    what: str
    says: str
    do: str = ""


def examine(report: dict) -> list[Finding]:
    """Return what a health message says, in the order in which a crew should look."""
    found = [_power(report), _configuration(report)]
    found += [_sensor(label, report) for label in sorted(report.get("sensors", {}))]
    found += [*_way(report), _clock(report), _spool(report), _version(report)]
    return found


def _power(report: dict) -> Finding:
    what, running = "power", f"running for {_span(report.get('uptime_s', 0))}"
    if report.get("last_error") or report.get("reset") == "watchdog":
        why = report.get("last_error") or "it hung"
        return Finding(
            YELLOW,
            what,
            f"{running}; restarted by itself: {why}",
            "write this line to the workshop",
        )
    if report.get("boots", 1) > 3 and report.get("uptime_s", 0) < 3600:
        says = f"{running}; started {report['boots']} times"
        return Finding(YELLOW, what, says, "is the plug tight, does the supply give 5 V and 1 A?")
    return Finding(GREEN, what, running)


def _configuration(report: dict) -> Finding:
    what = "configuration"
    for reason in report.get("reasons", []):
        if reason.startswith("configuration: "):
            says = "refused: " + reason.removeprefix("configuration: ")
            if says.endswith("there is none yet"):
                says = "there is none yet"
            return Finding(RED, what, says, "provision it: kista provision")
    if report.get("safe_mode"):
        says = "safe mode: it started again and again and got nothing done"
        return Finding(RED, what, says, "kista monitor, restart it, send what it says")
    state = report.get("configuration")
    if state == "new":
        says = "a new one is on trial; it has not reached the broker yet"
        return Finding(YELLOW, what, says, "put the lines below right; the rest goes by itself")
    if state == "late":
        says = "the new one did not reach the broker, the old one works"
        return Finding(YELLOW, what, says, "provision it again, with what was wrong put right")
    return Finding(GREEN, what, "has reached the broker before")


def _sensor(label: str, report: dict) -> Finding:
    unanswered, broken, driver, values, marks, *more = report["sensors"][label]
    # Beside a value some marks mean another thing.
    silent = all(value is None for value in values)
    common = 0
    for value, mark in zip(values, marks):
        common |= mark if silent or value is not None else 0
    if not values:
        return Finding(YELLOW, label, "no reading yet", "wait one period of its stream")
    if silent:
        if common & flags.BAD_DATA:
            do = "is it the right sensor on this plug? else change the cable, then the sensor"
            return Finding(RED, label, "sends wrong data", do)
        do = "is its plug in and on the right bus, does it get its voltage? (docs/sensors.md)"
        return Finding(RED, label, "does not answer", do)
    says = readings(driver, values)
    if common & flags.OUT_OF_RANGE:
        do = "is it wet, covered, or in the sun? else change it"
        return Finding(YELLOW, label, f"{says}: outside its range", do)
    if common & flags.STUCK:
        return Finding(YELLOW, label, f"{says}: always the same", "breathe on it; else change it")
    if common & flags.DISAGREES:
        do = "are both in the same air? else change the one that is unlike the next post's"
        return Finding(YELLOW, label, f"{says}: the other of its kind says otherwise", do)
    if common & flags.SENSOR_ERROR:
        do = "does its fan turn, is its inlet clean? else change it"
        return Finding(YELLOW, label, f"{says}: it reports a fault of its own", do)
    if common & flags.WARM_UP:
        return Finding(GREEN, label, f"{says} (warming up)")
    if common & flags.HUMID:
        return Finding(GREEN, label, f"{says} (too damp to be believed)")
    missed = unanswered + broken
    if missed * MISSED_SHARE > report.get("rows", 0) > 0 and missed > 1:
        do = "is its plug tight, is the cable too long?"
        return Finding(YELLOW, label, f"{says}; missed {missed} readings", do)
    hours, life = more[0] if more else None, _life(driver)
    if more[1:] and more[1]:
        says = f"{says}; {more[1]}"
    if more[2:] and more[2]:
        do = "does the node hang now and then? its log says more"
        return Finding(YELLOW, label, f"{says}; input lost {more[2]} times", do)
    if hours is not None and life:
        says = f"{says}; awake {hours:,} of {life:,} h"
        if hours >= life:
            do = f'change it; then the command hours, {{"sensor": "{label}"}}, begins a new count'
            return Finding(YELLOW, label, f"{says}: it has outlived itself", do)
    return Finding(GREEN, label, says)


def _life(driver: str) -> int:
    """Return how many hours awake such a sensor is made for, 0: not known."""
    try:
        return getattr(config.load_driver(driver), "LIFE_H", 0)
    except ImportError:
        return 0


def readings(driver: str, values: list) -> str:
    """Return the values with their names and units, as far as the driver is known here."""
    try:
        channels = config.load_driver(driver).CHANNELS
    except ImportError:
        channels = [(str(n), "", 1) for n in range(len(values))]
    told = []
    for (name, unit, scale), value in zip(channels, values):
        shown = "-" if value is None else f"{value / scale:g}"
        told.append(f"{name} {shown} {unit if unit != '1' else ''}".strip())
    more = len(told) - READINGS_MOST
    return ", ".join(told[:READINGS_MOST]) + (f" and {more} more" if more > 0 else "")


def _way(report: dict) -> Iterator[Finding]:
    """Yield radio, name resolution, broker: the first that is red makes the others unknown."""
    link = report.get("link", {})
    state, reason = link.get("state"), link.get("reason") or link.get("state") or "unknown"
    unknown = [Finding(GREY, what, "not known yet") for what in ("name resolution", "broker")]
    if state == "unconfigured":
        yield Finding(GREY, "network", "not known yet")
        yield unknown[0]
        yield Finding(RED, "broker", reason, NETWORK["no network is configured"])
        return
    if state == "no network":
        yield Finding(RED, "network", reason, NETWORK.get(reason, NETWORK["not joined yet"]))
        yield from unknown
        return
    yield _radio(report.get("way"), report.get("rssi"))
    broker = report.get("broker") or "none"
    if reason.startswith("no address for"):
        do = "is the broker's name right, does this network have a name server?"
        yield Finding(RED, "name resolution", reason, do)
        yield unknown[1]
        return
    yield Finding(GREEN, "name resolution", f"knows {broker.rpartition(':')[0] or broker}")
    if state == "online":
        yield Finding(GREEN, "broker", f"{broker}, {link.get('acked', 0)} frames delivered")
        return
    do = next(help for start, help in BROKER if reason.startswith(start))
    light = YELLOW if state == "connecting" and not link.get("failure") else RED
    yield Finding(light, "broker", f"{broker}: {reason}", do)


def _radio(way: str | None, rssi: int | None) -> Finding:
    if way == "ethernet":
        return Finding(GREEN, "network", "connected by Ethernet")
    if rssi is None:
        return Finding(GREEN, "network", "connected")
    name, good_dbm, poor_dbm = RADIO.get(way, RADIO["wifi"])
    says = f"{name} {rssi} dBm"
    if rssi >= good_dbm:
        return Finding(GREEN, "network", f"{says}, good")
    if rssi >= poor_dbm:
        return Finding(YELLOW, "network", f"{says}, weak", "turn the antenna towards the sender")
    do = "another antenna, another place, or a nearer sender"
    return Finding(RED, "network", f"{says}, too weak", do)


def _clock(report: dict) -> Finding:
    source, refused = report.get("clock"), report.get("clock_refused")
    if not source:
        says = f"not set yet{f' ({refused})' if refused else ''}"
        do = "is UDP port 123 open here? Readings are kept and dated later"
        return Finding(YELLOW, "time", says, do)
    at = report.get("time_ms")
    says = f"{iso(at)[:19].replace('T', ' ')} UTC" if at else "set"
    return Finding(GREEN, "time", f"{says}, from {source}")


def _spool(report: dict) -> Finding:
    waiting = report.get("waiting", 0)
    lost = sum(last - first + 1 for first, last in report.get("lost", []))
    says = f"frames waiting: {waiting}, rows since the start: {report.get('rows', 0)}"
    if lost:
        do = "it was without a network for longer than its flash lasts; nothing to do here"
        return Finding(YELLOW, "memory", f"{says}, frames lost: {lost}", do)
    if waiting > WAITING_USUAL:
        do = "nothing, if the broker is green: it catches up by itself"
        return Finding(YELLOW, "memory", says, do)
    return Finding(GREEN, "memory", says)


def _version(report: dict) -> Finding:
    mine, its = version("kista"), report.get("version", "?")
    says = f"firmware {its} on {report.get('python', '?')}"
    if mine == its:
        return Finding(GREEN, "versions", says)
    return Finding(
        YELLOW, "versions", f"{says}; these tools are {mine}", "flash it when convenient"
    )


def _span(seconds: int) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
