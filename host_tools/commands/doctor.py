"""`kista doctor`: is this node well, and what to do if not."""

from __future__ import annotations

import click

from host_tools import remote, tls
from host_tools.authority import check_name
from host_tools.doctor import GREEN, GREY, RED, YELLOW, Finding, examine
from host_tools.errors import UserError
from host_tools.serial_node import SerialNode
from host_tools.urls import parse_broker

# A colour and a word: in the sun, and for who does not see colours.
SHOWN = {GREEN: ("green", "ok"), YELLOW: ("yellow", "look"), RED: ("red", "ACT"), GREY: ("", "?")}
PUBLISHING = "publishing"


@click.command()
@click.option("--port", help="The node is on this serial port.")
@click.option("--node", help="The node is asked through the broker.")
@click.option("--broker", "broker_url", help="mqtt[s]://[USER:PASSWORD@]HOST[:PORT]")
@tls.options
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    default=10,
    show_default=True,
    help="Seconds in which it may answer.",
)
def command(port, node, broker_url, authority, certificate, key, wait_s) -> int:
    """Say of a node what is well, what to look at and what to do.

    With --port the node goes on measuring meanwhile. With --node and --broker it is asked over the
    network; with --port and --broker both, and then its permission to publish is proven as well.
    The exit code is 1 when something is red.
    """
    if not port and not node:
        raise click.UsageError("name the node: --port PORT, or --node ID with --broker URL")
    if node and not broker_url:
        raise click.UsageError("--node needs --broker URL")
    report, found = _on_port(port, wait_s) if port else ({}, [])
    if broker_url:
        name = check_name(node or report.get("node"))
        identity = tls.Identity(authority, certificate, key)
        word = remote.ask(parse_broker(broker_url), identity, name, wait_s)
        if not port:
            report = word.health or {}
            found = examine(report) if report else []
        found.insert(len(found) if port else 0, _reach(name, word))
    else:
        says = "the broker acknowledges" if report["link"]["acked"] else "not known yet"
        found.append(Finding(GREY, PUBLISHING, f"{says}; proven with --broker"))
    click.secho(
        f"{report.get('node', node)} on {report.get('board', 'a board unknown')}", bold=True
    )
    _show(found)
    return 1 if any(one.light == RED for one in found) else 0


def _on_port(port: str, wait_s: float) -> tuple[dict, list[Finding]]:
    with SerialNode(port) as serial:
        report = serial.health(wait_s)
    if report is None:
        raise UserError(
            f"{port}: no node answers; is it powered and flashed? (kista monitor --port {port})"
        )
    return report, examine(report)


def _reach(name: str, word: remote.Word) -> Finding:
    """Return whether the node gets through to others, which only others can say."""
    if word.state is None:
        do = "has it ever been online? does the broker let it write kista/1/" + name + "/#?"
        return Finding(RED, PUBLISHING, f"the broker has nothing of {name}", do)
    if word.state != "online":
        do = "power, then network: kista doctor --port. What it said last stands below"
        return Finding(RED, PUBLISHING, "offline", do)
    if not word.answered:
        do = "may you send commands? else its power or its network went just now: look again"
        return Finding(RED, PUBLISHING, "online, but it does not answer", do)
    return Finding(GREEN, PUBLISHING, "it answers, and others hear it")


def _show(found: list[Finding]) -> None:
    width = max(len(one.what) for one in found)
    for one in found:
        colour, word = SHOWN[one.light]
        mark = click.style(f"● {word:<4}", fg=colour or None, bold=one.light == RED)
        click.echo(f"  {mark}  {one.what:<{width}}  {_harmless(one.says)}")
        if one.do:
            click.echo(f"          {'':<{width}}  → {one.do}")


def _harmless(text: str) -> str:
    """Return a node's word in a form that cannot steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
