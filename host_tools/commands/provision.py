"""`kista provision`: a flashed board becomes the node of a site."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from host_tools import claims, provision, questions, site
from host_tools.serial_node import SerialNode
from host_tools.workshop import inventory


def _secret(what: str) -> str:
    return click.prompt(what, hide_input=True, default="", show_default=False)


def _say(line: str) -> None:
    click.echo(f"  {line}")


@click.command()
@click.option("--port", required=True, help="Serial port of the board.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What to write, TOML (docs/field.md) [asked for].",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    default=120,
    show_default=True,
    help="Seconds in which the node may reach its broker.",
)
@click.option(
    "--claims",
    "claims_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also note the node's site in this file, as `kista claim` does.",
)
@click.option(
    "--inventory",
    "inventory_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Note it in this inventory [{inventory.FILE}, if there is one].",
)
@click.option("--who", default=inventory.who, help="Whom to note [your name on this PC].")
def command(
    port: str,
    config_file: Path | None,
    wait_s: float,
    claims_file: Path | None,
    inventory_file: Path | None,
    who: str,
) -> None:
    """Write a node's configuration, and see it reach the broker.

    Secrets go to the node's store and are never shown. The configuration that the node had stays
    until the new one has worked; without a network it stays pending, and the node goes on trying.
    """
    with SerialNode(port) as node:
        board = provision.board_of(node)
        click.echo(f"{port}: board {board['name']}")
        told = site.read(config_file) if config_file else questions.ask(board)
        folder = config_file.parent if config_file else Path()
        while True:
            plan = site.plan(told, board, folder, _secret)
            mac = provision.write(node, plan, _say)
            outcome = provision.follow(node, wait_s, _say)
            again = outcome.reason == provision.WRONG_PASSWORD and sys.stdin.isatty()
            if not again or not click.confirm("Another password?", default=True):
                break
            for one in told["network"]["wifi"]:
                one.pop("password", None)
    name, place = plan.config["node"], plan.config["site"].get("name")
    if claims_file and place:
        claims.add(claims_file, name, place)
    if inventory_file or Path(inventory.FILE).exists():
        version = outcome.report.get("version") or ""
        with inventory.Inventory(inventory_file or Path(inventory.FILE)) as store:
            told = inventory.provisioned(mac, name, place or "", board["name"], version, who)
            store.add([told])
    if outcome.proven:
        click.secho(f"{name} has reached {outcome.report['broker']}", fg="green")
        click.echo(f"  Its sensors: kista doctor --port {port}")
    else:
        click.secho(f"{name} is pending: {outcome.reason}", fg="yellow")
        click.echo(f"  It goes on trying. Look again: kista doctor --port {port}")
