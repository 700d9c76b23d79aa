"""AAN 803-05 prints formulas and factors, no worked example: compared with its formulas in floating
point. The figures are of the kind that labels have.
"""

from gateway import alphasense

TABLE = (13, 13, 13, 13, 10, 6, 4, 2, -15)
FIGURES = {
    "x_we_offset_mv": 230,
    "x_ae_offset_mv": 225,
    "x_we_zero_mv": -5,
    "x_ae_zero_mv": 3,
    "x_uv_per_ppb": 312,
}


def cell(algorithm, table=TABLE, **changed):
    settings = dict(FIGURES)
    settings.update(changed)
    settings["x_algorithm"] = algorithm
    return alphasense.Cell(settings, "x", {algorithm: table}, algorithm)


def factor(table, celsius):
    """Return the factor by straight lines between the table's points, in floating point."""
    place = min(max((celsius + 30) / 10, 0), 8)
    i = min(int(place), 7)
    return (table[i] + (table[i + 1] - table[i]) * (place - i)) / 10


def by_floats(algorithm, celsius, we_mv, ae_mv):
    n = factor(TABLE, celsius)
    we, ae = we_mv - 230, ae_mv - 225
    if algorithm == "1":
        return we - n * ae
    if algorithm == "2":
        return we - n * (-5 / 3) * ae
    if algorithm == "3":
        return we - (-5 - 3) - n * ae
    return we - -5 - n


def test_alphasense_factors_lie_on_lines_between_the_tables_points():
    for celsius, wanted in (
        (-30, 1300),
        (0, 1300),
        (10, 1000),
        (20, 600),
        (40, 200),
        (49.99, -1500),
    ):
        got = alphasense.factor(TABLE, int(celsius * 100))
        assert abs(got - wanted) <= 2, (celsius, got)
    for t in range(-2999, 4999, 37):
        assert abs(alphasense.factor(TABLE, t) - 1000 * factor(TABLE, t / 100)) <= 1, t
    # Beyond the table its ends hold.
    assert alphasense.factor(TABLE, -4000) == 1300
    assert abs(alphasense.factor(TABLE, 9000) + 1500) <= 2


def test_alphasense_algorithms_are_those_of_the_note():
    for algorithm in ("1", "2", "3", "4"):
        made = cell(algorithm)
        for t in (-3500, -1234, 0, 777, 2000, 3333, 4500):
            for we, ae in ((230, 225), (262.5, 228), (225, 214.75), (1230, 260), (0, 0)):
                wanted = by_floats(algorithm, t / 100, we, ae)
                got = made.output(t, int(we * 100), int(ae * 100))
                # Half a microvolt for each mV of the auxiliary electrode, and the rounding.
                assert abs(got - 100 * wanted) <= 3 + abs(ae - 225) / 5, (algorithm, t, we, ae)


def test_alphasense_concentration_is_by_the_cells_own_sensitivity():
    made = cell("1")
    # 31.2 mV at 0.312 mV/ppb.
    assert made.concentration(3120) == 1000
    assert made.concentration(-3120) == -1000
    assert made.concentration(None) is None


def test_alphasense_says_nothing_without_temperature_or_figures():
    assert cell("1").output(None, 23000, 22500) is None
    for figure in FIGURES:
        made = cell("1", **{figure: None})
        assert made.concentration(made.output(2000, 23000, 22500)) is None
    # The second way divides by it.
    assert cell("2", x_ae_zero_mv=0).output(2000, 23000, 22500) is None


def test_alphasense_stays_below_2_to_the_30_for_electrodes_within_a_volt():
    steep = (4500,) * 9
    for ae in (-100000, 0, 100000):
        part = alphasense.factor((45,) * 9, 2000) * ae
        assert abs(part) < 1 << 30
    assert cell("4", steep).output(2000, 409588, 0) == 409588 - 23000 + 500 - 45000
