"""The endless loops of the node; everything they call does a bounded piece of work."""

import gc
import json
import sys

from micropython import const

from gateway import app, health

_COLLECT_EVERY_BYTES = const(8192)
# Nor after more than this part of what is free: what stays would stand all over it. Of a smaller
# part a node with a small heap would do little else.
_PART_OF_FREE = const(4)


async def rounds(clock, steps):
    """Call each of `steps` for ever, again after as many ms as it says: one coroutine for all."""
    waits = [0] * len(steps)
    before = clock.uptime_ms()
    while True:
        now = clock.uptime_ms()
        for i in range(len(steps)):
            waits[i] -= now - before
            if waits[i] <= 0:
                waits[i] = steps[i]()
                # What waits for an answer goes on between two of them.
                await clock.sleep_ms(0)
        before = now
        await clock.sleep_ms(min(waits))


async def forever(clock, step):
    """Await `step()`, which itself waits (a sensor's answer, the next moment), and again."""
    while True:
        await clock.sleep_ms(await step())


def run(hal, make_node, watchers=()):
    """Run the node until something fails that must not; then leave word of it and reset.

    `watchers`: functions of the node that return coroutines to run beside it.
    """
    # Often and early: a heap that is never full is never in pieces.
    gc.threshold(_COLLECT_EVERY_BYTES)
    try:
        # The watchdog starts: whatever hangs from here on ends in it.
        hal.feed()
        node = make_node()
        gc.collect()
        gc.threshold(min(_COLLECT_EVERY_BYTES, gc.mem_free() // _PART_OF_FREE))
        loops = [rounds(node.clock, node.steps)]
        loops += [forever(node.clock, step) for step in node.waiting_steps]
        return hal.run(loops + [watch(node) for watch in watchers])
    except Exception as error:
        # Whatever it is, it is our fault and nobody is there to see it: say it in the next health.
        sys.print_exception(error)
        health.leave_word(hal, error)
        hal.reset()


def read_board():
    """Return what this board is; without its file a node can still say so over Wi-Fi."""
    try:
        with open("board.json") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {"name": "unknown", "buses": {}}


def start():
    from gateway import console, lamp, settings
    from gateway.hal_esp32 import Hal

    board = read_board()
    chosen = settings.Settings("", read_board)
    hal = Hal(board)
    watchers = [chosen.watch, console.of_terminal().watch, lamp.Lamp(hal.lamp).watch]
    run(hal, lambda: app.Node(hal, board, chosen.text(), chosen), watchers)


if __name__ == "__main__":
    start()
