"""A whole node without hardware: one sensor, no network, simulated time."""

import io

import umqtt_cpython  # noqa: F401 - makes umqtt.simple importable

# isort: split
import main
from fakes import Hal as QuietHal
from host_tools.twin import buses, flash
from host_tools.twin.scheduler import Scheduler
from host_tools.twin.sensors import sds011
from host_tools.twin.source import Generator

START_MS = 1790000000000
SIZES = {"journal": (0, 16 * flash.SECTOR), "spool": (16 * flash.SECTOR, 16 * flash.SECTOR)}
BOARD = {"name": "sim", "buses": {"uart1": {"kind": "uart", "pins": {"tx": 17, "rx": 16}}}}
CONFIG = {
    "node": "post-17",
    "broker": {"host": "broker.example"},
    "streams": [
        {"name": "air", "period_ms": 10000, "sensors": [{"driver": "sds011", "bus": "uart1"}]}
    ],
}


class Link:
    def start(self, settings):
        pass

    def step(self):
        return 1000

    def up(self):
        return False

    def why(self):
        return "no signal"

    def way(self):
        return None

    def rssi(self):
        return None


class Hal(QuietHal):
    """A board without a network, on simulated time."""

    def __init__(self):
        super().__init__()
        self.scheduler = Scheduler(START_MS)
        self.sleep_ms = self.scheduler.sleep_ms
        self.link = Link()
        self.resets = 0
        image = io.BytesIO(b"\xff" * (32 * flash.SECTOR))
        self.flash = flash.Nor(image, SIZES).partitions.get

    def ticks_ms(self):
        return (self.scheduler.now_ms - START_MS) % (1 << 30) if hasattr(self, "scheduler") else 0

    def wire_ms(self):
        return self.ticks_ms()

    def uart(self, name, baudrate, rxbuf):
        model = sds011.Model(Generator(1), {})
        return buses.Uart(model, lambda: self.scheduler.now_ms, rxbuf)

    def reset(self):
        self.resets += 1


def run_node(hal, node, seconds):
    """Run all loops of a node for so long."""

    async def end():
        await hal.sleep_ms(seconds * 1000)

    loops = [main.rounds(node.clock, node.steps)]
    loops += [main.forever(node.clock, step) for step in node.waiting_steps]
    hal.scheduler.run(loops + [end()])
