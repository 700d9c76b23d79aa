"""An ADS1115 on which the two electrodes each of a CO-B4 and an SO2-B4 hang."""

from host_tools.twin import ads1115, alphasense

FACTS = {
    "sensor": "Alphasense CO-B4 and SO2-B4 on Individual Sensor Boards, TI ADS1115",
    "measures": "CO, SO2 (electrochemical, four electrodes)",
    "supply": "sensor boards 3.5 to 6.4 V, 1 mA each; ADS1115 3.3 V",
    "wiring": alphasense.WIRING
    + (
        ("CO board OP1, OP2", "A0, A1"),
        ("SO2 board OP1, OP2", "A2, A3"),
    ),
    "options": alphasense.options(("co", "CO cell"), ("so2", "SO2 cell")),
    "life": "cells 2 years",
    "price": "€€€€",
    "resolution": "CO 0.13 mV, about 0.3 ppb; SO2 0.06 mV, about 0.2 ppb; noise of the cells 4 "
    "and 5 ppb (2 sigma)",
    "distrust": alphasense.DISTRUST
    + (
        "The ADS1115 takes no more than its own 3.3 V: CO beyond about 6 ppm is cut off.",
        "The zero of SO2 runs away above 30 °C, by hundreds of ppb at 50 °C.",
    ),
    "source": "AAN 803-05 (2019), data sheets CO-B4 and SO2-B4, SBAS444",
}
# In the driver's integers, of the electrodes: what the ranges of 4.096 and 2.048 V hold.
SAYS = {
    "co_we": (0, 409588),
    "co_ae": (0, 409588),
    "so2_we": (0, 204793),
    "so2_ae": (0, 204793),
}
USUAL = {
    "co_we": (40000, 62000),
    "co_ae": (32500, 33500),
    "so2_we": (33800, 35200),
    "so2_ae": (33500, 34200),
}


class Model(ads1115.Model):
    inputs = ("co_we", "co_ae", "so2_we", "so2_ae")

    def __init__(self, source, options):
        super().__init__(source, options.get("address", 0x49))
