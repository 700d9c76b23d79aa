"""Quality flags: why a value is doubtful, or why there is none. A mask per value, 8 bits."""

from micropython import const

WARM_UP = const(1)
OUT_OF_RANGE = const(2)
STUCK = const(4)
STALE = const(8)
SPIKE = const(64)
SENSOR_ERROR = const(128)
# Where there is no value: why.
NO_ANSWER = const(16)
BAD_DATA = const(32)
# The same bits beside a value: the air is damper than the sensor bears, or its twin says otherwise.
HUMID = const(16)
DISAGREES = const(32)
