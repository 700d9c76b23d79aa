"""Which configuration runs: the proven one, or a new one that has yet to reach the broker.

Files: config.json is proven. config.new is on trial; it becomes config.json when the broker has
answered the node that runs it. When it has not after half an hour, and there is a proven one, that
runs again and the new one waits as config.late; when the proven one gets nowhere either, the new
one has its next turn. A step is one rename, so a power cut leaves one state or the other. The
secrets of a configuration are in the slot of the store that it names; the other slot belongs to the
other configuration.
"""

import os

from micropython import const

PROVEN = "config.json"
NEW = "config.new"
LATE = "config.late"
SLOTS = ("a", "b")
# Joining a network takes 20 s each, a cold LTE modem minutes.
TURN_MS = const(30 * 60 * 1000)
_LOOK_MS = const(500)
# A blob cannot be removed through the HAL, but emptied.
_NOTHING = b"{}"


def store_key(slot):
    """Return the store's key for the secrets in `slot`."""
    return "secrets_" + slot


class Settings:
    """`folder`: "" or a path that ends with "/"."""

    def __init__(self, folder=""):
        self._folder = folder
        found = os.listdir(folder or ".")
        self._has_proven = PROVEN in found
        self.state = "none"
        for name, state in ((PROVEN, "proven"), (LATE, "late"), (NEW, "new")):
            if name in found:
                self.state = state

    def text(self):
        """Return the configuration to run, "" when there is none."""
        try:
            with open(self._folder + (NEW if self.state == "new" else PROVEN)) as file:
                return file.read()
        except OSError:
            return ""

    async def watch(self, node):
        """Judge the configuration for as long as the node runs."""
        node.configuration = self.state
        while True:
            await node.clock.sleep_ms(_LOOK_MS)
            self.step(node)

    def step(self, node):
        """Prove the configuration that has reached the broker, give up the one that has not."""
        if self.state in ("proven", "none"):
            return
        # In safe mode the node talks to the broker, but the configuration is not what works.
        reached = node.uplink.heard_ms is not None and not node.health.safe_mode
        if self.state == "new" and reached:
            self._prove(node)
        elif self._has_proven and not reached and node.clock.uptime_ms() > TURN_MS:
            self._change_turns(node)

    def _prove(self, node):
        self._move(NEW, PROVEN)
        if LATE in os.listdir(self._folder or "."):
            os.remove(self._folder + LATE)
        mine = node.config.get("secrets")
        for slot in SLOTS:
            # What the configuration before needed; only now is it needed no more.
            if slot != mine and node.hal.store.get(store_key(slot)):
                node.hal.store.set(store_key(slot), _NOTHING)
        self.state = node.configuration = "proven"
        node.uplink.want_health()

    def _change_turns(self, node):
        node.stop()
        if self.state == "new":
            self._move(NEW, LATE)
        else:
            self._move(LATE, NEW)
        node.hal.reset()

    def _move(self, old, new):
        os.rename(self._folder + old, self._folder + new)
