"""Fetch what pip cannot install: umqtt.simple, whose archive has no setup.py."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from host_tools import build
from host_tools.errors import UserError

UMQTT = "micropython-umqtt.simple==1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"
MEMBER = "umqtt/simple.py"


def fetch_umqtt(target: Path = build.UMQTT) -> Path:
    """Put `umqtt/simple.py` of the pinned release at `target`; `UserError` when it cannot."""
    if target.exists():
        return target
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "unearth", UMQTT, "--no-binary", "--download", folder]
        if "PIP_INDEX_URL" in os.environ:
            # A house with a package index of its own has told pip so; unearth does not ask pip.
            command += ["--index-url", os.environ["PIP_INDEX_URL"]]
        result = subprocess.run(command, capture_output=True, text=True)
        archives = list(Path(folder).glob("*.tar.gz"))
        if result.returncode or not archives:
            last = (result.stderr.strip().splitlines() or ["nothing said"])[-1]
            raise UserError(f"{UMQTT} could not be downloaded; is there a network? ({last})")
        if hashlib.sha256(archives[0].read_bytes()).hexdigest() != UMQTT_SHA256:
            raise UserError(f"{UMQTT} is not the archive it should be (SHA-256 differs); not used")
        with tarfile.open(archives[0]) as archive:
            name = next(name for name in archive.getnames() if name.endswith(MEMBER))
            text = archive.extractfile(name).read()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text)
    return target


if __name__ == "__main__":
    try:
        fetch_umqtt()
    except UserError as error:
        sys.exit(f"kista: {error}")
