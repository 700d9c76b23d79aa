"""Alphasense's gas cells on their Individual Sensor Boards, two cells on an ADS1115.

Source: application note AAN 803-05, whose four ways of correcting the zero for temperature are
here, with the factors of its table 3 in the drivers. It corrects the zero, not the sensitivity.
Public implementations disagree on the sign of the zeros in the third way (here the note's: they are
taken away), and some have lost a decimal place in the factors of the OX-B431 at 10 and 20 degC.
"""

from micropython import const

from gateway import ads1115, flags

ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)
# Hours pass after a power cut until a cell has settled; the worst is over in two.
WARM_UP_MS = const(2 * 3600 * 1000)
# Four measurements of 0.2 s at most, and the climate's.
MIN_PERIOD_MS = const(2000)
_COLDEST = const(-3000)
_STEP = const(1000)


def options(*cells):
    """Return the options of a pair. `cells`: (prefix of its options, algorithms) of each.

    A driver makes them when they are asked for: they are long, and only a configuration is judged
    by them.
    """
    made = [
        ("address", 0x48, 0x4B),
        ("climate", ("none", "sht4x", "sht3x")),
        ("climate_address", 0x44, 0x46),
    ]
    for name, algorithms in cells:
        made.append((name + "_algorithm", algorithms))
        for figure in ("_we_offset_mv", "_ae_offset_mv"):
            made.append((name + figure, 0, 1000))
        for figure in ("_we_zero_mv", "_ae_zero_mv"):
            made.append((name + figure, -500, 500))
        made.append((name + "_uv_per_ppb", 1, 2000))
    return tuple(made)


def factor(table, temperature):
    """Return the factor at `temperature` (0.01 degC) in 1/1000.

    `table`: in 1/10, for each 10 degC from -30 to 50; the ends hold beyond.
    """
    place = min(max(temperature - _COLDEST, 0), (len(table) - 1) * _STEP - 1)
    i = place // _STEP
    return 100 * table[i] + (table[i + 1] - table[i]) * (place % _STEP) // 10


class Cell:
    """A cell and its own figures. `tables`: {algorithm: factors}."""

    def __init__(self, settings, name, tables, usual):
        algorithm = settings.get(name + "_algorithm", usual)
        self._algorithm = int(algorithm)
        self._table = tables[algorithm]
        figures = [
            settings.get(name + figure)
            for figure in ("_we_offset_mv", "_ae_offset_mv", "_we_zero_mv", "_ae_zero_mv")
        ]
        self.uv_per_ppb = settings.get(name + "_uv_per_ppb")
        self._known = self.uv_per_ppb is not None and None not in figures
        # In 0.01 mV, as the electrodes.
        self._figures = [100 * figure for figure in figures] if self._known else ()

    def output(self, temperature, we, ae):
        """Return what the gas makes of the working electrode, in 0.01 mV.

        `temperature` in 0.01 degC, both electrodes in 0.01 mV. None without it, or without the
        figures.
        """
        if temperature is None or not self._known:
            return None
        we_offset, ae_offset, we_zero, ae_zero = self._figures
        scale = factor(self._table, temperature)
        we -= we_offset
        # Below 2**30 while the auxiliary electrode is within 1 V of its offset.
        part = scale * (ae - ae_offset) // 1000
        if self._algorithm == 1:
            return we - part
        if self._algorithm == 2:
            return we - part * we_zero // ae_zero if ae_zero else None
        if self._algorithm == 3:
            return we - (we_zero - ae_zero) - part
        # The factor is a voltage here, in mV.
        return we - we_zero - scale // 10

    def concentration(self, output):
        """Return 0.1 ppb from `output`, None from None."""
        return None if output is None else output * 100 // self.uv_per_ppb


class Pair:
    """Two cells on an ADS1115: WE and AE of the first on inputs 0 and 1, of the second on 2 and 3.

    A driver adds `_gases(temperature, voltages)`: its two concentrations. `up_to`: of the cells.
    """

    def __init__(self, bus, clock, settings, address, up_to):
        self._adc = ads1115.Adc(bus, clock, settings.get("address", address))
        self._up_to = (up_to[0], up_to[0], up_to[1], up_to[1])
        self._climate = _climate(bus, clock, settings)
        self.marks = ()

    async def read(self):
        """Return (WE, AE, WE, AE, temperature, two concentrations).

        OSError, ValueError: of the ADS1115. What the climate is needed for is None without it.
        """
        voltages = []
        for number in range(4):
            up_to = self._up_to[number]
            voltages.append(ads1115.voltage(await self._adc.read(number, up_to), up_to))
        temperature, why = await self._temperature()
        gases = self._gases(temperature, voltages)
        values = tuple(voltages) + (temperature,) + gases
        self.marks = tuple([why if value is None else 0 for value in values])
        return values

    async def _temperature(self):
        """Return (0.01 degC or None, the flag of what is missing then)."""
        if self._climate is None:
            return None, flags.NO_ANSWER
        try:
            return (await self._climate.read())[0], flags.NO_ANSWER
        except OSError:
            # The electrodes were read; they are worth keeping without it.
            return None, flags.NO_ANSWER
        except ValueError:
            return None, flags.BAD_DATA


def _climate(bus, clock, settings):
    """Return the driver of the humidity sensor beside the cells, None: there is none."""
    kind = settings.get("climate", "none")
    if kind == "none":
        return None
    driver = __import__("drivers." + kind, None, None, ("Sensor",))
    return driver.Sensor(bus, clock, {"address": settings.get("climate_address", 0x44)})
