"""Sensirion SHT30, SHT31, SHT35: temperature and humidity, on I2C.

Source: data sheet SHT3x-DIS, version 7. One measurement when asked: measuring often by itself warms
it. Some public implementations divide by 65536 where it says 65535; that moves the last digit here
by one at most.
"""

from micropython import const

from gateway import sensirion, sht

BUS = "i2c"
I2C_FREQ = 100000
ADDRESSES = (0x44, 0x45)
OPTIONS = (("address", 0x44, 0x45),)
CHANNELS = (("temperature", "degC", 100), ("humidity", "%RH", 100))
RANGE = ((-4000, 12500), (0, 10000))
# Limits for gateway/quality.py: two of a kind agree twice as well.
SPIKE = (300, 1500)
STUCK_ROWS = (180, 180)
PAIR = ((100, 0), (500, 0))
MIN_PERIOD_MS = 1000
WARM_UP_MS = 0
STREAMING = False

# Single shot, high repeatability, no clock stretching: at most 15.5 ms.
_MEASURE = b"\x24\x00"
_TAKES_MS = const(16)


def parse(data):
    """Return (temperature in 0.01 degC, humidity in 0.01 %RH) from the six bytes; ValueError."""
    temperature, humidity = sensirion.words(data)
    # -45 + 175 x / 65535 degC and 100 x / 65535 %RH, reduced and rounded.
    return (3500 * temperature + 6553) // 13107 - 4500, (2000 * humidity + 6553) // 13107


class Sensor(sht.Sensor):
    """`bus`: an I2C bus; `options`: address, 0x44 or 0x45 (68 or 69)."""

    def __init__(self, bus, clock, options):
        address = options.get("address", ADDRESSES[0])
        super().__init__(bus, clock, address, _MEASURE, _TAKES_MS, parse)
