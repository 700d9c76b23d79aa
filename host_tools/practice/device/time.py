"""The chip's clock counts from 2000; the unix port's from 1970."""

from utime import *  # noqa: F403

_EPOCH_S = 946684800


def time_ns():
    import utime

    return utime.time_ns() - _EPOCH_S * 1000000000


def gmtime(seconds):
    import utime

    return utime.gmtime(seconds + _EPOCH_S)
