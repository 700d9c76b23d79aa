"""`kista broker`: the broker between the nodes and the databases."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools import broker as broker_
from host_tools import mosquitto as mosquitto_
from host_tools import stop
from host_tools.authority import Authority
from host_tools.commands.ca import folder_option
from host_tools.errors import UserError


@click.group()
def command() -> None:
    """Make a Mosquitto that knows each node, or a broker for trials."""


@command.command()
@click.option(
    "-o",
    "out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for mosquitto.conf and what it names.",
)
@folder_option
@click.option(
    "--host",
    "hosts",
    multiple=True,
    help="Name or address under which nodes reach it; needed the first time.",
)
@click.option(
    "--operator",
    "operators",
    multiple=True,
    default=("ingest",),
    show_default=True,
    help="Who may read every node; its certificate: kista ca issue NAME.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8883, show_default=True)
@click.option("--listen", default="", help="Only at this address of the machine [all].")
def mosquitto(out, folder, hosts, operators, port, listen) -> None:
    """Write a working Mosquitto configuration: TLS, client certificates, access by node.

    Made again it takes over the newest list of the revoked; restart Mosquitto after that.
    """
    conf = mosquitto_.write(out, Authority(folder), list(hosts), list(operators), port, listen)
    click.echo(f"mosquitto -c {conf}")


@command.command()
@click.option("--port", type=click.IntRange(1, 65535), default=1883, show_default=True)
def local(port) -> None:
    """Run a broker until Ctrl-C: on this PC only, no TLS, everybody may do everything."""
    if not broker_.is_free(port):
        raise UserError(f"port {port} is taken; is there a broker already? Or name --port")
    with broker_.Broker(port) as running:
        click.echo(f"{running.url} is up. Ctrl-C ends it.")
        stop.wait()
