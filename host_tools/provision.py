"""Give a node on a serial port its configuration, and see whether it reaches the broker with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway import settings
from host_tools import boards
from host_tools.errors import UserError
from host_tools.serial_node import SerialNode
from host_tools.site import Plan

# A file that no boot looks at, until it is whole.
PARTIAL = "config.part"
ADDRESS = "import machine, binascii; print(binascii.hexlify(machine.unique_id()).decode())"
WRONG_PASSWORD = "wrong Wi-Fi password"


@dataclass
class Outcome:
    """How a node stands after provisioning; `report` is its last health message, if one came."""

    proven: bool
    reason: str
    report: dict


def board_of(node: SerialNode) -> dict:
    """Return the data of the node's board; UserError when it says none, or one that is unknown."""
    report = node.health()
    name = report and report.get("board")
    if not name:
        node.interrupt()
        try:
            name = json.loads(node.get_file("board.json") or b"")["name"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{node.port}: says no board; flash it first (kista flash)") from None
    return boards.load(name)


def write(node: SerialNode, plan: Plan, say: Callable[[str], None]) -> str:
    """Write `plan` beside the configuration that the node has, as the one to try next.

    Return the board's MAC address, lower case with colons.
    """
    node.interrupt()
    mac = node.run(ADDRESS, "say its address")
    slot = _free_slot(node.get_file(settings.PROVEN))
    # Whatever was on trial is so no more: its secrets are in the slot that is written now.
    _remove(node, settings.NEW)
    _remove(node, settings.LATE)
    node.put_secret(settings.store_key(slot), plan.stored())
    say("secrets are in the node's store, read back by hash")
    node.put_file(PARTIAL, plan.text(slot))
    node.run(f"import os; os.rename({PARTIAL!r}, {settings.NEW!r})", "name the configuration")
    say("configuration is written, read back by hash")
    node.reset()
    return ":".join(mac[at : at + 2] for at in range(0, len(mac), 2))


def follow(node: SerialNode, within_s: float, say: Callable[[str], None]) -> Outcome:
    """Wait for the node to reach its broker; changes on the way go to `say`."""
    end = time.monotonic() + within_s
    said, report = "", {}
    while (left := end - time.monotonic()) > 0:
        report = node.health(min(left, 5.0)) or report
        if report.get("configuration") == "proven":
            return Outcome(True, "", report)
        reason = _reason(report)
        if reason != said:
            say(said := reason)
        if reason == WRONG_PASSWORD:
            break
        time.sleep(min(0.2, max(left, 0)))
    return Outcome(False, _reason(report), report)


def _reason(report: dict) -> str:
    if not report:
        return "the node has not spoken yet"
    refused = [reason for reason in report["reasons"] if reason.startswith("configuration: ")]
    link = report["link"]
    return (refused or [link["reason"] or link["state"]])[-1]


def _free_slot(proven: bytes | None) -> str:
    """Return the slot that the proven configuration does not use."""
    try:
        used = json.loads(proven or b"{}").get("secrets")
    except (ValueError, AttributeError):
        used = None
    return next(slot for slot in settings.SLOTS if slot != used)


def _remove(node: SerialNode, name: str) -> None:
    code = f"import os\nif {name!r} in os.listdir(): os.remove({name!r})"
    node.run(code, f"remove {name}")
