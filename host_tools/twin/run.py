"""Run a simulated node: build the firmware, start MicroPython, start it again after a cut."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway import config
from gateway.settings import PROVEN
from host_tools import boards, build, traced
from host_tools.errors import UserError
from host_tools.twin import faults, node_exits, source, tape, time_server, world
from host_tools.urls import Broker

# 72 KiB as a chip with 32-bit words counts them; a board has 147. Room for a few sensors more than
# the demo's three.
HEAP = "72wk"
BUILD = build.ROOT / "build" / "twin"
IMAGE = BUILD / "rom.img"
HOUR_MS = 3600 * 1000
DEFAULT_HOURS = 24
# A Monday, 00:00 UTC.
GENERATOR_START_MS = 1778457600000
BOOT_TAKES_MS = 3000
CRASHES_MOST = 3
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
    faults: bool = False
    heap: str = HEAP

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


def fitted(chosen: dict | None) -> set[str]:
    """Return the drivers that a configuration names; those of the default one without any."""
    try:
        return {sensor["driver"] for stream in chosen["streams"] for sensor in stream["sensors"]}
    except (TypeError, KeyError):
        # None is given, or it will be refused when it is checked.
        return set(tape.PLAYERS)


def run(plan: Plan, on_event: Callable[[dict], None]) -> None:
    """Run the node to the end of the plan; `on_event` hears what it says, a dict an event.

    `UserError` when the configuration is refused or the node fails.
    """
    build.write_rom(build.device_files(twin=True), BUILD, IMAGE, build.host_arch())
    recording = tape.read(plan.recordings, fitted(plan.config))
    on_event(
        {"event": "recording", "skipped": dict(recording.skipped), "rounded": recording.rounded}
    )
    board = boards.load(plan.board)
    partitions = board["flash"]["partitions"]
    with tempfile.TemporaryDirectory(prefix="kista-twin-") as name:
        folder = Path(name)
        tapes = recording.write(folder) if plan.recordings else {}
        chosen = settings(plan, board, set(tapes))
        universe = world.World(
            plan.flash, {part: partitions[part]["size"] for part in ("journal", "spool")}
        )
        try:
            _connect(universe, chosen, board, tapes, plan)
            _run_spans(plan, recording, universe, (board, chosen), folder, on_event)
        finally:
            universe.close()


def _provision(flash: Path, config: str) -> Path:
    """Give the node its configuration, unless it has had that before; return its folder."""
    folder = flash.with_name(flash.name + ".config")
    given = folder / "given.json"
    if not given.exists() or given.read_text() != config:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / PROVEN).write_text(config)
        given.write_text(config)
    return folder


def _connect(universe, chosen: dict, board: dict, tapes: dict, plan: Plan) -> None:
    """Hang the sensors' models on the world's buses."""
    models: dict[str, list] = {}
    for stream in chosen["streams"]:
        for sensor in stream["sensors"]:
            driver = sensor["driver"]
            module = importlib.import_module(f"host_tools.twin.sensors.{driver}")
            if driver in tapes:
                truth = source.Tape(tapes[driver])
            else:
                truth = source.Generator(plan.seed, getattr(module, "USUAL", None))
            model = module.Model(truth, sensor)
            ends = {"bus": model}
            if "bus2" in sensor:
                ends["bus2"] = model.second
            for key, end in ends.items():
                if plan.faults:
                    end = faults.Unruly(end, plan.seed + zlib.crc32(driver.encode()))
                models.setdefault(sensor[key], []).append(end)
    # A bus without a sensor is silent: a configuration that is sent later may ask for it.
    for bus, about in board["buses"].items():
        universe.connect(bus, about["kind"], models.get(bus, []))


def _run_spans(plan: Plan, recording, universe, node: tuple, folder: Path, on_event) -> None:
    """Run the node through each stretch of time, in as many boots as resets and cuts make of it."""
    start, stretches = spans(plan, recording)
    last = stretches[-1][1]
    board, chosen = node
    cuts = sorted(_at(start, hour) for hour in plan.power_cuts)
    common = {
        "board": {"name": board["name"], "buses": board["buses"]},
        "settings": f"{_provision(plan.flash, json.dumps(chosen))}/",
        "seed": plan.seed,
        "speed": plan.speed,
        # What waits at the end is to be delivered.
        "outages": [[_at(start, a), min(_at(start, b), last)] for a, b in plan.outages],
        "places": universe.places,
    }
    universe.time_server = time_server.TimeServer(
        common["outages"], plan.seed if plan.faults else None
    )
    crashes = 0
    for number, (begin, end) in enumerate(stretches):
        drain = plan.drain and number == len(stretches) - 1
        while universe.clock() < end or drain:
            cuts = [cut for cut in cuts if cut > universe.clock()]
            cut = cuts[0] if cuts else None
            now = max(begin, universe.clock() + BOOT_TAKES_MS if universe.clock() else 0)
            was_reset = universe.begin_boot(cut, plan.seed)
            span = {**common, "now_ms": now, "end_ms": end, "drain": drain, "was_reset": was_reset}
            path = folder / "plan.json"
            path.write_text(json.dumps(span))
            code, console = _boot(plan.heap, path, universe, on_event)
            crashes = crashes + 1 if console and code == node_exits.EXIT_RESET else 0
            if crashes >= CRASHES_MOST:
                raise UserError(f"the node crashes again and again:\n{console}")
            if code == node_exits.EXIT_DONE:
                break
            if code == node_exits.EXIT_POWER_CUT:
                cuts = cuts[1:]
                on_event({"event": "power_cut", "now": universe.now_ms})
                begin = universe.now_ms + POWER_OFF_MS


def _at(start_ms: int, hours: float) -> int:
    return start_ms + round(hours * HOUR_MS)


def _boot(heap: str, path: Path, universe: world.World, on_event) -> tuple[int, str]:
    """Run one boot of the node; return its exit code and what it printed."""
    child_reads, we_write = os.pipe()
    we_read, child_writes = os.pipe()
    command = [
        *(sys.executable, "-m", "host_tools.twin.chip", str(IMAGE), heap, "main"),
        *(f"/dev/fd/{child_reads}", f"/dev/fd/{child_writes}", str(path)),
    ]
    process = subprocess.Popen(
        command,
        pass_fds=(child_reads, child_writes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.close(child_reads)
    os.close(child_writes)
    try:
        with open(we_read, "rb") as reader, open(we_write, "wb") as writer:
            universe.serve(reader, writer, on_event)
        printed, _ = process.communicate()
        console = traced.in_sources(printed, build.device_files(twin=True)) if printed else ""
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode not in node_exits.EXITS:
        raise UserError(f"the node failed with exit code {process.returncode}:\n{console}")
    if console:
        on_event({"event": "console", "text": console})
    return process.returncode, console


def settings(plan: Plan, board: dict, recorded: set[str]) -> dict:
    """Return the node's configuration, checked as the node itself will check it."""
    drivers = recorded or {driver for _, _, sensors in STREAMS for driver in sensors}
    chosen = dict(plan.config or default_config(drivers))
    chosen["node"] = plan.node
    chosen["broker"] = {"host": plan.broker.host, "port": plan.broker.port}
    for key in ("user", "password"):
        if getattr(plan.broker, key):
            chosen["broker"][key] = getattr(plan.broker, key)
    try:
        config.check(chosen, board, config.load_driver)
    except config.ConfigError as error:
        raise UserError(f"configuration: {error}") from None
    return chosen


def spans(plan: Plan, recording: tape.Recording) -> tuple[int, list[tuple[int, int]]]:
    """Return (start, [(begin, end), …]) in unix ms: when the node is switched on."""
    if not plan.recordings:
        start = GENERATOR_START_MS
        return start, [(start, _at(start, plan.hours or DEFAULT_HOURS))]
    found = [(a - LEAD_MS, b + TRAIL_MS) for a, b in recording.spans(SKIP_MS)]
    start = found[0][0]
    if plan.hours is not None:
        most = _at(start, plan.hours)
        found = [(a, min(b, most)) for a, b in found if a < most]
    return start, found
