"""Start the firmware on the simulated hardware: node.py READER WRITER PLAN, as run.py does."""

import gc
import json
import sys
import time

from micropython import const

import main
from gateway import app, settings
from host_tools.twin import hal
from host_tools.twin.node_exits import EXIT_DONE
from host_tools.twin.scheduler import Scheduler

_LOOK_MS = const(5000)
_WEIGH_MS = const(60 * 1000)
_HOUR_MS = const(3600 * 1000)
_SAY_EVERY_REAL_MS = const(150)


class Observer:
    """Tells the world, beside the node and without its knowing, what it does; ends the run."""

    def __init__(self, end_ms, drain, scheduler, hardware):
        self._end_ms = end_ms
        self._drain = drain
        self._scheduler = scheduler
        self._hal = hardware
        self._said = 0
        self._weighed_at = scheduler.now_ms
        self._least = self._most = None
        self._stopped = False

    def listen(self, node):
        """From now on the ledger notes every row that goes into the spool, and every commit."""
        put, commit = node.spool.put, node.spool.commit

        def put_and_note(stream, row, quality):
            values = json.dumps(row[1])
            self._note(hal.ROW, "%d %d %d %s" % (quality, node.health.boot, row[0], values), stream)
            put(stream, row, quality)

        def commit_and_note():
            commit()
            self._note(hal.COMMIT, "")

        node.spool.put = put_and_note
        node.spool.commit = commit_and_note

    def _note(self, op, text, place=0):
        self._hal.ask(op, place, 0, text.encode())

    def say(self, event, **facts):
        facts["event"] = event
        facts["now"] = self._scheduler.now_ms
        self._note(hal.SAY, json.dumps(facts))

    def _also(self, **facts):
        """Tell a part of what is said next: all in one would need a large place in the heap."""
        self._note(hal.SAY, json.dumps(facts), 1)

    async def watch(self, node):
        while True:
            await self._scheduler.sleep_ms(_LOOK_MS)
            due = time.ticks_diff(time.ticks_ms(), self._said) >= _SAY_EVERY_REAL_MS
            # What is said takes memory, and so does encoding a frame: one after the other.
            if due and not node.spool.coding():
                self._said = time.ticks_ms()
                self._report(node)
            self._weigh()
            if self._scheduler.now_ms >= self._end_ms and self._ended(node):
                self._report(node)
                return EXIT_DONE

    def _weigh(self):
        """Say every hour how much of the heap was free in it: least and most, bytes."""
        now = self._scheduler.now_ms
        if now - self._weighed_at < _WEIGH_MS:
            return
        gc.collect()
        free = gc.mem_free()
        self._least = free if self._least is None else min(self._least, free)
        self._most = free if self._most is None else max(self._most, free)
        if now // _HOUR_MS != self._weighed_at // _HOUR_MS:
            self.say("hour", free=[self._least, self._most])
            self._least = self._most = None
        self._weighed_at = now

    def _ended(self, node):
        if not self._stopped:
            self._stopped = True
            node.stop()
        return not self._drain or node.delivered()

    def _report(self, node):
        self._also(link=node.uplink.stats())
        for stream in node.streams:
            self._also(last=[stream.last and stream.last[:2]])
        self.say(
            "status",
            rows=node.rows(),
            waiting=node.spool.pending(),
            network=node.hal.link.up(),
            heap=gc.mem_free(),
        )


def start(reader, writer, plan):
    """Run one boot as the plan says; return the exit code."""
    scheduler = Scheduler(plan["now_ms"], plan["speed"])
    hardware = hal.Hal(scheduler, (open(reader, "rb"), open(writer, "wb")), plan)
    observer = Observer(plan["end_ms"], plan["drain"], scheduler, hardware)
    chosen = settings.Settings(plan["settings"], lambda: read_plan()["board"])

    def make_node():
        node = app.Node(hardware, plan["board"], chosen.text(), chosen)
        # Not kept: what is needed again is read again.
        plan.clear()
        hardware.places = None
        observer.listen(node)
        observer.say("boot", boot=node.health.boot, safe_mode=node.health.safe_mode)
        return node

    try:
        return main.run(hardware, make_node, [observer.watch, chosen.watch])
    except hal.End as end:
        return end.args[0]


def read_plan():
    with open(sys.argv[2]) as file:
        return json.load(file)


def run():
    """Run one boot as the command line says; ends the process with its exit code."""
    sys.exit(start(sys.argv[0], sys.argv[1], read_plan()))
