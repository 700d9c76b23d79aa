"""The board's LED, for people below the post: so many flashes, then a pause.

1 all is well, 2 no network, 3 no broker, 4 a sensor; without a pause: not configured, safe mode.
A flicker: somebody asked which post this is.
"""

from micropython import const

WELL = const(1)
NETWORK = const(2)
BROKER = const(3)
SENSOR = const(4)
HELPLESS = const(0)
_FLASH_MS = const(100)
_DARK_MS = const(250)
_PAUSE_MS = const(2000)
_FLICKER_MS = const(50)


def flashes(node):
    """Return how many flashes say how the node is; HELPLESS for those that never pause."""
    if node.health.safe_mode:
        return HELPLESS
    if node.uplink.state == "no network":
        return NETWORK
    if node.uplink.state != "online":
        return BROKER
    if any(sampler.failed for stream in node.streams for sampler in stream.samplers):
        return SENSOR
    return WELL


class Lamp:
    """`light(on)`: the LED."""

    def __init__(self, light):
        self._light = light
        self._left = 0
        self._on = False

    async def watch(self, node):
        """Blink for as long as the node runs."""
        while True:
            await node.clock.sleep_ms(self.step(node))

    def step(self, node):
        """Change the light if it is time to; return ms until the next call."""
        self._on = not self._on
        self._light(self._on)
        if node.clock.uptime_ms() < node.commands.identify_until_ms:
            self._left = 0
            return _FLICKER_MS
        if self._on:
            # One pattern is shown to its end, and then what holds by then.
            self._left = (self._left if self._left > 0 else flashes(node)) - 1
            return _FLASH_MS
        return _PAUSE_MS if self._left == 0 else _DARK_MS
