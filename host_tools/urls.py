"""The URLs that the commands take: where the broker is, where the database is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from host_tools.errors import UserError

PORTS = {"mqtt": 1883, "mqtts": 8883}
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Broker:
    """Where an MQTT broker listens, and as whom to speak to it; the password is never shown."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{host}:{self.port}"


def parse_broker(text: str) -> Broker:
    """Return what `mqtt://[user:password@]host[:port]` says; `mqtts` stands for TLS.

    `UserError` says what is wrong, without repeating what could be a password.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise UserError(f"broker URL: {_without_secrets(error)}") from None
    if url.scheme not in PORTS:
        raise UserError("broker URL: starts with neither mqtt:// nor mqtts://")
    if not url.hostname:
        raise UserError("broker URL: names no host; mqtt://HOST[:PORT]")
    if url.path not in ("", "/") or url.query or url.fragment:
        raise UserError(
            "broker URL: nothing may follow the port (write / ? # in a password as %..)"
        )
    if port == 0:
        raise UserError("broker URL: port 0 is no port to connect to")
    user, password = _credentials(url)
    return Broker(url.hostname, port or PORTS[url.scheme], user, password, url.scheme == "mqtts")


def _credentials(url: SplitResult) -> tuple[str | None, str | None]:
    user = unquote(url.username) if url.username else None
    password = unquote(url.password) if url.password else None
    if password and not user:
        raise UserError("broker URL: a password needs a user before it")
    return user, password


def _without_secrets(error: ValueError) -> str:
    # The standard library's messages quote the part they could not read; that can be a password
    # with an unescaped character in it.
    if "IPv6" in str(error):
        return "the brackets of an IPv6 address do not match"
    return "the port is no number from 1 to 65535 (write : / @ in a password as %..)"


def parse_database(text: str) -> Path:
    """Return the file that `sqlite:///FILE` names; `sqlite:////FILE` is absolute."""
    if not text.startswith(_SQLITE):
        if "://" not in text:
            raise UserError(f"database URL: {text!r} is no URL; write {_SQLITE}{text}")
        raise UserError(f"database URL: only {_SQLITE}FILE is supported")
    name = text[len(_SQLITE) :]
    if not name or name == ":memory:":
        raise UserError(f"database URL: {_SQLITE} needs a file behind it")
    return Path(name)
