"""The demo: broker, simulated node and ingest on this PC, watched live, and audited at the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway import config
from host_tools import boards
from host_tools.broker import Broker
from host_tools.demo.view import State, scaled
from host_tools.errors import UserError
from host_tools.ingest import database
from host_tools.ingest.worker import Worker
from host_tools.twin import audit, run, tape
from host_tools.urls import parse_broker

NODE = "demo"
SPEED = 2200
# Of the 64-bit port: what takes 96 KiB here takes about 48 on a chip, which has 147.
HEAP = "96k"
# Parts of the whole: of a day, from 6:00 to 10:00 and at 14:12.
OUTAGE = (6 / 24, 10 / 24)
POWER_CUT = 14.2 / 24
LOOK_EVERY_S = 0.25
# After the node has delivered everything, ingest has so long to commit it.
COMMIT_WITHIN_S = 20.0
# MQTT's own bytes around a message at QoS 1: fixed header, length of the topic, packet id.
MQTT_OVERHEAD = 2 + 2 + 2


@dataclass
class Outcome:
    """What the demo found."""

    audit: audit.Audit
    replay: audit.Replay | None
    recording: tape.Recording
    json_bytes: int
    wire_bytes: int
    seconds: float

    @property
    def good(self) -> bool:
        return self.audit.good and not (self.replay and self.replay.different)


class Demo:
    """One run in `folder`. `look()` is to be called now and then; it brings `state` up to date."""

    def __init__(
        self,
        folder: Path,
        recordings: list[Path],
        seed: int,
        speed: int | None,
        hours: float = run.DEFAULT_HOURS,
    ) -> None:
        self._folder = folder
        self._began = time.monotonic()
        self.state = State()
        self._wire_before = self._wire_now = 0
        self._delivered_before = self._delivered_now = 0
        self._rows_before = self._rows_now = 0
        self._stopping = False
        self._failure: BaseException | None = None
        self._database = folder / "demo.db"
        self._broker = Broker()
        self._recording = tape.read(recordings)
        default = 0 if recordings else SPEED
        self._plan = run.Plan(
            node=NODE,
            broker=parse_broker(self._broker.url),
            flash=folder / "demo.flash",
            recordings=recordings,
            seed=seed,
            speed=default if speed is None else speed,
            hours=None if recordings else hours,
            outages=[(hours * OUTAGE[0], hours * OUTAGE[1])],
            power_cuts=[hours * POWER_CUT],
            heap=HEAP,
        )
        self._settings = run.settings(self._plan, boards.load("sim"), set(self._recording.rows))
        self._ledger = audit.Ledger(self._plan.ledger)
        self._prepare_state()

    def _prepare_state(self) -> None:
        state = self.state
        for stream in self._settings["streams"]:
            state.channels[stream["name"]] = config.channels(stream, config.load_driver)
        start, spans = run.spans(self._plan, self._recording)
        state.start_ms = state.now_ms = start
        state.end_ms = spans[-1][1]

    def run(self, look: Callable[[], None]) -> Outcome:
        """Run to the end, calling `look()` now and then; `UserError` when a part fails."""
        with self._broker:
            worker = Worker(self._plan.broker, self._database, lambda text: None)
            ingest = threading.Thread(target=self._guard, args=(worker.run,), daemon=True)
            node = threading.Thread(target=self._guard, args=(self._run_node,), daemon=True)
            ingest.start()
            if not worker.ready.wait(10):
                raise UserError("ingest cannot reach the demo's own broker")
            try:
                node.start()
                self._watch(node, look)
                self._wait_for_commits(worker, look)
            finally:
                self._stopping = True
                worker.stop()
                if node.ident:
                    node.join(5)
                ingest.join(5)
        return self._outcome()

    def _guard(self, function: Callable) -> None:
        """Run a thread's function; what it raises ends the demo."""
        try:
            function()
        except BaseException as error:
            self._failure = error

    def _run_node(self) -> None:
        run.run(self._plan, self._hear)

    def _watch(self, node: threading.Thread, look: Callable[[], None]) -> None:
        while node.is_alive() and self._failure is None:
            node.join(LOOK_EVERY_S)
            self.look()
            look()
        if self._failure is not None:
            raise self._failure

    def _wait_for_commits(self, worker: Worker, look: Callable[[], None]) -> None:
        """Let ingest finish: it is done when the number of its frames stands still."""
        until = time.monotonic() + COMMIT_WITHIN_S
        last, since = -1, time.monotonic()
        while time.monotonic() < until and time.monotonic() - since < 1.0:
            frames = worker.counts["frames"]
            if frames != last:
                last, since = frames, time.monotonic()
            time.sleep(LOOK_EVERY_S)
            self.look()
            look()

    def _hear(self, event: dict) -> None:
        """Take what the node says; called in the node's thread."""
        if self._stopping:
            raise UserError("stopped")
        state = self.state
        state.now_ms = event.get("now", state.now_ms)
        kind = event["event"]
        if kind == "status":
            self._hear_status(event)
        elif kind == "boot":
            self._rows_before += self._rows_now
            self._wire_before += self._wire_now
            self._delivered_before += self._delivered_now
            self._rows_now = self._wire_now = self._delivered_now = 0
            state.happened("the node boots")
            state.link = ""
        elif kind == "power_cut":
            state.happened("power cut in the middle of a flash write", "bold red")
        elif kind == "console":
            state.happened(event["text"].strip().splitlines()[-1], "red")

    def _hear_status(self, event: dict) -> None:
        state = self.state
        link = event["link"]
        self._rows_now = event["rows"]
        self._wire_now = link["bytes_out"]
        self._delivered_now = link["acked"]
        if link["state"] != state.link:
            # By now some of them may already be delivered.
            self._tell_link(link["state"], max(event["waiting"], state.frames_waiting))
        if state.frames_waiting > 4 and not event["waiting"]:
            state.happened("the backlog is delivered", "green")
        state.link = link["state"]
        state.rows_taken = self._rows_before + self._rows_now
        state.frames_waiting = event["waiting"]
        state.frames_delivered = self._delivered_before + self._delivered_now
        state.wire_bytes = self._wire_before + self._wire_now
        for name, row in zip(state.channels, event["last"], strict=False):
            state.last[name] = row

    def _tell_link(self, link: str, waiting: int) -> None:
        if link == "no network":
            self.state.happened("the network is gone; the node keeps on reading", "yellow")
        elif link == "online":
            self.state.happened(f"connected to the broker; {waiting} frames wait in flash", "green")

    def look(self) -> None:
        """Bring what is not the node's to say up to date: the database, the size as JSON."""
        for row in self._ledger.read():
            self.state.json_bytes += self._json_size(row)
        if self._database.exists():
            db = database.open_existing(self._database)
            try:
                self.state.rows_stored = db.execute("SELECT count(*) FROM rows").fetchone()[0]
            finally:
                db.close()

    def _json_size(self, row: audit.Taken) -> int:
        """Return the bytes of an MQTT message with this row as JSON."""
        stream, channels = list(self.state.channels.items())[row.stream]
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row.time_ms // 1000))
        message: dict = {"time": when}
        for (name, _, scale), value in zip(channels, row.values, strict=True):
            if value is not None:
                message[name] = float(scaled(value, scale)) if scale > 1 else value
        payload = json.dumps(message, separators=(",", ":"))
        return MQTT_OVERHEAD + len(f"kista/1/{NODE}/{stream}") + len(payload)

    def _outcome(self) -> Outcome:
        self.look()
        db = database.open_existing(self._database)
        try:
            found = audit.compare(self._ledger, db, NODE, list(self.state.channels))
            replay = None
            if self._recording.rows:
                replay = audit.replayed(self._recording, db, NODE)
        finally:
            db.close()
        return Outcome(
            audit=found,
            replay=replay,
            recording=self._recording,
            json_bytes=self.state.json_bytes,
            wire_bytes=self.state.wire_bytes,
            seconds=time.monotonic() - self._began,
        )
