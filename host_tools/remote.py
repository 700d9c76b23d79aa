"""One node as its broker knows it: what it said last, and whether it answers now."""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass

import paho.mqtt.client as mqtt

from host_tools.errors import UserError
from host_tools.tls import Identity
from host_tools.urls import Broker

CONNECT_WITHIN_S = 10.0
# What the broker keeps comes with the subscription.
KEPT_WITHIN_S = 1.0


@dataclass
class Word:
    """`state`: "online", "offline" or None; `health`: its last, {} when there is none.

    `answered`: whether it carried a command out just now and was heard.
    """

    state: str | None = None
    health: dict | None = None
    answered: bool = False


class _Ear:
    """Collects what the node publishes; paho's thread writes, ours waits."""

    def __init__(self, base: str, ident: str) -> None:
        self.word = Word()
        self.connected = threading.Event()
        self.fresh = threading.Event()
        self.refused = ""
        self._base = base
        self._ident = ident

    def on_connect(self, client, userdata, flags, reason, properties) -> None:
        if reason.is_failure:
            self.refused = str(reason)
        self.connected.set()

    def on_message(self, client, userdata, message) -> None:
        try:
            told = json.loads(message.payload)
        except ValueError:
            return
        if not isinstance(told, dict):
            return
        name = message.topic[len(self._base) :]
        if name == "status":
            self.word.state = told.get("state")
        elif name == "health":
            self.word.health = told
            if self.word.answered and not message.retain:
                self.fresh.set()
        elif name == "reply" and told.get("id") == self._ident:
            self.word.answered = True


def ask(broker: Broker, identity: Identity, node: str, within_s: float) -> Word:
    """Return what `node` says through `broker`; UserError when the broker is not to be had."""
    base, ident = f"kista/1/{node}/", secrets.token_hex(8)
    ear = _Ear(base, ident)
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        identity.secure(client)
    client.on_connect, client.on_message = ear.on_connect, ear.on_message
    try:
        client.connect(broker.host, broker.port)
    except (OSError, ValueError) as error:
        raise UserError(f"{broker}: {error}") from None
    client.loop_start()
    try:
        if not ear.connected.wait(CONNECT_WITHIN_S) or ear.refused:
            raise UserError(f"{broker}: {ear.refused or 'no answer; is the certificate good?'}")
        client.subscribe([(base + name, 1) for name in ("status", "health", "reply")])
        end = time.monotonic() + KEPT_WITHIN_S
        while ear.word.state is None and time.monotonic() < end:
            time.sleep(0.02)
        if ear.word.state == "online":
            client.publish(f"{base}command/health", json.dumps({"id": ident}), 1)
            ear.fresh.wait(within_s)
    finally:
        client.disconnect()
        client.loop_stop()
    return ear.word
