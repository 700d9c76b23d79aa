"""An authority of the house's own: it signs the broker's certificate and one for each node.

EC P-256 throughout: small enough for a node's store, and every ESP32 image can verify it. Keys are
readable by their owner only, from their first byte on.
"""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway import checks
from host_tools.errors import UserError

# A node hangs on its post for longer than anybody remembers the date of a certificate.
AUTHORITY_DAYS = 25 * 365
ISSUED_DAYS = 10 * 365
# Mosquitto turns everybody away once the list of the revoked has run out, so it does so late.
LIST_DAYS = 10 * 365
# A node whose clock is a little slow must not find its certificate to be of tomorrow.
BACKDATED = timedelta(days=1)
OWNER_ONLY = 0o600
# X.520: a common name.
CN_MOST = 64
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


@dataclass
class Entry:
    """One certificate that was issued; `serial` in hexadecimal, times in ISO 8601 UTC."""

    name: str
    serial: str
    issued: str
    expires: str
    revoked: str | None = None


def check_name(name: str) -> str:
    """Return `name` when a node can have it; UserError says what is wrong with it."""
    try:
        checks.check_name({"node": name}, "node", "node")
    except checks.ConfigError as error:
        raise UserError(str(error)) from None
    return name


def write_secret(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, readable by nobody but the owner at any moment."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def create(folder: Path, name: str) -> Authority:
    """Make an authority in `folder`; UserError when one is there: its nodes would be orphans."""
    if (folder / "ca.key").exists():
        raise UserError(f"{folder}: there is an authority already; nothing was changed")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from None
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _begin(name, key.public_key(), AUTHORITY_DAYS)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    (folder / "ca.pem").write_bytes(certificate.public_bytes(PEM))
    (folder / "ca.der").write_bytes(certificate.public_bytes(DER))
    write_secret(folder / "ca.key", _private(key, PEM))
    authority = Authority(folder)
    authority.write_list()
    return authority


class Authority:
    """The authority in `folder`: ca.key, ca.pem, ca.der, crl.pem, issued.json, issued/NAME/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
            self._certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        except FileNotFoundError:
            raise UserError(f"{folder}: no authority here; make one: kista ca init") from None
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}") from None
        except (ValueError, TypeError):
            raise UserError(f"{folder}: ca.key or ca.pem is damaged") from None

    def entries(self) -> list[Entry]:
        """Return what was ever issued, oldest first."""
        try:
            return [Entry(**entry) for entry in json.loads(self._ledger.read_text())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            raise UserError(f"{self._ledger}: damaged; restore it before going on") from None

    @property
    def _ledger(self) -> Path:
        return self.folder / "issued.json"

    def issue(self, name: str, renew: bool = False) -> Path:
        """Return the folder with the certificate and key of `name`, as PEM and as DER.

        With `renew` the certificates before stay good until they are revoked.
        """
        valid = [entry for entry in self.entries() if entry.name == name and not entry.revoked]
        if valid and not renew:
            raise UserError(
                f"{name} has a certificate; add --renew for one more, or revoke it: "
                f"kista ca revoke {name}"
            )
        folder = self.folder / "issued" / check_name(name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, certificate = self._sign(name, ExtendedKeyUsageOID.CLIENT_AUTH)
        (folder / "cert.pem").write_bytes(certificate.public_bytes(PEM))
        (folder / "cert.der").write_bytes(certificate.public_bytes(DER))
        write_secret(folder / "key.pem", _private(key, PEM))
        write_secret(folder / "key.der", _private(key, DER))
        return folder

    def issue_server(self, hosts: list[str], folder: Path) -> None:
        """Put broker.pem and broker.key for a server with these names or addresses in `folder`."""
        key, certificate = self._sign(hosts[0][:CN_MOST], ExtendedKeyUsageOID.SERVER_AUTH, hosts)
        (folder / "broker.pem").write_bytes(certificate.public_bytes(PEM))
        write_secret(folder / "broker.key", _private(key, PEM))

    def revoke(self, name: str, all_but_newest: bool = False) -> int:
        """Return how many certificates of `name` were good; UserError when none was."""
        entries = self.entries()
        found = [entry for entry in entries if entry.name == name and not entry.revoked]
        if all_but_newest:
            found = found[:-1]
        if not found:
            raise UserError(f"{name}: no certificate to revoke")
        for entry in found:
            entry.revoked = _iso(datetime.now(timezone.utc))
        self._save(entries)
        self.write_list()
        return len(found)

    def write_list(self) -> None:
        """Write crl.pem, the list of the revoked, anew."""
        now = datetime.now(timezone.utc)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(now + timedelta(days=LIST_DAYS))
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(self._identifier(), critical=False)
        )
        for entry in self.entries():
            if entry.revoked:
                revoked = (
                    x509.RevokedCertificateBuilder()
                    .serial_number(int(entry.serial, 16))
                    .revocation_date(datetime.fromisoformat(entry.revoked))
                )
                builder = builder.add_revoked_certificate(revoked.build())
        text = builder.sign(self._key, hashes.SHA256()).public_bytes(PEM)
        partial = self.folder / "crl.pem.partial"
        partial.write_bytes(text)
        partial.replace(self.folder / "crl.pem")

    def _sign(self, name: str, purpose: x509.ObjectIdentifier, hosts: list[str] | None = None):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _begin(name, key.public_key(), ISSUED_DAYS)
            .issuer_name(self._certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(self._identifier(), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        entry = Entry(
            name if purpose == ExtendedKeyUsageOID.CLIENT_AUTH else f"broker {name}",
            f"{certificate.serial_number:x}",
            _iso(datetime.now(timezone.utc)),
            _iso(certificate.not_valid_after_utc),
        )
        # First the ledger: what it does not know could not be revoked.
        self._save([*self.entries(), entry])
        return key, certificate

    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._certificate.public_key())

    def _save(self, entries: list[Entry]) -> None:
        text = json.dumps([asdict(entry) for entry in entries], indent=1)
        write_secret(self._ledger, text.encode() + b"\n")


def _begin(name: str, public_key, days: int) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.private_bytes(
        encoding,
        # SEC1: 121 bytes of DER, which every mbedTLS takes.
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
