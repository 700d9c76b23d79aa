"""Alphasense NO2-B43F and OX-B431 on their sensor boards, two analogue outputs each, on an ADS1115.

Sources: application note AAN 803-05, ADS1115 data sheet SBAS444. The OX cell sees ozone and
nitrogen dioxide; ozone is what is left when the share of the NO2 that the other cell sees is taken
away.
"""

from gateway import ads1115, alphasense

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = alphasense.ADDRESSES
CHANNELS = (
    ("no2_we", "mV", 100),
    ("no2_ae", "mV", 100),
    ("ox_we", "mV", 100),
    ("ox_ae", "mV", 100),
    ("cell_temperature", "degC", 100),
    ("no2_aan803", "ppb", 10),
    ("o3_aan803", "ppb", 10),
)
_ELECTRODE = (0, 204700)
RANGE = (_ELECTRODE,) * 4 + ((-3000, 5000), (-1000, 50000), (-1000, 50000))
# Electrodes are never at rest.
STUCK_ROWS = (180, 180, 180, 180, 0, 0, 0)
MIN_PERIOD_MS = alphasense.MIN_PERIOD_MS
WARM_UP_MS = alphasense.WARM_UP_MS
STREAMING = False

# Factors by algorithm, in 1/10, from -30 to 50 degC (AAN 803-05, table 3).
_NO2_B43F = {
    "1": (13, 13, 13, 13, 10, 6, 4, 2, -15),
    "3": (10, 10, 10, 10, 10, 10, 4, -1, -40),
}
_OX_B431 = {
    "1": (9, 9, 10, 13, 15, 17, 20, 25, 37),
    "3": (5, 5, 5, 6, 6, 10, 28, 50, 53),
}


def __getattr__(name):
    """Return OPTIONS."""
    if name != "OPTIONS":
        raise AttributeError(name)
    made = alphasense.options(("no2", ("1", "3")), ("ox", ("1", "3")))
    return made + (("ox_uv_per_ppb_no2", 0, 2000),)


def parse(data):
    """Return 0.01 mV from the two bytes of an input; ValueError when it is not two."""
    if len(data) != 2:
        raise ValueError("length")
    return ads1115.voltage(data, ads1115.UP_TO_2048_MV)


class Sensor(alphasense.Pair):
    """`bus`: an I2C bus; `options`: address, the climate's, the figures on the cells' labels."""

    def __init__(self, bus, clock, options):
        up_to = (ads1115.UP_TO_2048_MV, ads1115.UP_TO_2048_MV)
        super().__init__(bus, clock, options, ADDRESSES[0], up_to)
        self._no2 = alphasense.Cell(options, "no2", _NO2_B43F, "1")
        self._ox = alphasense.Cell(options, "ox", _OX_B431, "1")
        self._ox_uv_per_ppb_no2 = options.get("ox_uv_per_ppb_no2")

    def _gases(self, temperature, voltages):
        no2_we, no2_ae, ox_we, ox_ae = voltages
        no2 = self._no2.concentration(self._no2.output(temperature, no2_we, no2_ae))
        ox = self._ox.output(temperature, ox_we, ox_ae)
        if no2 is None or ox is None or self._ox_uv_per_ppb_no2 is None:
            return no2, None
        return no2, self._ox.concentration(ox - no2 * self._ox_uv_per_ppb_no2 // 100)
