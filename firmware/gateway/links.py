"""The ways into the network: one at a time, and the next one when it gets nowhere.

A way has `start()`, `step()` (returns ms until the next call), `up()`, `why()`, `rssi()`, `stop()`
and `patience_ms`. `network` and `time` are MicroPython's modules.
"""

from micropython import const

# In this order.
KINDS = ("ethernet", "wifi", "lte")
_JOIN_WITHIN_MS = const(20 * 1000)


class Link:
    """`open_way(kind, settings)` makes a way; it is called for those that are configured."""

    def __init__(self, time, open_way):
        self._time = time
        self._open_way = open_way
        self._kinds = []
        self._ways = []
        self._turn = 0
        self._down_since = None

    def start(self, settings):
        """`settings`: {"ethernet": {}, "wifi": [{"ssid": …}, …], "lte": {"apn": …}}, or some."""
        for kind in KINDS:
            wanted = settings.get(kind)
            # No Wi-Fi at all is an empty list; Ethernet has nothing to say, an empty object.
            if wanted is not None and wanted != []:
                self._kinds.append(kind)
                self._ways.append(self._open_way(kind, wanted))
        if self._ways:
            self._ways[0].start()

    def step(self):
        """Join if need be; return ms until the next call."""
        if not self._ways:
            return 1000
        way = self._ways[self._turn]
        wait = way.step()
        now = self._time.ticks_ms()
        if way.up():
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now
        elif self._time.ticks_diff(now, self._down_since) > way.patience_ms:
            self._down_since = now
            if len(self._ways) > 1:
                way.stop()
                self._turn = (self._turn + 1) % len(self._ways)
                self._ways[self._turn].start()
        return wait

    def up(self):
        return bool(self._ways) and self._ways[self._turn].up()

    def why(self):
        return self._ways[self._turn].why() if self._ways else "no network is configured"

    def way(self):
        """Return the kind of way that is taken, or tried, now."""
        return self._kinds[self._turn] if self._kinds else None

    def rssi(self):
        return self._ways[self._turn].rssi() if self._ways else None


class Wifi:
    """The Wi-Fi station: tries the configured networks in turn, for ever, without a reset."""

    def __init__(self, network, time, networks):
        self._network = network
        self._time = time
        self._wlan = network.WLAN(network.STA_IF)
        self._networks = networks
        self._turn = 0
        self._trying_since = None
        self._why = "not joined yet"
        # Each of them, twice.
        self.patience_ms = 2 * _JOIN_WITHIN_MS * len(networks)

    def start(self):
        self._wlan.active(True)

    def step(self):
        if self._wlan.isconnected():
            self._trying_since = None
            self._why = ""
            return 1000
        now = self._time.ticks_ms()
        if self._trying_since is None:
            self._join(now)
        elif self._time.ticks_diff(now, self._trying_since) > _JOIN_WITHIN_MS:
            # The status may still be that of the attempt before, so each gets its full time.
            self._note_why()
            self._wlan.disconnect()
            self._turn += 1
            self._trying_since = None
        return 500

    def _join(self, now):
        wanted = self._networks[self._turn % len(self._networks)]
        self._trying_since = now
        try:
            self._wlan.connect(wanted["ssid"], wanted.get("password") or None)
        except OSError as error:
            self._why = "%s: %s" % (wanted["ssid"], error)

    def _note_why(self):
        status = self._wlan.status()
        if status == self._network.STAT_WRONG_PASSWORD:
            self._why = "wrong Wi-Fi password"
        elif status == self._network.STAT_NO_AP_FOUND:
            self._why = "Wi-Fi network not found"
        else:
            self._why = "Wi-Fi does not answer"

    def stop(self):
        self._trying_since = None
        self._wlan.active(False)

    def up(self):
        return self._wlan.isconnected()

    def why(self):
        return self._why

    def rssi(self):
        try:
            return self._wlan.status("rssi")
        except OSError:
            # Not connected, or no more.
            return None
