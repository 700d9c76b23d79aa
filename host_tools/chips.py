"""What a build must know of each chip: its pins, its controllers, where its images lie.

From Espressif's data sheets (pin definitions, strapping pins) and ESP-IDF (`esp_app_format.h`, the
GPIO and ADC pages). Controllers: those that stock MicroPython offers, without UART 0, the console.
"""

from __future__ import annotations

from dataclasses import dataclass


def _pins(*spans: int | tuple[int, int]) -> frozenset[int]:
    """Return the pins of single numbers and of (first, last)."""
    ends = [(span, span) if isinstance(span, int) else span for span in spans]
    return frozenset(pin for first, last in ends for pin in range(first, last + 1))


@dataclass(frozen=True)
class Chip:
    """`ident`: the chip id in image headers; `bootloader`: its offset in flash.

    `strapping`: pins that say at reset how the chip starts. `psram`: pins that memory in the module
    takes. `adc1`, `adc2`: pins of the two converters. `rmii`: pins that Ethernet takes.
    """

    title: str
    ident: int
    bootloader: int
    pins: frozenset[int]
    flash: frozenset[int]
    psram: frozenset[int]
    strapping: frozenset[int]
    console: frozenset[int]
    usb: frozenset[int]
    adc1: frozenset[int]
    adc2: frozenset[int]
    uarts: tuple[int, ...]
    i2cs: tuple[int, ...]
    i2ss: tuple[int, ...]
    input_only: frozenset[int] = frozenset()
    rmii: frozenset[int] = frozenset()


CHIPS = {
    "esp32": Chip(
        title="ESP32",
        ident=0,
        bootloader=0x1000,
        pins=_pins((0, 19), (21, 23), (25, 27), (32, 39)),
        flash=_pins((6, 11)),
        psram=_pins(16, 17),
        strapping=_pins(0, 2, 5, 12, 15),
        console=_pins(1, 3),
        usb=_pins(),
        adc1=_pins((32, 39)),
        adc2=_pins(0, 2, 4, (12, 15), (25, 27)),
        uarts=(1, 2),
        i2cs=(0, 1),
        i2ss=(0, 1),
        input_only=_pins((34, 39)),
        rmii=_pins(19, 21, 22, (25, 27)),
    ),
    "esp32s3": Chip(
        title="ESP32-S3",
        ident=9,
        bootloader=0,
        pins=_pins((0, 21), (26, 48)),
        flash=_pins((26, 32)),
        # With eight data lines; with four, the memory shares the pins of the flash.
        psram=_pins((33, 37)),
        strapping=_pins(0, 3, 45, 46),
        console=_pins(43, 44),
        usb=_pins(19, 20),
        adc1=_pins((1, 10)),
        adc2=_pins((11, 20)),
        uarts=(1, 2),
        i2cs=(0, 1),
        i2ss=(0, 1),
    ),
    "esp32c3": Chip(
        title="ESP32-C3",
        ident=5,
        bootloader=0,
        pins=_pins((0, 21)),
        flash=_pins((11, 17)),
        psram=_pins(),
        strapping=_pins(2, 8, 9),
        console=_pins(20, 21),
        usb=_pins(18, 19),
        adc1=_pins((0, 4)),
        adc2=_pins(5),
        uarts=(1,),
        i2cs=(0,),
        i2ss=(0,),
    ),
    "esp32c6": Chip(
        title="ESP32-C6",
        ident=13,
        bootloader=0,
        pins=_pins((0, 30)),
        flash=_pins((24, 30)),
        psram=_pins(),
        strapping=_pins(4, 5, 8, 9, 15),
        console=_pins(16, 17),
        usb=_pins(12, 13),
        adc1=_pins((0, 6)),
        adc2=_pins(),
        uarts=(1,),
        i2cs=(0,),
        i2ss=(0,),
    ),
}


def title_of(ident: int) -> str:
    """Return how people call the chip with that id."""
    return next((chip.title for chip in CHIPS.values() if chip.ident == ident), f"chip id {ident}")
