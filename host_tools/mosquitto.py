"""Configuration for a Mosquitto that knows each node by its certificate."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

from host_tools.authority import Authority, check_name
from host_tools.errors import UserError

CONF = """\
# Made by `kista broker mosquitto`; made again, it stays as it is but for what was asked.
# Start: mosquitto -c {folder}/mosquitto.conf
# After another `kista ca revoke`: make it again, then restart Mosquitto; sessions stay.

# As whom to run when started as root: broker.key and data/ have to be this user's.
user {user}

listener {port}{address}
certfile {folder}/broker.pem
keyfile {folder}/broker.key
cafile {folder}/ca.pem
crlfile {folder}/crl.pem
require_certificate true
# The name in the certificate is the user whom the access list means.
use_identity_as_username true
allow_anonymous false
acl_file {folder}/acl

# What a database has not fetched yet outlives a restart of the broker.
persistence true
persistence_location {folder}/data/
autosave_interval 60
# Mosquitto 2.0.11 takes 0, "no limit", for a limit reached, and throws a denied node out.
max_queued_messages 1000000
# A frame has a few KiB at most.
max_packet_size 65536
"""
ACL = """\
# A node reads and writes its own tree, and nothing else.
pattern readwrite kista/1/%u/#
"""
OPERATOR = """
# Reads every node and commands every node.
user {name}
topic read kista/1/#
topic write kista/1/+/command/#
"""


def write(
    folder: Path,
    authority: Authority,
    hosts: list[str],
    operators: list[str],
    port: int = 8883,
    listen: str = "",
) -> Path:
    """Return the mosquitto.conf written in `folder`, with all that it names.

    `hosts`: names and addresses under which nodes reach the broker. Without any the certificate
    that is there stays; UserError when there is none.
    """
    folder = folder.resolve()
    if any(c.isspace() for c in str(folder)):
        raise UserError(f"{folder}: Mosquitto takes no blanks in a path")
    if not hosts and not (folder / "broker.key").exists():
        raise UserError("name the broker as nodes will call it: --host mqtt.example.org")
    users = [OPERATOR.format(name=check_name(name)) for name in operators]
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
        if hosts:
            authority.issue_server(hosts, folder)
        authority.write_list()
        for name in ("ca.pem", "crl.pem"):
            shutil.copy(authority.folder / name, folder / name)
        # Mosquitto complains about an access list that others may read.
        acl = folder / "acl"
        acl.touch(mode=0o600)
        acl.write_text(ACL + "".join(users))
        conf = folder / "mosquitto.conf"
        address = f" {listen}" if listen else ""
        conf.write_text(
            CONF.format(folder=folder, user=getpass.getuser(), port=port, address=address)
        )
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    return conf
