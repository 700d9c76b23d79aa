"""The whole node, wired in the order of the data: sensors → streams → spool → uplink."""

import sys

from micropython import const

from gateway.clock import Clock
from gateway.commands import Commands
from gateway.health import STALLED_AFTER_MS, Health, leave_word
from gateway.hours import Hours
from gateway.rarely import forget
from gateway.resend import Resend
from gateway.sampler import Stream
from gateway.spool import Spool
from gateway.uplink import Uplink
from gateway.version import VERSION

_BOOT_MASK = const(0x3FFFFFFF)
# What the chip's driver takes out of its own 128 bytes at a time.
_INTERRUPT_BYTES = const(120)


class Node:
    """One boot of the node. `steps` are to be called for ever, `waiting_steps` awaited for ever.

    `settings`: keeps a configuration that is sent; None: none can be.
    """

    def __init__(self, hal, board, config_text, settings=None):
        self.hal = hal
        boot = int.from_bytes(hal.random(4), "big") & _BOOT_MASK
        self.clock = Clock(hal)
        # First: it counts the boots that whatever follows may end.
        self.health = Health(hal, self.clock, boot)
        self.config, refused, schemas, drivers = _judged(
            config_text, board, hal.store, self.health.safe_mode
        )
        self.clock.servers = self.config["time_servers"]
        if refused:
            print("configuration refused:", refused)
            what = "" if refused.startswith("configuration: ") else "configuration: "
            self.health.say(what + refused)
            self.health.safe_mode = True
        # Needed here only.
        streams = self.config.pop("streams")
        if self.health.safe_mode:
            streams = schemas = []
        self._board = board["name"]
        # What `settings` says of it.
        self.configuration = "proven"
        self.steps = [self._housekeeping, hal.link.step]
        self.waiting_steps = []
        self._anchored = self.clock.unix_ms() is not None

        longest_ms = max([stream["period_ms"] for stream in streams] or [0])
        self._patience_ms = STALLED_AFTER_MS + 3 * longest_ms
        self.spool = self._open_spool([ident for ident, _ in schemas])
        self.hours = Hours(hal.store)
        self.streams = []
        for number, stream in enumerate(streams):
            self._wire_stream(number, stream, drivers)
        # It has said what their channels are.
        forget("lanes")
        self.steps.append(self.hours.step)
        self.steps.append(self.spool.step)
        self._resends = Resend(self.spool, hal.store)
        self.steps.append(self._resends.step)
        self.commands = Commands(self, self._resends, settings)
        self.uplink = Uplink(
            hal,
            self.clock,
            self.config,
            self.spool,
            self._resends,
            schemas,
            self.report,
            self.commands,
        )
        self.steps.append(self.uplink.step)
        self.steps.append(self._step_clock)
        hal.link.start(self.config["network"])

    def _open_spool(self, idents):
        """Return the spool. One that fails ends the boot; in safe mode the node does without."""
        try:
            parts = self.hal.flash("journal"), self.hal.flash("spool")
            spool = Spool(*parts, self.health.boot, self.clock, idents)
            spool.mount()
        except Exception as error:
            # Whatever it is: somebody must be told.
            if not self.health.safe_mode:
                raise
            from gateway.no_spool import NoSpool

            self.health.say("flash: %s: %s" % (type(error).__name__, error))
            spool = NoSpool()
        return spool

    def _wire_stream(self, number, settings, drivers):
        stream = Stream(
            self.clock,
            settings["period_ms"],
            lambda row, quality: self.spool.put(number, row, quality),
        )
        for options in settings["sensors"]:
            driver = drivers[options["driver"]]
            bus = self._open_bus(driver, options)
            sensor = driver.Sensor(bus, self.clock, options)
            sampler = stream.add(driver, sensor, options.get("name", options["driver"]))
            if hasattr(driver, "LIFE_H"):
                self.hours.add(sampler)
            self.waiting_steps.append(sampler.step)
            if driver.STREAMING:
                self.steps.append(_feeder(sampler, sensor, driver, bus))
        self.streams.append(stream)

    def _open_bus(self, driver, options):
        names = [options[key] for key in ("bus", "bus2") if key in options]
        if driver.BUS == "pulse":
            # Both inputs of a pair in one: which was first is what it is about.
            return self.hal.pulse(names, *driver.PULSE)
        opened = [self._open_one(driver, name) for name in names]
        return opened[0] if len(opened) == 1 else opened

    def _open_one(self, driver, name):
        if driver.BUS == "uart":
            return self.hal.uart(name, *driver.UART)
        if driver.BUS == "i2s":
            return self.hal.i2s(name, *driver.I2S)
        return self.hal.i2c(name, driver.I2C_FREQ)

    def stop(self):
        """Take no more rows and close what is open: everything taken is then on its way."""
        for number, stream in enumerate(self.streams):
            stream.running = False
            self.spool.close_now(number)
        self.spool.commit()
        self.hours.save()

    def delivered(self):
        """Return whether every row taken is in a frame, and every frame acknowledged."""
        return self.spool.idle() and not self.spool.pending() and self._resends.idle()

    def _step_clock(self):
        wait = self.clock.step()
        if not self._anchored and self.clock.unix_ms() is not None:
            # Rows of this boot were taken before the time was known: tell how to date them.
            self._anchored = True
            self.spool.set_anchor(self.clock.boot_unix_ms())
        return wait

    def _housekeeping(self):
        self.commands.step()
        heard = None
        if self.config["broker"] and self.hal.link.up():
            heard = self.uplink.heard_ms or 0
        # Rows that are taken and do not reach the flash are no progress.
        stats = self.spool.stats()
        wait = self.health.step(stats["commits"], stats["next_seq"], heard, self._patience_ms)
        if self.health.stalled and not self.health.safe_mode and self.commands.reset_at is None:
            # Before the watchdog does it: nothing that was taken is lost this way.
            leave_word(self.hal, OSError(self.health.stalled))
            self.commands.reset_soon()
        return wait

    def rows(self):
        """Return how many rows this boot has taken."""
        return sum(stream.rows for stream in self.streams)

    def report(self):
        """Return the health message, JSON in pieces of bytes."""
        return self.health.report(self._facts())

    def _facts(self):
        """Yield (name, value) of what only the whole node knows; a function stands for a value."""
        yield "version", VERSION
        yield (
            "python",
            "%s %d.%d.%d" % ((sys.implementation.name,) + sys.implementation.version[:3]),
        )
        yield "node", self.config["node"]
        yield "board", self._board
        yield "configuration", self.configuration
        broker = self.config["broker"]
        yield "broker", broker and "%s:%d" % (broker["host"], broker["port"])
        yield "time_ms", self.clock.unix_ms()
        yield "rows", self.rows()
        yield "waiting", self.spool.pending()
        stats = self.spool.stats()
        yield "next", stats["next_seq"]
        # Records that had rotted: rows in the journal have no number that could be lost.
        yield "corrupt", stats["corrupt"]
        yield "lost", self.spool.lost()
        yield "late_ms", max([stream.latest_ms for stream in self.streams] or [0])
        sensors = {}
        for stream in self.streams:
            for sampler in stream.samplers:
                sensors[sampler.label] = sampler.report
        yield "sensors", sensors
        yield "link", self.uplink.stats
        yield "way", self.hal.link.way()
        yield "rssi", self.hal.link.rssi()


def _judged(config_text, board, store, safe_mode):
    """Return what judge.read returns; nothing in the node holds the judge any more."""
    from gateway import judge

    found = judge.read(config_text, board, store, safe_mode)
    judge.forget()
    return found


def _feeder(sampler, sensor, driver, bus):
    """Return a step that lets a streaming sensor eat its bytes every STEP_MS.

    A receive buffer without room for what an interrupt may bring has lost some, and a pulse bus
    says how many edges it had no room for: that is counted.
    """
    uarts = ()
    if driver.BUS == "uart":
        uarts = bus if isinstance(bus, list) else (bus,)
        full = driver.UART[1] - _INTERRUPT_BYTES

    def step():
        for uart in uarts:
            if uart.any() > full:
                sampler.overruns += 1
        sensor.step()
        if driver.BUS == "pulse":
            sampler.overruns = bus.lost
        return driver.STEP_MS

    return step
