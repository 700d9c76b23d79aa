"""Certificates for tests, by the openssl command: authorities of an hour's life."""

import shutil
import subprocess

import pytest

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
SETTINGS = """
[ca]
default_ca = here
[here]
database = {folder}/{name}.index
serial = {folder}/{name}.serial
new_certs_dir = {folder}
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
"""


class Authority:
    """An authority in a folder: `NAME.pem` and `NAME.der` of it and of what it signs."""

    def __init__(self, folder, name):
        if not shutil.which("openssl"):
            pytest.skip("openssl is not installed: apt install openssl")
        self.name = name
        self.folder = folder
        self.pem, self.der = folder / f"{name}.pem", folder / f"{name}.der"
        self._settings = folder / f"{name}.settings"
        self._settings.write_text(SETTINGS.format(folder=folder, name=name))
        (folder / f"{name}.index").write_text("")
        (folder / f"{name}.serial").write_text("01")
        subject = ("-subj", f"/CN={name}", "-keyout", folder / f"{name}.key")
        openssl("req", "-x509", "-days", 1, *KEY, *subject, "-out", self.pem)
        openssl("x509", "-in", self.pem, "-outform", "DER", "-out", self.der)

    def sign(self, file, common_name, start="20200101000000Z", end="20491231000000Z"):
        """Make FILE.pem, FILE.key and both as DER for a name; return the path without ending."""
        path = self.folder / file
        key, request, made = (path.with_suffix(kind) for kind in (".key", ".request", ".pem"))
        openssl("req", *KEY, "-subj", f"/CN={common_name}", "-keyout", key, "-out", request)
        openssl(
            *("ca", "-batch", "-notext", "-config", self._settings, "-in", request),
            *("-cert", self.pem, "-keyfile", self.folder / f"{self.name}.key"),
            *("-startdate", start, "-enddate", end, "-out", made),
        )
        openssl("x509", "-in", made, "-outform", "DER", "-out", path.with_suffix(".der"))
        openssl("ec", "-in", key, "-outform", "DER", "-out", path.with_suffix(".key.der"))
        return path


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
