"""Which configuration runs: the proven one, or a new one that has yet to reach the broker.

Files: config.json is proven. config.new is on trial; it becomes config.json when the broker has
answered the node that runs it. When it has not after half an hour, and there is a proven one, that
runs again and the new one waits as config.late; when the proven one gets nowhere either, the new
one has its next turn.

config.sent came over MQTT. Its trial is one boot of at most ten minutes, as config.tried: it
becomes config.json in that time or is dropped by the next boot, whatever ended the one before.

A step is one rename, so a power cut leaves one state or the other. The secrets of a configuration
are in the slot of the store that it names; the other slot belongs to the other configuration.

config.copy is config.json once more, for the day on which that cannot be read. A file system that
fails costs what it was to keep, never the node: it runs on with what it has.
"""

import json
import os

from micropython import const

PROVEN = "config.json"
NEW = "config.new"
LATE = "config.late"
SENT = "config.sent"
TRIED = "config.tried"
COPY = "config.copy"
_PART = "config.part"
SLOTS = ("a", "b")
# Joining a network takes 20 s each, a cold LTE modem minutes.
TURN_MS = const(30 * 60 * 1000)
TRIAL_S = const(10 * 60)
_LOOK_MS = const(2000)
# A blob cannot be removed through the HAL, but emptied.
_NOTHING = b"{}"


def store_key(slot):
    """Return the store's key for the secrets in `slot`."""
    return "secrets_" + slot


class Settings:
    """`folder`: "" or a path that ends with "/". `read_board()`: what the board is that is to run
    a configuration.

    `state`: none, proven, late (the proven one runs), new, sent (on trial), or reverted: the
    proven one runs because the one that was sent did not reach the broker.
    """

    def __init__(self, folder, read_board):
        self._folder = folder
        self.read_board = read_board
        self._backed_up = self._failed = False
        self._reason = ""
        found = self._found()
        self._has_proven = PROVEN in found
        self._file = PROVEN
        self.state = "none"
        for name, state in ((PROVEN, "proven"), (LATE, "late"), (NEW, "new")):
            if name in found:
                self.state = state
        if self.state == "new":
            self._file = NEW
        try:
            if TRIED in found:
                self.state = "reverted"
                os.remove(folder + TRIED)
            elif SENT in found and self.state in ("proven", "late"):
                self._move(SENT, TRIED)
                self._file = TRIED
                self.state = "sent"
        except OSError:
            # The proven one is not touched by it.
            pass

    def _found(self):
        try:
            return os.listdir(self._folder or ".")
        except OSError:
            return ()

    def text(self):
        """Return the configuration to run, "" when there is none."""
        text = self._read(self._file)
        if self._file == PROVEN and self._has_proven and not _is_json(text):
            self._reason = "config.json cannot be read; its copy runs"
            return self._read(COPY) or text
        return text

    def _read(self, name):
        try:
            with open(self._folder + name) as file:
                return file.read()
        except (OSError, ValueError):
            # Not there, not readable, or not text.
            return ""

    def keep(self, text):
        """Keep a configuration that came over MQTT; `begin_trial` lets the next boot try it."""
        with open(self._folder + _PART, "w") as file:
            file.write(text)

    def begin_trial(self):
        """Let the next boot try what was kept."""
        self._move(_PART, SENT)

    async def watch(self, node):
        """Judge the configuration for as long as the node runs."""
        node.configuration = self.state
        if self._reason:
            node.health.say(self._reason)
        while True:
            await node.clock.sleep_ms(_LOOK_MS)
            try:
                if not self._failed:
                    self.step(node)
            except OSError as error:
                # What could not be noted is found again by the next boot.
                self._failed = True
                node.health.say("configuration cannot be kept: %s" % error)

    def step(self, node):
        """Prove the configuration that has reached the broker, give up the one that has not."""
        # In safe mode the node talks to the broker, but the configuration is not what works.
        reached = node.uplink.heard_ms is not None and not node.health.safe_mode
        if reached and not self._backed_up and self._file == PROVEN and self.state != "none":
            self._back_up()
        if self.state in ("proven", "none", "reverted"):
            return
        if self.state in ("new", "sent") and reached:
            self._prove(node)
        elif self.state == "sent" and node.clock.uptime_ms() > TRIAL_S * 1000:
            node.stop()
            node.hal.reset()
        elif self.state == "sent":
            return
        elif self._has_proven and not reached and node.clock.uptime_ms() > TURN_MS:
            self._change_turns(node)

    def _prove(self, node):
        self._move(self._file, PROVEN)
        self._file = PROVEN
        self._back_up()
        if LATE in self._found():
            os.remove(self._folder + LATE)
        mine = node.config.get("secrets")
        for slot in SLOTS:
            # What the configuration before needed; only now is it needed no more.
            if slot != mine and node.hal.store.get(store_key(slot)):
                node.hal.store.set(store_key(slot), _NOTHING)
        self.state = node.configuration = "proven"
        node.uplink.want_health()

    def _back_up(self):
        """Copy the configuration that works, unless the copy is the same."""
        self._backed_up = True
        text = self._read(PROVEN)
        if _is_json(text) and text != self._read(COPY):
            with open(self._folder + COPY, "w") as file:
                file.write(text)

    def _change_turns(self, node):
        if self.state == "new":
            self._move(NEW, LATE)
        else:
            self._move(LATE, NEW)
        node.stop()
        node.hal.reset()

    def _move(self, old, new):
        os.rename(self._folder + old, self._folder + new)


def _is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
