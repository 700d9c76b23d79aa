"""`kista ca`: the authority that signs the certificates of broker and nodes."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools import authority

folder_option = click.option(
    "--ca",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("ca"),
    show_default=True,
    help="Folder of the authority.",
)


@click.group()
def command() -> None:
    """An authority of your own: certificates for broker and nodes.

    Keep its folder on one machine and in one backup: who has ca.key can be any node.
    """


@command.command()
@folder_option
@click.option("--name", default="Kista nodes", show_default=True, help="Who it says it is.")
def init(folder: Path, name: str) -> None:
    """Make the authority: ca.key (secret), ca.pem and ca.der, and an empty list of the revoked."""
    authority.create(folder, name)
    click.echo(f"{folder}/ca.pem is what nodes and tools trust; {folder}/ca.key leaves this folder")
    click.echo("for a backup only. Next: kista ca issue NODE")


@command.command()
@folder_option
@click.argument("names", metavar="NODE…", nargs=-1, required=True)
@click.option("--renew", is_flag=True, help="One more; those before stay good until revoked.")
def issue(folder: Path, names: tuple[str, ...], renew: bool) -> None:
    """Issue each NODE (or operator) a certificate and a key, as PEM and as DER."""
    house = authority.Authority(folder)
    for name in names:
        click.echo(f"{name}: {house.issue(name, renew)}/")


@command.command()
@folder_option
@click.argument("name", metavar="NODE")
@click.option("--older", is_flag=True, help="Only those before its newest.")
def revoke(folder: Path, name: str, older: bool) -> None:
    """Revoke the certificates of NODE: a broker that has read the new list turns it away."""
    count = authority.Authority(folder).revoke(name, older)
    click.echo(f"{name}: {count} revoked in {folder}/crl.pem; now give it to the broker:")
    click.echo("kista broker mosquitto -o DIR, and restart Mosquitto")


@command.command("list")
@folder_option
def list_(folder: Path) -> None:
    """Show what was issued: name, serial number, when, until when, and whether it is revoked."""
    for entry in authority.Authority(folder).entries():
        state = f"revoked {entry.revoked}" if entry.revoked else "good"
        row = (entry.name, entry.serial, entry.issued[:10], entry.expires[:10], state)
        click.echo("\t".join(row))
