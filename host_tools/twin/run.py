"""Run a simulated node: build the firmware, start MicroPython, start it again after a cut."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway import app, config
from host_tools import boards, build
from host_tools.errors import UserError
from host_tools.twin import tape, world
from host_tools.urls import Broker

HEAP_KIB = 96
BUILD = build.ROOT / "build" / "twin"
HOUR_MS = 3600 * 1000
DEFAULT_HOURS = 24
# A Monday, 00:00 UTC.
GENERATOR_START_MS = 1778457600000
# How long the power stays away after a cut.
POWER_OFF_MS = 5 * 60 * 1000
# A radar's first period must have begun before it is recorded; a last row must be read after it.
LEAD_MS = 310 * 1000
TRAIL_MS = 20 * 1000
# Where a recording has nothing to say for this long, the node is switched off and the time skipped.
SKIP_MS = HOUR_MS
STREAMS = (
    ("air", 10_000, {"sds011": "uart1", "bme280": "i2c0"}),
    ("traffic", 300_000, {"ld2451": "uart2"}),
)


@dataclass
class Plan:
    """What is simulated. Times in hours count from the simulation's start."""

    node: str
    broker: Broker
    flash: Path
    board: str = "sim"
    recordings: list[Path] = field(default_factory=list)
    speed: int = 0
    seed: int = 1
    hours: float | None = None
    drain: bool = True
    config: dict | None = None
    outages: list[tuple[float, float]] = field(default_factory=list)
    power_cuts: list[float] = field(default_factory=list)

    @property
    def ledger(self) -> Path:
        """Where every row taken is written down, outside the node."""
        return self.flash.with_name(self.flash.name + ".ledger")


def default_config(drivers: set[str]) -> dict:
    """Return streams for the `drivers` that have something to say."""
    streams = []
    for name, period_ms, sensors in STREAMS:
        fitted = [{"driver": d, "bus": bus} for d, bus in sensors.items() if d in drivers]
        if fitted:
            streams.append({"name": name, "period_ms": period_ms, "sensors": fitted})
    return {"streams": streams}


def run(plan: Plan, on_event: Callable[[dict], None]) -> None:
    """Run the node to the end of the plan; `on_event` hears what it says, a dict an event.

    `UserError` when the configuration is refused or the node fails.
    """
    build.compile_files(build.device_files(twin=True), BUILD)
    with tempfile.TemporaryDirectory(prefix="kista-twin-") as folder:
        recording = tape.read(plan.recordings)
        on_event({"event": "recording", "skipped": recording.skipped, "rounded": recording.rounded})
        tapes = recording.write(Path(folder)) if plan.recordings else {}
        board = boards.load(plan.board)
        settings = _config(plan, board, tapes)
        start, spans = _spans(plan, recording)
        common = {
            "flash": str(plan.flash),
            "ledger": str(plan.ledger),
            "board": board,
            "config": settings,
            "models": _models(settings),
            "tapes": {driver: str(path) for driver, path in tapes.items()},
            "seed": plan.seed,
            "speed": plan.speed,
            "outages": [[_at(start, a), _at(start, b)] for a, b in plan.outages],
        }
        cuts = sorted(_at(start, hour) for hour in plan.power_cuts)
        for number, (begin, end) in enumerate(spans):
            last = number == len(spans) - 1
            span = {**common, "start_ms": begin, "end_ms": end, "drain": plan.drain and last}
            _run_span(span, cuts, Path(folder) / "plan.json", on_event)


def _at(start_ms: int, hours: float) -> int:
    return start_ms + round(hours * HOUR_MS)


def _run_span(span: dict, cuts: list[int], path: Path, on_event: Callable[[dict], None]) -> None:
    """Run the node from `start_ms` to `end_ms`, in as many boots as it takes."""
    while True:
        clock = _clock(Path(span["flash"]))
        if clock >= span["end_ms"] and not span["drain"]:
            return
        while cuts and cuts[0] <= clock:
            cuts.pop(0)
        span["power_cut_ms"] = cuts[0] if cuts else None
        path.write_text(json.dumps(span))
        code = _boot(path, on_event)
        if code == world.EXIT_DONE:
            return
        if code == world.EXIT_POWER_CUT:
            cuts.pop(0)
            span["start_ms"] = _clock(Path(span["flash"])) + POWER_OFF_MS


def _boot(path: Path, on_event: Callable[[dict], None]) -> int:
    """Run one boot of the node; return its exit code."""
    command = [*build.micropython(HEAP_KIB), "-m", "host_tools.twin.node", str(path)]
    environment = {**os.environ, "MICROPYPATH": f"{BUILD}:.frozen"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    noise = []
    try:
        for line in process.stdout:
            if line.startswith("{"):
                on_event(json.loads(line))
            else:
                noise.append(line)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code not in world.EXITS:
        raise UserError(f"the node failed with exit code {code}:\n{''.join(noise[-20:])}")
    if noise:
        on_event({"event": "console", "text": "".join(noise)})
    return code


def _clock(flash: Path) -> int:
    """Return the simulated time at which the node of this flash file was last seen, or 0."""
    if not flash.exists():
        return 0
    with flash.open("rb") as file:
        return int.from_bytes(file.read(8), "little")


def _config(plan: Plan, board: dict, tapes: dict) -> dict:
    """Return the node's configuration, checked as the node itself will check it."""
    drivers = set(tapes) or {driver for _, _, sensors in STREAMS for driver in sensors}
    settings = dict(plan.config or default_config(drivers))
    settings["node"] = plan.node
    settings["broker"] = {"host": plan.broker.host, "port": plan.broker.port}
    for key in ("user", "password"):
        if getattr(plan.broker, key):
            settings["broker"][key] = getattr(plan.broker, key)
    try:
        config.check(settings, board, app.load_driver)
    except config.ConfigError as error:
        raise UserError(f"configuration: {error}") from None
    return settings


def _models(settings: dict) -> dict:
    """Return {bus: [sensor settings, …]}: what hangs on each simulated bus."""
    models: dict[str, list] = {}
    for stream in settings["streams"]:
        for sensor in stream["sensors"]:
            models.setdefault(sensor["bus"], []).append(sensor)
    return models


def _spans(plan: Plan, recording: tape.Recording) -> tuple[int, list[tuple[int, int]]]:
    """Return (start, [(begin, end), …]) in unix ms: when the node is switched on."""
    if not plan.recordings:
        start = GENERATOR_START_MS
        return start, [(start, _at(start, plan.hours or DEFAULT_HOURS))]
    spans = [(a - LEAD_MS, b + TRAIL_MS) for a, b in recording.spans(SKIP_MS)]
    start = spans[0][0]
    if plan.hours is not None:
        most = _at(start, plan.hours)
        spans = [(a, min(b, most)) for a, b in spans if a < most]
    return start, spans
