"""Alphasense CO-B4 and SO2-B4 on their sensor boards, two analogue outputs each, on an ADS1115.

Sources: application note AAN 803-05, ADS1115 data sheet SBAS444.
"""

from gateway import ads1115, alphasense

BUS = "i2c"
I2C_FREQ = 100000
# Not the same first as the pair of NO2 and O3: both may hang on one bus without a word.
ADDRESSES = alphasense.ADDRESSES[1:] + alphasense.ADDRESSES[:1]
CHANNELS = (
    ("co_we", "mV", 100),
    ("co_ae", "mV", 100),
    ("so2_we", "mV", 100),
    ("so2_ae", "mV", 100),
    ("cell_temperature", "degC", 100),
    ("co_aan803", "ppb", 10),
    ("so2_aan803", "ppb", 10),
)
RANGE = (
    (0, 409500),
    (0, 409500),
    (0, 204700),
    (0, 204700),
    (-3000, 5000),
    (-5000, 200000),
    (-1000, 50000),
)
# Electrodes are never at rest.
STUCK_ROWS = (180, 180, 180, 180, 0, 0, 0)
MIN_PERIOD_MS = alphasense.MIN_PERIOD_MS
WARM_UP_MS = alphasense.WARM_UP_MS
STREAMING = False

# Factors by algorithm, in 1/10, from -30 to 50 degC (AAN 803-05, table 3).
_CO_B4 = {
    "1": (7, 7, 7, 7, 10, 30, 35, 40, 45),
    "2": (2, 2, 2, 2, 3, 10, 12, 13, 15),
}
_SO2_B4 = {
    "1": (16, 16, 16, 16, 16, 16, 19, 30, 58),
    "4": (-40, -40, -40, -40, -40, 0, 200, 1400, 4500),
}


def __getattr__(name):
    """Return OPTIONS."""
    if name != "OPTIONS":
        raise AttributeError(name)
    return alphasense.options(("co", ("1", "2")), ("so2", ("4", "1")))


def parse(data, up_to=ads1115.UP_TO_2048_MV):
    """Return 0.01 mV from the two bytes of an input; ValueError when it is not two."""
    if len(data) != 2:
        raise ValueError("length")
    return ads1115.voltage(data, up_to)


class Sensor(alphasense.Pair):
    """`bus`: an I2C bus; `options`: address, the climate's, the figures on the cells' labels."""

    def __init__(self, bus, clock, options):
        # A street's CO is beyond 2 V at 4 ppm.
        up_to = (ads1115.UP_TO_4096_MV, ads1115.UP_TO_2048_MV)
        super().__init__(bus, clock, options, ADDRESSES[0], up_to)
        self._co = alphasense.Cell(options, "co", _CO_B4, "1")
        self._so2 = alphasense.Cell(options, "so2", _SO2_B4, "4")

    def _gases(self, temperature, voltages):
        co_we, co_ae, so2_we, so2_ae = voltages
        return (
            self._co.concentration(self._co.output(temperature, co_we, co_ae)),
            self._so2.concentration(self._so2.output(temperature, so2_we, so2_ae)),
        )
