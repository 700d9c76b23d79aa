"""How a tool shows a broker who it is, and checks who the broker is."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import paho.mqtt.client as mqtt

from host_tools.errors import UserError


@dataclass(frozen=True)
class Identity:
    """PEM files: whom to trust (None: whom the system trusts), our certificate and its key."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def secure(self, client: mqtt.Client) -> None:
        """Make `client` speak TLS as this; UserError names the file that cannot be used."""
        if (self.certificate is None) != (self.key is None):
            raise UserError("a certificate and its key go together: --cert FILE --key FILE")
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"{self.authority}: no certificate authority ({error})") from None
        if self.certificate:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except (OSError, ssl.SSLError):
                raise UserError(
                    f"{self.certificate}, {self.key}: not a certificate and its key, PEM"
                ) from None
        client.tls_set_context(context)


def options(function: Callable) -> Callable:
    """Give a click command --ca, --cert and --key, as authority, certificate and key."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for option in (
        click.option("--key", type=file, help="The key of --cert, PEM."),
        click.option("--cert", "certificate", type=file, help="Certificate to show it, PEM."),
        click.option(
            "--ca",
            "authority",
            type=file,
            help="Authority of an mqtts:// broker, PEM [the system's].",
        ),
    ):
        function = option(function)
    return function
