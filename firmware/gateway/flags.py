"""Quality flags: why a value is doubtful, or why there is none. A mask per value, 8 bits."""

from micropython import const

WARM_UP = const(1)
OUT_OF_RANGE = const(2)
STUCK = const(4)
STALE = const(8)
NO_ANSWER = const(16)
BAD_DATA = const(32)
SPIKE = const(64)
SENSOR_ERROR = const(128)

NAMES = (
    "warm_up",
    "out_of_range",
    "stuck",
    "stale",
    "no_answer",
    "bad_data",
    "spike",
    "sensor_error",
)
