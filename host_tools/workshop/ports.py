"""Which serial ports have a board behind them, as far as USB says."""

from __future__ import annotations

import glob
import os
from typing import NamedTuple

from serial.tools import list_ports

from host_tools.errors import UserError

# USB vendors of what stands between a chip and a cable (the-sz.com, linux-usb.org's usb.ids).
VENDORS = {
    0x0403: "FTDI",
    0x10C4: "CP210x",
    0x1A86: "CH340",
    0x303A: "USB of the chip",
}
# A pattern of more ports: practice boards, or bridges of another vendor.
MORE = "KISTA_PORTS"


class Port(NamedTuple):
    """`device`: what a tool opens; `about`: the bridge and its serial number."""

    device: str
    about: str


def find() -> list[Port]:
    """Return the ports of boards that are plugged in now, by name."""
    found = {
        port.device: f"{VENDORS[port.vid]} {port.serial_number or ''}".strip()
        for port in list_ports.comports()
        if port.vid in VENDORS
    }
    for path in glob.glob(os.environ.get(MORE, "")):
        found.setdefault(path, f"named by {MORE}")
    return [Port(*one) for one in sorted(found.items())]


def the_one() -> str:
    """Return the only board's port; `UserError` when there is none, or a choice."""
    found = find()
    if not found:
        raise UserError("no board is plugged in; is it a cable with data lines? Or name --port")
    if len(found) > 1:
        listed = ", ".join(f"{port.device} ({port.about})" for port in found)
        raise UserError(f"several boards are plugged in: {listed}; name one with --port, or --all")
    return found[0].device
