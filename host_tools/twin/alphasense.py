"""What people should know of every pair of Alphasense cells, whatever gas they are for."""

WIRING = (
    ("ADS1115 VDD", "3.3 V"),
    ("ADS1115 GND", "ground, together with that of the sensor boards"),
    ("ADS1115 SDA", "SDA, 4.7 kΩ to 3.3 V"),
    ("ADS1115 SCL", "SCL, 4.7 kΩ to 3.3 V"),
    ("ADS1115 ADDR", "ground: 0x48; 3.3 V: 0x49; SDA: 0x4a; SCL: 0x4b"),
)
DISTRUST = (
    "The electrodes are what is measured. The concentrations are made of them by AAN 803-05, with "
    "the figures on the cells' labels given as options and the temperature of a humidity sensor "
    "beside the cells (option climate); they are empty without either.",
    "AAN 803-05 corrects the zero for temperature, not the sensitivity, and is a first step: "
    "compare with a reference instrument before believing an absolute value.",
    "Cells answer to changes of humidity for an hour and drift by their age; they live two years.",
    "After a power cut of the cells values are worth little for hours; the flag warm_up ends two "
    "hours after the node's start.",
    "There is no checksum: a bit that flips on the wires passes; settings are read back and must "
    "be those that were written.",
)

_CLIMATE = {
    "address": "72 (0x48) to 75 (0x4b)",
    "climate": "kind of the humidity sensor beside the cells, on the same bus; none unless said",
    "climate_address": "its address; 68 (0x44) unless said. No other driver should use it",
}


def options(*cells):
    """Return what the options of a pair mean; each cell: (prefix of its options, what it is)."""
    told = dict(_CLIMATE)
    for name, gas in cells:
        told.update(_cell(name, gas))
    return told


def _cell(name, gas):
    return {
        name + "_algorithm": "which of AAN 803-05's; the first unless said",
        name + "_we_offset_mv": f"{gas}: electronic zero of the working electrode in mV",
        name + "_ae_offset_mv": f"{gas}: electronic zero of the auxiliary electrode in mV",
        name + "_we_zero_mv": f"{gas}: sensor zero of the working electrode in mV",
        name + "_ae_zero_mv": f"{gas}: sensor zero of the auxiliary electrode in mV",
        name + "_uv_per_ppb": f"{gas}: sensitivity in µV/ppb (label: mV/ppb times 1000)",
    }
