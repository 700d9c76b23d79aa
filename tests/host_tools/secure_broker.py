"""A real Mosquitto with the configuration that `kista broker mosquitto` writes."""

import contextlib
import shutil
import socket
import subprocess
import time

import pytest

from host_tools import authority, mosquitto
from host_tools.broker import free_port

HOST = "localhost"


class SecureBroker:
    """An authority in `folder`/ca, certificates for `names`, Mosquitto on a loopback port."""

    def __init__(self, folder, *names):
        self.folder = folder
        self.port = free_port()
        self.house = authority.create(folder / "ca", "Test")
        for name in names:
            self.house.issue(name)
        self.configure([HOST])

    def configure(self, hosts):
        self.conf = mosquitto.write(
            self.folder / "broker", self.house, hosts, ["ingest"], self.port, "127.0.0.1"
        )

    @property
    def url(self):
        return f"mqtts://{HOST}:{self.port}"

    def issued(self, name):
        return self.folder / "ca" / "issued" / name

    def cli(self, name):
        """Return the options with which a tool is `name`."""
        of = self.issued(name)
        files = (self.folder / "ca/ca.pem", of / "cert.pem", of / "key.pem")
        return [str(part) for pair in zip(("--ca", "--cert", "--key"), files) for part in pair]

    @contextlib.contextmanager
    def running(self):
        if not shutil.which("mosquitto"):
            pytest.skip("mosquitto is not on PATH")
        with open(self.folder / "mosquitto.log", "ab") as log:
            process = subprocess.Popen(["mosquitto", "-c", str(self.conf)], stdout=log, stderr=log)
        try:
            self._wait(process)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def _wait(self, process):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert process.poll() is None, (self.folder / "mosquitto.log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")
