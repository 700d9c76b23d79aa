"""What Sensirion's SEN5x and SEN6x modules have in common: eight values, in words."""

from micropython import const

from gateway import flags, sensirion

CHANNELS = (
    ("pm1_0", "ug/m3", 10),
    ("pm2_5", "ug/m3", 10),
    ("pm4_0", "ug/m3", 10),
    ("pm10", "ug/m3", 10),
    ("humidity", "%RH", 100),
    ("temperature", "degC", 100),
    ("voc_index", "1", 10),
    ("nox_index", "1", 10),
)
RANGE = ((0, 10000),) * 4 + ((0, 10000), (-1000, 5000), (10, 5000), (10, 5000))
# Limits for gateway/quality.py. They are meant for up to 80 %RH, and good to 5 ug/m3 and 5 % (PM4
# and PM10: 25), 4.5 %RH, 0.45 degC; two differ by twice as much. An index may jump, and stand.
SPIKE = (1000, 1000, 2000, 2000, 1500, 300, 0, 0)
STUCK_ROWS = (180,) * 6 + (0, 0)
HUMIDITY_MOST = (80,) * 4 + (0,) * 4
PAIR = ((110, 20),) * 2 + ((500, 50),) * 2 + ((900, 0), (90, 0), 0, 0)
# From the start of the measurement to the first values.
FIRST_MS = const(1100)

_STATUS_AND_CLEAR = const(0xD210)
_UNKNOWN = const(0xFFFF)
_UNKNOWN_SIGNED = const(0x7FFF)


def values(words):
    """Return the eight values of CHANNELS; None is what the sensor does not know (yet)."""
    masses = [unsigned(word) for word in words[:4]]
    humidity, temperature, voc, nox = [_signed(word) for word in words[4:8]]
    if temperature is not None:
        # It speaks 1/200 degC.
        temperature = temperature + 1 >> 1
    return tuple(masses) + (humidity, temperature, voc, nox)


def unsigned(word):
    """Return a word that stands for itself, None for "unknown"."""
    return None if word == _UNKNOWN else word


def _signed(word):
    if word == _UNKNOWN_SIGNED:
        return None
    return word - 0x10000 if word & 0x8000 else word


async def faults(port, masks):
    """Return a mark for each of `masks`, bits of the sensor's status since the last time."""
    high, low = sensirion.words(await port.ask(_STATUS_AND_CLEAR, sensirion.SOON_MS, 2))
    status = (high & 0x3FFF) << 16 | low
    return [flags.SENSOR_ERROR if status & mask else 0 for mask in masks]
