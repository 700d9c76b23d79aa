"""The PMSA003I's registers: the frame of its family."""

from host_tools.twin.sensors import pms5003

FACTS = dict(
    pms5003.FACTS,
    sensor="Plantower PMSA003I",
    supply="5 V (the fan's; breakout boards make it of 3.3 V), up to 100 mA",
    wiring=(
        ("VCC", "5 V"),
        ("GND", "ground"),
        ("SDA", "SDA, 4.7 kΩ to 3.3 V"),
        ("SCL", "SCL, 4.7 kΩ to 3.3 V"),
    ),
    options={},
    life="mean time to failure; it never sleeps",
    source="data sheet PMSA003I V2.6 (2018)",
)
SAYS = pms5003.SAYS
USUAL = pms5003.USUAL


class Model:
    def __init__(self, source, options):
        self._source = source
        self.address = 0x12
        self.error = 0

    def read_mem(self, register, n, now_ms):
        frame = pms5003.reading(self._source, now_ms, self.error)
        if frame is None:
            raise OSError(19)
        return (frame[register:] + b"\xff" * n)[:n]

    def read(self, n, now_ms):
        return self.read_mem(0, n, now_ms)

    def write_mem(self, register, data, now_ms):
        self.read_mem(0, 0, now_ms)

    def write(self, data, now_ms):
        self.read_mem(0, 0, now_ms)
