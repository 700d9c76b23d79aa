"""A Wi-Fi station in a world whose networks are in the file `air.json`: {ssid: password}."""

import json
import os

STA_IF = 0
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202


class WLAN:
    def __init__(self, interface):
        self._status = STAT_IDLE

    def active(self, on):
        pass

    def isconnected(self):
        return self._status == STAT_GOT_IP

    def connect(self, ssid, password):
        with open((os.getenv("BOARD_HOME") or ".") + "/air.json") as file:
            air = json.load(file)
        if ssid not in air:
            self._status = STAT_NO_AP_FOUND
        elif air[ssid] != password:
            self._status = STAT_WRONG_PASSWORD
        else:
            self._status = STAT_GOT_IP

    def disconnect(self):
        self._status = STAT_IDLE

    def status(self, what=None):
        return -61 if what == "rssi" else self._status
