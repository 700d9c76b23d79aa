"""MQTT to database: a message is acknowledged only after its rows are committed."""

from __future__ import annotations

import queue
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt

from host_tools.errors import UserError
from host_tools.ingest import database, messages
from host_tools.ingest.messages import Arrival, Message
from host_tools.ingest.repair import Repair
from host_tools.ingest.store import Store
from host_tools.tls import Identity
from host_tools.urls import Broker

# A batch ends with whichever comes first; what arrives during its commit is the next batch.
BATCH_MOST = 256
BATCH_MOST_S = 0.2
# At the limit the network thread waits, and with it the broker.
QUEUED_MOST = 4096
KEEPALIVE_S = 30
CONNECT_MOST_S = 10
RECONNECT_MOST_S = 30
# A frame that a broker has acknowledged and not passed on by then is asked for again.
ASK_AFTER_S = 120.0
RETRY_LEAST_S = 0.2
RETRY_MOST_S = 10.0
_TURN_S = 0.1
_TRANSIENT = ("locked", "busy", "full", "disk I/O")


@dataclass(frozen=True)
class _Delivery:
    """A message and what acknowledges it: a packet id means nothing on a later connection.

    `packet` is 0 for a message of QoS 0, which has none.
    """

    message: Message
    connection: int
    packet: int


class Worker:
    """Takes what nodes publish at `broker` into the database at `path`.

    `say` hears a line an episode when something outside goes wrong, and when it is well again.
    `counts` grows as `Store.apply` counts; `ready` is set while the broker has our subscriptions.
    """

    def __init__(
        self,
        broker: Broker,
        path: Path,
        say: Callable[[str], None],
        identity: Identity = Identity(),  # noqa: B008 - it is frozen
        ask_after_s: float = ASK_AFTER_S,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.ready = threading.Event()
        self._broker = broker
        self._path = path
        self._say = say
        self._identity = identity
        self._ask_after_s = ask_after_s
        self._stop = threading.Event()
        self._queue: queue.Queue[_Delivery] = queue.Queue(QUEUED_MOST)
        self._connection = 0
        self._connection_lock = threading.Lock()
        self._was_ready = False
        self._refused = ""
        self._trouble = ""

    def stop(self) -> None:
        """Let `run` finish its batch, acknowledge it and return; for any thread or signal."""
        self._stop.set()

    def run(
        self, until_idle_s: float | None = None, on_turn: Callable[[], None] | None = None
    ) -> Counter[str]:
        """Work until `stop`, or until nothing new came for `until_idle_s`; return the counts.

        `on_turn` is called several times a second. `UserError`: a database that cannot be used,
        credentials that the broker refuses; with `until_idle_s`, a broker that is not there.
        """
        with database.alone(self._path):
            return self._run(until_idle_s, on_turn)

    def _run(self, until_idle_s: float | None, on_turn: Callable[[], None] | None) -> Counter[str]:
        db = database.create(self._path)
        client = self._client(database.client_id(db))
        store = Store(db)
        repair = Repair(lambda topic, payload: client.publish(topic, payload, 1), self._ask_after_s)
        self.counts["waiting"] = store.waiting()
        client.connect_async(self._broker.host, self._broker.port, KEEPALIVE_S)
        client.loop_start()
        try:
            started_at = busy_at = time.monotonic()
            while not self._stop.is_set():
                if self._work(store, client) or not self._was_ready:
                    busy_at = time.monotonic()
                if self._ask_after_s and self.ready.is_set():
                    repair.step(db, time.monotonic())
                    self.counts["asked"] = repair.asked
                if on_turn:
                    on_turn()
                if self._was_ready:
                    if until_idle_s is not None and time.monotonic() - busy_at >= until_idle_s:
                        break
                elif self._refused:
                    raise UserError(f"{self._broker}: {self._refused}")
                elif until_idle_s is not None and busy_at - started_at > CONNECT_MOST_S:
                    raise UserError(f"{self._broker}: {self._trouble or 'no answer'}")
        finally:
            # Also sends the acknowledgements that still wait. Waiting messages are not ours yet:
            # the broker keeps them for the next time.
            self._stop.set()
            client.disconnect()
            client.loop_stop()
            db.close()
        return self.counts

    def _work(self, store: Store, client: mqtt.Client) -> bool:
        """Commit and acknowledge what waits, one batch; return whether there was any."""
        deliveries, arrivals = self._collect()
        if not deliveries:
            return False
        counts = self._commit(store, arrivals)
        if counts is None:
            return False
        self.counts.update(counts)
        for delivery in deliveries:
            self._acknowledge(client, delivery)
        return True

    def _collect(self) -> tuple[list[_Delivery], list[Arrival]]:
        """Return a batch, already read: decoding is slow and needs no open transaction."""
        deliveries, arrivals = [], []
        end = None
        while len(deliveries) < BATCH_MOST and (end is None or time.monotonic() < end):
            try:
                delivery = self._queue.get(end is None, _TURN_S)
            except queue.Empty:
                break
            end = end or time.monotonic() + BATCH_MOST_S
            deliveries.append(delivery)
            arrivals.append(messages.read(delivery.message))
        return deliveries, arrivals

    def _commit(self, store: Store, arrivals: list[Arrival]) -> Counter[str] | None:
        """Commit, however long the database is locked or the disk full; None when stopped first."""
        since = None
        wait_s = RETRY_LEAST_S
        while True:
            try:
                counts = store.apply(arrivals)
            except sqlite3.OperationalError as error:
                if not any(word in str(error) for word in _TRANSIENT):
                    raise UserError(f"{self._path}: {error}") from None
                if since is None:
                    since = time.monotonic()
                    self._say(f"{self._path}: {error}; nothing is acknowledged, trying again")
                if self._stop.wait(wait_s):
                    return None
                wait_s = min(2 * wait_s, RETRY_MOST_S)
                continue
            except sqlite3.DatabaseError as error:
                raise UserError(f"{self._path}: {error}") from None
            if since is not None:
                self._say(f"{self._path}: written again after {time.monotonic() - since:.0f} s")
            return counts

    def _acknowledge(self, client: mqtt.Client, delivery: _Delivery) -> None:
        # Never on another connection: there the same packet id is another message, which may not
        # be committed. The broker sends this one again, and it changes nothing then.
        with self._connection_lock:
            if delivery.packet and delivery.connection == self._connection:
                client.ack(delivery.packet, 1)

    # --- Below: called by paho, in its thread ---

    def _client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id, clean_session=False, manual_ack=True
        )
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.tls:
            self._identity.secure(client)
        client.reconnect_delay_set(1, RECONNECT_MOST_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client, userdata, flags, reason, properties) -> None:
        if reason.is_failure:
            return self._refuse(f"the broker refuses us ({reason})")
        # Also with a session that the broker kept: it may have been kept before a kind was added.
        client.subscribe([(f"{messages.ROOT}/+/{kind}", 1) for kind in messages.SUBSCRIPTIONS])

    def _on_subscribe(self, client, userdata, packet, reasons, properties) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            return self._refuse(f"the broker refuses our subscriptions ({refused[0]})")
        if self._trouble or not self._was_ready:
            self._say(f"{self._broker}: connected")
        self._trouble = self._refused = ""
        self._was_ready = True
        self.ready.set()

    def _on_connect_fail(self, client, userdata) -> None:
        # paho calls this while it handles the error, and hands over no reason.
        self._complain(f"cannot connect ({sys.exc_info()[1] or 'no answer'})")

    def _on_disconnect(self, client, userdata, flags, reason, properties) -> None:
        self.ready.clear()
        with self._connection_lock:
            self._connection += 1
        if not (self._stop.is_set() or self._refused):
            self._complain(f"connection lost ({reason})")

    def _refuse(self, reason: str) -> None:
        """A broker that never let us in ends `run`; one that did is asked again."""
        self._refused = reason
        if self._was_ready:
            self._complain(reason)

    def _complain(self, trouble: str) -> None:
        """Say what is wrong with the broker, once an episode."""
        if not self._trouble:
            self._say(f"{self._broker}: {trouble}; trying again")
        self._trouble = trouble

    def _on_message(self, client, userdata, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode("utf-8", "surrogateescape")
        arrived_ms = time.time_ns() // 1_000_000
        content = Message(topic, bytes(message.payload), arrived_ms, message.retain)
        delivery = _Delivery(content, self._connection, message.mid if message.qos else 0)
        while not self._stop.is_set():
            try:
                return self._queue.put(delivery, timeout=_TURN_S)
            except queue.Full:
                continue
