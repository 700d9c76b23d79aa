from math import cos, radians

from gateway.cosine import secant


def test_secant_is_right_to_a_thousandth_at_every_degree():
    for degrees in range(71):
        exact = 1024 / cos(radians(degrees))
        assert abs(secant(degrees) - exact) < 0.001 * exact + 1, degrees
        assert secant(-degrees) == secant(degrees)
    assert secant(0) == 1024 and secant(90) == secant(70)
