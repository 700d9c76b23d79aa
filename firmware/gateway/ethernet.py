"""Ethernet by the chip's own controller and the board's PHY."""


class Ethernet:
    """`network`, `pin`: MicroPython's module and `machine.Pin`; `about`: the board's ethernet."""

    patience_ms = 30 * 1000

    def __init__(self, network, pin, about):
        self._network = network
        self._lan = None
        pins = {role: pin(number) for role, number in about["pins"].items()}
        try:
            self._lan = network.LAN(
                mdc=pins["mdc"],
                mdio=pins["mdio"],
                power=pins.get("power"),
                reset=pins.get("reset"),
                ref_clk=pins["clock"],
                ref_clk_mode=pin.OUT if about["clock"] == "out" else pin.IN,
                phy_type=getattr(network, "PHY_" + about["phy"]),
                phy_addr=about["address"],
            )
        except OSError:
            # Once more cannot help before the next reset: the port has made half of it by now.
            pass

    def start(self):
        if self._lan:
            self._lan.active(True)

    def step(self):
        return 500

    def stop(self):
        if self._lan:
            self._lan.active(False)

    def up(self):
        return self._lan is not None and self._lan.isconnected()

    def why(self):
        if self._lan is None:
            return "Ethernet does not answer"
        if self.up():
            return ""
        if self._lan.status() == self._network.ETH_CONNECTED:
            return "Ethernet: no address yet"
        return "Ethernet: no cable"

    def rssi(self):
        return None
