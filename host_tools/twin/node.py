"""Start the firmware on the simulated hardware: node.py PLAN, a JSON file made by `run.py`.

It prints a JSON line an event, and keeps a ledger: one line for every row taken ("r stream boot
quality time value,…") and a "c" when all of them so far are in flash. The ledger is the measure of
what must arrive.
"""

import json
import sys
import time

import main
from gateway import app
from host_tools.twin import flash, hal, source, world
from host_tools.twin.scheduler import Scheduler

_BOOT_TAKES_MS = 3000
_LOOK_MS = 5000
_SAY_EVERY_REAL_MS = 150


def say(event, **facts):
    facts["event"] = event
    print(json.dumps(facts))


class Ledger:
    """The rows taken and the moments of commit, written down outside the node."""

    def __init__(self, path):
        self._file = open(path, "a")

    def row(self, stream, boot, quality, row):
        values = ",".join("" if value is None else str(value) for value in row[1])
        self._file.write("r %d %d %d %d %s\n" % (stream, boot, quality, row[0], values))
        self._file.flush()

    def commit(self):
        self._file.write("c\n")
        self._file.flush()


def watch(node, ledger, universe, scheduler):
    """Write down what goes into the spool, without the spool's knowing."""
    put, commit = node.spool.put, node.spool.commit

    def put_and_note(stream, row, quality):
        ledger.row(stream, node.health.boot, quality, row)
        universe.set_clock(scheduler.now_ms)
        return put(stream, row, quality)

    def commit_and_note():
        result = commit()
        ledger.commit()
        return result

    node.spool.put = put_and_note
    node.spool.commit = commit_and_note


class Observer:
    """Says what the node is doing, cuts its power when the plan says so, ends the run."""

    def __init__(self, plan, scheduler, nor):
        self._plan = plan
        self._scheduler = scheduler
        self._nor = nor
        self._said = 0
        self._stopped = False
        self._cut = plan["power_cut_ms"]

    async def watch(self, node):
        while True:
            await self._scheduler.sleep_ms(_LOOK_MS)
            now = self._scheduler.now_ms
            if self._cut is not None and now >= self._cut:
                self._cut = None
                self._nor.cut_next(self._plan["seed"])
            if time.ticks_diff(time.ticks_ms(), self._said) >= _SAY_EVERY_REAL_MS:
                self._said = time.ticks_ms()
                self._report(node)
            if now >= self._plan["end_ms"] and self._ended(node):
                self._report(node)
                return world.EXIT_DONE

    def _ended(self, node):
        if not self._stopped:
            self._stopped = True
            node.stop()
        return not self._plan["drain"] or node.delivered()

    def _report(self, node):
        last = {}
        for settings, stream in zip(node.config["streams"], node.streams):
            last[settings["name"]] = stream.last
        say(
            "status",
            now=self._scheduler.now_ms,
            rows=node.rows(),
            waiting=node.spool.pending(),
            link=node.uplink.stats(),
            network=node.hal.link.up(),
            last=last,
        )


def start(plan):
    """Run one boot as the plan says; return the exit code."""
    partitions = plan["board"]["flash"]["partitions"]
    sizes = [(name, partitions[name]["size"]) for name in ("journal", "spool")]
    universe = world.World(plan["flash"], sizes)
    now = universe.clock()
    now = max(plan["start_ms"], now + _BOOT_TAKES_MS if now else 0)
    scheduler = Scheduler(now, plan["speed"])
    network = hal.Network(scheduler, plan["outages"])
    nor = flash.Nor(universe.file, universe.offsets)
    models = {}
    for name, sensors in plan["models"].items():
        models[name] = [_model(sensor, plan) for sensor in sensors]
    hardware = hal.Hal(scheduler, universe, nor.partitions, models, network, plan["seed"])
    observer = Observer(plan, scheduler, nor)

    def make_node():
        node = app.Node(hardware, plan["board"], json.dumps(plan["config"]))
        watch(node, Ledger(plan["ledger"]), universe, scheduler)
        say("boot", now=now, boot=node.health.boot, safe_mode=node.health.safe_mode)
        return node

    try:
        return main.run(hardware, make_node, [observer.watch])
    except hal.Reset:
        return world.EXIT_RESET
    except flash.PowerCut:
        say("power_cut", now=scheduler.now_ms)
        return world.EXIT_POWER_CUT


def _model(sensor, plan):
    module = __import__("host_tools.twin.sensors." + sensor["driver"], None, None, ("Model",))
    tape = plan["tapes"].get(sensor["driver"])
    truth = source.Tape(tape) if tape else source.Generator(plan["seed"])
    return module.Model(truth, sensor)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        code = start(json.load(file))
    sys.exit(code)
