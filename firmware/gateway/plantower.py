"""The frame of Plantower's particle sensors, the same on a UART and on I2C.

Source: data sheets PMS5003 V2.3, PMS7003 V2.5, PMSA003I V2.6. All give each mass twice: for
"factory air" (CF=1, standard) and for the atmosphere; public data sets have had the two names
swapped, so both are kept. Later sheets say that byte 28 is a version and byte 29 an error code, the
PMS5003's calls both reserved.
"""

import struct

from micropython import const

CHANNELS = (
    ("pm1_0", "ug/m3", 1),
    ("pm2_5", "ug/m3", 1),
    ("pm10", "ug/m3", 1),
    ("pm1_0_standard", "ug/m3", 1),
    ("pm2_5_standard", "ug/m3", 1),
    ("pm10_standard", "ug/m3", 1),
    # Particles larger than so many um. The sensor counts those in 0.1 l, which is 100 cm3.
    ("n_over_0_3", "1/cm3", 100),
    ("n_over_0_5", "1/cm3", 100),
    ("n_over_1_0", "1/cm3", 100),
    ("n_over_2_5", "1/cm3", 100),
    ("n_over_5_0", "1/cm3", 100),
    ("n_over_10", "1/cm3", 100),
)
RANGE = ((0, 1000),) * 6 + ((0, 65535),) * 6
# Limits for gateway/quality.py. In calm air whole ug/m3 stay for hours; the smallest are always
# many. One sensor is good to 10 ug/m3 or 10 %; two differ by twice as much.
SPIKE = (100, 100, 200) * 2 + (0,) * 6
STUCK_ROWS = (0,) * 6 + (180, 180) + (0,) * 4
HUMIDITY_MOST = (70,) * 12
PAIR = ((20, 20),) * 6 + (0,) * 6
FRAME_BYTES = const(32)
HEAD = b"\x42\x4d"

_REST = b"\x00\x1c"
_ERROR = const(29)
_SUM = const(30)


def parse(frame):
    """Return the values in the order of CHANNELS; ValueError names the part that is wrong."""
    if len(frame) != FRAME_BYTES:
        raise ValueError("size")
    if bytes(frame[:2]) != HEAD:
        raise ValueError("header")
    if bytes(frame[2:4]) != _REST:
        raise ValueError("length")
    if sum(frame[:_SUM]) != frame[_SUM] << 8 | frame[_SUM + 1]:
        raise ValueError("checksum")
    words = struct.unpack_from(">12H", frame, 4)
    return words[3:6] + words[:3] + words[6:]


def has_failed(frame):
    """Return whether the sensor says so itself, with a code that no data sheet explains."""
    return frame[_ERROR] != 0
