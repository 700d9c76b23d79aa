"""The configuration of one node as people write it (TOML), and as the node keeps it."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway import checks
from gateway import config as configuration
from host_tools.errors import UserError
from host_tools.urls import parse_broker

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What the chip's store gives back in one piece (`Store` in firmware/gateway/hal_esp32.py).
SECRETS_MOST = 4000
BROKER_KEYS = ("url", "user", "password", "keepalive_s", "ca", "authority", "certificate", "key")
# How people say where a post stands: {key: (the node's key, units of its own in one of theirs)}.
SITE = {
    "latitude": ("latitude_udeg", 1_000_000),
    "longitude": ("longitude_udeg", 1_000_000),
    "height_m": ("height_cm", 100),
    "heading_deg": ("heading_deg", 1),
    "lanes": ("lanes", 1),
}
DER = serialization.Encoding.DER


@dataclass
class Plan:
    """One node's configuration, checked: what goes into its file, and what into its store."""

    config: dict
    secrets: dict = field(repr=False)

    def text(self, slot: str) -> bytes:
        """Return the configuration file that finds its secrets in `slot`."""
        return json.dumps({**self.config, "secrets": slot}, separators=(",", ":")).encode()

    def stored(self) -> bytes:
        """Return what goes into the slot."""
        return json.dumps(self.secrets, separators=(",", ":")).encode()


def read(path: Path) -> dict:
    """Return what a TOML file says; UserError names the line that is none."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The message names line and column and shows nothing of them.
        raise UserError(f"{path}: not TOML ({error})") from None


def plan(told: dict, board: dict, folder: Path, ask: Callable[[str], str]) -> Plan:
    """Return the checked plan of what was `told`; UserError starts with the field that is wrong.

    Files are named from `folder`. `ask(what)` is asked for each password that is not there.
    """
    told = json.loads(json.dumps(told, default=str))
    try:
        checks.check_name(told, "node", "node")
        network = told.get("network", {})
        if network in ({}, {"wifi": []}):
            raise checks.ConfigError("network: needs wifi, ethernet or lte")
        _mark_open(network)
        broker, tls = _broker(told.get("broker"), folder, told.get("node"))
        whole = {**told, "network": network, "broker": broker, "site": _site(told.get("site", {}))}
        # Before anybody is asked for anything; what is asked for is judged after that.
        configuration.check(whole, board, configuration.load_driver)
        _ask(network, broker, ask)
        configuration.check(whole, board, configuration.load_driver)
    except configuration.ConfigError as error:
        raise UserError(str(error)) from None
    secrets = {key: value for key, value in tls.items() if value}
    secrets["wifi"] = [one.pop("password", "") for one in network.get("wifi", [])]
    for key, holder in (("lte", network.get("lte", {})), ("password", broker)):
        if "password" in holder:
            secrets[key] = holder.pop("password")
    made = Plan(whole, secrets)
    if len(made.stored()) > SECRETS_MOST:
        raise UserError(f"secrets: more than {SECRETS_MOST} bytes; use EC keys, one authority")
    return made


def _mark_open(network: object) -> None:
    """Let an empty password be none, which is not asked for either."""
    wifi = network.get("wifi") if isinstance(network, dict) else None
    for one in wifi if isinstance(wifi, list) else []:
        if isinstance(one, dict) and one.get("password") == "":
            one["password"] = None


def _ask(network: dict, broker: dict, ask: Callable[[str], str]) -> None:
    for one in network.get("wifi", []):
        if "password" not in one:
            one["password"] = ask(f"Password of Wi-Fi {one['ssid']!r} (empty: none)")
        if not one["password"]:
            del one["password"]
    if "user" in broker and "password" not in broker:
        broker["password"] = ask(f"Password of {broker['user']!r} at the broker")


def _site(told: dict) -> dict:
    """Return the site in the node's whole numbers."""
    checks.keys(told, "site", ("name", *SITE))
    site = {"name": told["name"]} if "name" in told else {}
    for key, (name, units) in SITE.items():
        if key in told:
            value = told[key]
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise checks.ConfigError(f"site.{key}: needs a number, not {value!r}")
            site[name] = round(value * units)
    return site


def _broker(told: object, folder: Path, node: object) -> tuple[dict, dict]:
    """Return the broker as the node keeps it, and the TLS part of its secrets."""
    checks.keys(told, "broker", BROKER_KEYS)
    if not isinstance(told.get("url"), str):
        raise checks.ConfigError("broker.url: needs mqtts://HOST[:PORT]")
    url = parse_broker(told["url"])
    broker = {"host": url.host, "port": url.port}
    for key, value in (("user", url.user), ("password", url.password), ("keepalive_s", None)):
        if told.get(key, value) is not None:
            broker[key] = told.get(key, value)
    files = {key: told[key] for key in ("authority", "certificate", "key") if key in told}
    if "ca" in told:
        issued = f"{told['ca']}/issued/{node}"
        files = {
            "authority": f"{told['ca']}/ca.pem",
            "certificate": f"{issued}/cert.pem",
            "key": f"{issued}/key.pem",
        }
    if not url.tls:
        if files:
            raise checks.ConfigError("broker.url: certificates need mqtts://")
        return broker, {}
    broker["tls"] = {}
    return broker, _tls({key: folder / str(name) for key, name in files.items()})


def _tls(files: dict[str, Path]) -> dict:
    """Return ca, cert and key as DER in base 64."""
    if "authority" not in files:
        raise checks.ConfigError("broker.authority: mqtts:// needs it (or ca = the folder)")
    if ("certificate" in files) != ("key" in files):
        raise checks.ConfigError("broker.certificate, broker.key: go together")
    authorities = _certificates(files["authority"], "broker.authority")
    tls = {"ca": [_base64(one.public_bytes(DER)) for one in authorities]}
    if "certificate" in files:
        certificate = _certificates(files["certificate"], "broker.certificate")[0]
        key = _key(files["key"])
        if key.public_key() != certificate.public_key():
            raise checks.ConfigError("broker.key: does not belong to broker.certificate")
        tls["cert"] = _base64(certificate.public_bytes(DER))
        tls["key"] = _base64(
            key.private_bytes(
                DER,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
    return tls


def _certificates(path: Path, name: str) -> list[x509.Certificate]:
    content = _content(path, name)
    try:
        if content.startswith(b"-----"):
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise checks.ConfigError(f"{name}: {path} is no certificate") from None


def _key(path: Path):
    content = _content(path, "broker.key")
    try:
        if content.startswith(b"-----"):
            return serialization.load_pem_private_key(content, None)
        return serialization.load_der_private_key(content, None)
    except (ValueError, TypeError):
        raise checks.ConfigError(f"broker.key: {path} is no key without a passphrase") from None


def _content(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise checks.ConfigError(f"{name}: {path}: {error.strerror}") from None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
