"""Who has which pin of a board; an impossible wish is a ValueError with field and reason."""

from __future__ import annotations

from host_tools.chips import Chip

# What the chip drives, and what a board's maker has wired with care for how the chip starts.
DRIVEN = {"tx", "sda", "scl", "sck", "ws", "led", "mdc", "mdio", "power", "reset", "power_key"}
WIRED = {"led", "button", "ethernet", "lte"}


class Pins:
    """`shares`: {bus: buses that may have the same pins, as only one of them is ever used}."""

    def __init__(
        self, chip: Chip | None, psram: bool, ethernet: bool, shares: dict[str, list]
    ) -> None:
        self._chip = chip
        self._shares = shares
        self._taken: dict[int, list[tuple[str, str]]] = {}
        self._reserved: dict[int, str] = {}
        if chip:
            groups = [
                (chip.flash, "belongs to the flash"),
                (chip.console, "is the console"),
                (chip.usb, "is USB"),
                (chip.psram if psram else (), "belongs to the PSRAM"),
                (chip.rmii if ethernet else (), "belongs to Ethernet"),
            ]
            self._reserved = {pin: why for group, why in groups for pin in group}

    def claim(self, pin: int, field: str, owner: str, role: str, kind: str = "") -> None:
        """Give a pin to `owner` (a bus, or what is wired); `kind`: that of a bus."""
        for other, taken in self._taken.get(pin, []):
            if other not in self._shares.get(owner, []) and owner not in self._shares.get(
                other, []
            ):
                raise ValueError(f"{field}: pin {pin} is already {taken}")
        if self._chip:
            reason = self._reason(self._chip, pin, owner, role, kind)
            if reason:
                raise ValueError(f"{field}: {reason}")
        self._taken.setdefault(pin, []).append((owner, field))

    def _reason(self, chip: Chip, pin: int, owner: str, role: str, kind: str) -> str:
        """Return why a pin cannot be had on this chip, or nothing."""
        if pin not in chip.pins:
            return f"the {chip.title} has no pin {pin}"
        if pin in self._reserved:
            return f"pin {pin} {self._reserved[pin]}"
        if role in DRIVEN and pin in chip.input_only:
            return f"pin {pin} can only read"
        if owner not in WIRED and pin in chip.strapping:
            return f"pin {pin} decides at reset how the chip starts; use another"
        if kind == "adc" and pin in chip.adc2:
            return f"pin {pin} belongs to ADC2, which Wi-Fi needs; use one of ADC1"
        if kind == "adc" and pin not in chip.adc1:
            return f"pin {pin} measures no voltage; use one of ADC1"
        return ""
