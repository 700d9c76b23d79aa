"""Benewake TF-Luna or TFmini-S on I2C: a lidar across a lane; vehicles, occupancy, headway.

Source: Benewake's product manuals SJ-PM-TF-Luna A05 and SJ-PM-TFmini-S A05. The TF-Luna has
registers, the TFmini-S is asked with the frame 5A 05 00 01 60 and answers with that of its UART.
Some public implementations ask a TF-Luna with that frame as well: its manual knows no such thing
on I2C, so `model` says which it is. Nobody keeps a distance for a node that is busy: what passes
meanwhile is missed, and not covered. On a UART (tfluna) it is not.
"""

from micropython import const

from gateway import beam, flags, traffic
from gateway.presence import Presence

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x10,)
OPTIONS = (("model", ("tf_luna", "tfmini_s")), ("address", 8, 119), ("margin_cm", 10, 500))
CHANNELS = traffic.Channels(("",), speeds=False)
RANGE = CHANNELS.ranges
MIN_PERIOD_MS = 10000
WARM_UP_MS = 0
STREAMING = True
# Fifty distances a second: sixteen of a car at 50 km/h.
STEP_MS = 20

ASK = b"\x5a\x05\x00\x01\x60"
# The TF-Luna's: continuously and not when triggered; on; frames a second (two bytes).
_MODE = const(0x23)
_ENABLE = const(0x25)
_RATE = const(0x26)
_REGISTERS_BYTES = const(6)
_FARTHEST_CM = const(1300)
# 0.01 degC; beyond these nothing works.
_COLDEST = const(-4000)
_HOTTEST = const(12500)
_USUAL_MARGIN_CM = const(60)
_STUCK_MS = const(300 * 1000)
# Not so long between two distances, or who passed was not seen.
_COVERED_MS = const(100)
_RETRY_MS = const(500)


def parse(data):
    """Return (cm, strength, 0.01 degC) of a TF-Luna's registers 0 to 5 or a TFmini-S's frame.

    The registers have no checksum: a flipped bit passes where it makes neither more than 13 m nor a
    temperature that cannot be. ValueError names the part that is wrong.
    """
    if len(data) != _REGISTERS_BYTES:
        return beam.parse(data)
    distance = data[0] | data[1] << 8
    temperature = data[4] | data[5] << 8
    if temperature & 0x8000:
        temperature -= 0x10000
    if distance > _FARTHEST_CM:
        raise ValueError("distance")
    if not _COLDEST <= temperature <= _HOTTEST:
        raise ValueError("temperature")
    return distance, data[2] | data[3] << 8, temperature


class Sensor:
    """`bus`: an I2C bus. `options`: model, address, margin_cm."""

    def __init__(self, bus, clock, options):
        self._i2c = bus
        self._clock = clock
        self._address = options.get("address", ADDRESSES[0])
        self._asks = options.get("model") == "tfmini_s"
        self._data = bytearray(beam.FRAME_BYTES if self._asks else _REGISTERS_BYTES)
        self._period = traffic.Period(CHANNELS)
        self._presence = Presence(self._period, _STUCK_MS)
        margin_cm = options.get("margin_cm", _USUAL_MARGIN_CM)
        self._beam = beam.Beam(None, 0, margin_cm, self._changed)
        self._set = False
        self._asked = False
        self._failed_ms = None
        self._seen_ms = 0
        self._covered_ms = 0
        self.broken = 0
        self.marks = bytes(len(CHANNELS))

    def step(self):
        """Take one distance."""
        now = self._clock.uptime_ms()
        if self._failed_ms is not None and now - self._failed_ms < _RETRY_MS:
            return
        self._failed_ms = None
        try:
            if not self._set:
                self._set_up()
            self._look(now)
        except OSError:
            self._failed_ms = now
            # It may have been replaced, or without power.
            self._set = self._asked = False
        except ValueError:
            self.broken += 1

    def _set_up(self):
        if self._asks:
            self._i2c.writeto(self._address, beam.set_rate(beam.RATE_HZ))
        else:
            self._i2c.writeto_mem(self._address, _MODE, b"\0")
            self._i2c.writeto_mem(self._address, _ENABLE, b"\1")
            self._i2c.writeto_mem(self._address, _RATE, bytes((beam.RATE_HZ, 0)))
        self._set = True

    def _look(self, now):
        ready = True
        if self._asks:
            # The answer to what was asked a step ago.
            ready = self._asked
            if ready:
                self._i2c.readfrom_into(self._address, self._data)
            self._i2c.writeto(self._address, ASK)
            self._asked = True
        else:
            self._i2c.readfrom_mem_into(self._address, 0, self._data)
        if ready:
            distance, strength, _ = parse(self._data)
            if now - self._seen_ms <= _COVERED_MS:
                self._covered_ms += now - self._seen_ms
            self._seen_ms = now
            self._beam.take(distance, strength, now)

    def _changed(self, number, taken, ms):
        if taken:
            self._period.count(0, ms)
        self._presence.change(taken, ms)

    async def read(self):
        """Return the period's row, in the order of CHANNELS; OSError when it did not answer."""
        self.step()
        mark = flags.STUCK if self._presence.finish(self._clock.uptime_ms()) else 0
        self.marks = bytes([mark] * len(CHANNELS))
        covered, self._covered_ms = self._covered_ms, 0
        row = self._period.finish(covered)
        if not covered:
            self._period.interrupt()
            raise OSError("tfluna_i2c: silent")
        return row
