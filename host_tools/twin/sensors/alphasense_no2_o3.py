"""An ADS1115 on which the two electrodes each of an NO2-B43F and an OX-B431 hang."""

from host_tools.twin import ads1115, alphasense

FACTS = {
    "sensor": "Alphasense NO2-B43F and OX-B431 on Individual Sensor Boards, TI ADS1115",
    "measures": "NO2, O3 (electrochemical, four electrodes)",
    "supply": "sensor boards 3.5 to 6.4 V, 1 mA each; ADS1115 3.3 V",
    "wiring": alphasense.WIRING
    + (
        ("NO2 board OP1, OP2", "A0, A1"),
        ("OX board OP1, OP2", "A2, A3"),
    ),
    "options": alphasense.options(("no2", "NO2 cell"), ("ox", "OX cell, for O3")),
    "life": "cells 2 years",
    "price": "€€€€",
    "resolution": "0.06 mV, which is about 0.3 ppb; noise of the cells 15 ppb (2 sigma)",
    "distrust": alphasense.DISTRUST
    + ("Ozone is OX minus NO2: errors of both cells add up in it.",),
    "source": "AAN 803-05 (2019), data sheets NO2-B43F and OX-B431, SBAS444",
}
FACTS["options"]["ox_uv_per_ppb_no2"] = "OX cell: sensitivity to NO2 in µV/ppb"
# In the driver's integers, of the electrodes: what the range of 2.048 V holds.
SAYS = {name: (0, 204793) for name in ("no2_we", "no2_ae", "ox_we", "ox_ae")}
USUAL = {
    "no2_we": (22600, 24600),
    "no2_ae": (22700, 23300),
    "ox_we": (24200, 27400),
    "ox_ae": (24000, 24800),
}


class Model(ads1115.Model):
    inputs = ("no2_we", "no2_ae", "ox_we", "ox_ae")

    def __init__(self, source, options):
        super().__init__(source, options.get("address", 0x48))
