"""An MQTT broker of our own for demo and tests: iotcore's rumqttd on a free loopback port."""

from __future__ import annotations

import socket

import iotcore


class Broker:
    """A context: the broker runs inside it, as a child process, on 127.0.0.1 only."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._broker = iotcore.Broker(port=self.port, listen="127.0.0.1")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Broker:
        self._broker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._broker.stop()


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Return whether nobody listens on a loopback port now."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
