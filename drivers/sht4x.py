"""Sensirion SHT40, SHT41, SHT43, SHT45: temperature and humidity, on I2C.

Source: data sheet SHT4x, version 6. Some public implementations divide by 65536 where it says
65535; that moves the last digit here by one at most.
"""

from micropython import const

from gateway import sensirion, sht

BUS = "i2c"
I2C_FREQ = 100000
# By the letter in the type: A, B, C.
ADDRESSES = (0x44, 0x45, 0x46)
OPTIONS = (("address", 0x44, 0x46),)
CHANNELS = (("temperature", "degC", 100), ("humidity", "%RH", 100))
RANGE = ((-4000, 12500), (0, 10000))
# Limits for gateway/quality.py: two of a kind agree twice as well.
SPIKE = (300, 1500)
STUCK_ROWS = (180, 180)
PAIR = ((100, 0), (500, 0))
MIN_PERIOD_MS = 1000
WARM_UP_MS = 0
STREAMING = False

# High precision, at most 8.3 ms; the heater stays off.
_MEASURE = b"\xfd"
_TAKES_MS = const(9)


def parse(data):
    """Return (temperature in 0.01 degC, humidity in 0.01 %RH) from the six bytes; ValueError.

    Humidity may lie beyond 0 and 100 %, by up to 6 and 19: the data sheet leaves cutting it off
    to the reader.
    """
    temperature, humidity = sensirion.words(data)
    # -45 + 175 x / 65535 degC and -6 + 125 x / 65535 %RH, reduced and rounded.
    return (3500 * temperature + 6553) // 13107 - 4500, (2500 * humidity + 6553) // 13107 - 600


class Sensor(sht.Sensor):
    """`bus`: an I2C bus; `options`: address, 0x44 to 0x46 (68 to 70)."""

    def __init__(self, bus, clock, options):
        address = options.get("address", ADDRESSES[0])
        super().__init__(bus, clock, address, _MEASURE, _TAKES_MS, parse)
