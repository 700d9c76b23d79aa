"""Registers and frames as Benewake's manuals lay them out."""

from drivers import tfluna_i2c
from fakes import Hal
from gateway import flags
from gateway.clock import Clock
from host_tools.twin.buses import I2c
from host_tools.twin.sensors.tfluna_i2c import Model
from i2c_fakes import Bus
from pulse_fakes import CAR, LORRY, Street, listen, row_of
from support import finish, raises

# 33 cm, strength 1000, 25 degC.
REGISTERS = b"\x21\x00\xe8\x03\xc4\x09"
FRAME = b"\x59\x59\x21\x00\xe8\x03\xc8\x08\x8e"
MODELS = ("tf_luna", "tfmini_s")
NEVER = 1 << 30


class Wire(Bus):
    """A bus whose transfers of registers count as well."""

    def readfrom_mem_into(self, address, register, buf):
        self._note()
        self._bus.readfrom_mem_into(address, register, buf)
        if self.spoil:
            buf[:] = self.spoil(bytes(buf))

    def writeto_mem(self, address, register, data):
        self._note()
        self._bus.writeto_mem(address, register, data)


def fitted(kind, *vehicles):
    """Return (hal, model, bus, driver) of a lane in which these will pass."""
    hal = Hal()
    options = {"model": kind}
    model = Model(Street(*vehicles), options)
    bus = Wire(I2c([model], hal.ticks_ms), NEVER)
    return hal, model, bus, tfluna_i2c.Sensor(bus, Clock(hal), options)


def test_tfluna_i2c_reads_registers_and_frames():
    assert tfluna_i2c.parse(REGISTERS) == tfluna_i2c.parse(FRAME) == (33, 1000, 2500)
    # 10 below zero.
    assert tfluna_i2c.parse(REGISTERS[:4] + b"\x18\xfc")[2] == -1000


def test_tfluna_i2c_every_flipped_bit_of_a_frame_is_refused_and_some_of_the_registers():
    for bit in range(8 * len(FRAME)):
        wrong = bytearray(FRAME)
        wrong[bit // 8] ^= 1 << bit % 8
        assert raises(ValueError, tfluna_i2c.parse, wrong), bit
    refused = []
    for bit in range(8 * len(REGISTERS)):
        wrong = bytearray(REGISTERS)
        wrong[bit // 8] ^= 1 << bit % 8
        try:
            assert tfluna_i2c.parse(wrong) != (33, 1000, 2500)
        except ValueError:
            refused.append(bit)
    # What makes more than 13 m of a distance, and the temperature's sign and 164 degC more.
    assert refused == [11, 12, 13, 14, 15, 46, 47]
    assert raises(ValueError, tfluna_i2c.parse, b"\xff" * 6) == "distance"
    assert raises(ValueError, tfluna_i2c.parse, REGISTERS[:4] + b"\xff\x7f") == "temperature"
    for size in (0, 5, 7, 8, 10):
        assert raises(ValueError, tfluna_i2c.parse, FRAME[:size] + b"\0" * (size - 9)) == "length"


def test_tfluna_i2c_counts_what_stands_before_it_and_how_long():
    vehicles = [(3 + 4 * i, 36, LORRY if i % 5 == 4 else CAR) for i in range(20)]
    for kind in MODELS:
        hal, _, _, sensor = fitted(kind, *vehicles)
        listen(hal, sensor, 100, 20)
        row = row_of(tfluna_i2c, finish(sensor.read()))
        assert row["vehicles"] == row["vehicles_total"] == 20 and row["coverage"] == 100, kind
        # 4.5 m at 10 m/s, and 9 m.
        assert abs(row["occupancy"] - (16 * 450 + 4 * 900) // 100) <= 1
        assert row["headway_mean"] == 40
        # While the node was busy for four seconds nobody looked.
        hal.advance(4000)
        listen(hal, sensor, 6, 20)
        assert row_of(tfluna_i2c, finish(sensor.read()))["coverage"] == 6


def test_tfluna_i2c_sets_it_up_as_the_manual_says():
    hal, model, _, sensor = fitted("tf_luna")
    listen(hal, sensor, 1, 20)
    assert model.told == [(0x23, b"\0"), (0x25, b"\1"), (0x26, b"\x64\x00")]
    hal, model, bus, sensor = fitted("tfmini_s")
    listen(hal, sensor, 1, 20)
    assert bus.written[:2] == [b"\x5a\x06\x03\x64\x00\xc7", b"\x5a\x05\x00\x01\x60"]


def test_tfluna_i2c_absent_slow_or_babbling_does_not_answer_and_recovers():
    for kind in MODELS:
        hal, model, bus, sensor = fitted(kind)
        model.there = False
        for _ in range(2):
            listen(hal, sensor, 10, 20)
            assert raises(OSError, finish, sensor.read()) == "tfluna_i2c: silent"
        model.there = True
        listen(hal, sensor, 10, 20)
        row = row_of(tfluna_i2c, finish(sensor.read()))
        assert (row["vehicles"], row["occupancy"]) == (0, 0) and row["coverage"] >= 9
        told = len(model.told)
        model.there = False
        listen(hal, sensor, 1, 20)
        model.there = True
        listen(hal, sensor, 1, 20)
        assert len(model.told) > told
        # A line that hangs reads as ones.
        bus.spoil = _ones
        finish(sensor.read())
        listen(hal, sensor, 10, 20)
        assert raises(OSError, finish, sensor.read()) == "tfluna_i2c: silent"
        assert sensor.broken > 400


def _ones(data):
    return b"\xff" * len(data)


def test_tfluna_i2c_refused_at_any_transaction_goes_on():
    for kind in MODELS:
        for dies in range(6):
            hal, _, bus, sensor = fitted(kind, (5, 36, CAR))
            bus.dies = dies
            listen(hal, sensor, 1, 20)
            bus.dies = NEVER
            listen(hal, sensor, 9, 20)
            row = row_of(tfluna_i2c, finish(sensor.read()))
            assert row["vehicles"] == 1 and row["coverage"] >= 8, (kind, dies)


def test_tfluna_i2c_behind_a_parked_car_is_flagged():
    hal, _, _, sensor = fitted("tf_luna", (5, 1, (15000, ())))
    listen(hal, sensor, 20, 20)
    finish(sensor.read())
    assert not any(sensor.marks)
    hal.advance(300000)
    listen(hal, sensor, 10, 20)
    finish(sensor.read())
    assert set(sensor.marks) == {flags.STUCK}
