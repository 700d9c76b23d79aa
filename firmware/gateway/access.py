"""How the node gets to its broker, and where it stands: the parts of a configuration that say so.

A configuration on a board holds no secret: it names the slot of the store where they are.
"""

import binascii
import json

from micropython import const

from gateway.checks import ConfigError, keys, text, whole
from gateway.settings import SLOTS, store_key

_PORT_MOST = const(65535)
_WIFI_MOST = const(8)
# IEEE 802.11: a network's name has at most 32 bytes; WPA: a passphrase has 8 to 63 characters.
_SSID_MOST = const(32)
_PASSWORD_LEAST = const(8)
_PASSWORD_MOST = const(63)
_TEXT_MOST = const(128)
_SITE = (
    # Millionths of a degree: 11 cm, and a whole number below 2^30.
    ("latitude_udeg", -90000000, 90000000),
    ("longitude_udeg", -180000000, 180000000),
    ("height_cm", -50000, 1000000),
    ("heading_deg", 0, 359),
    ("lanes", 0, 20),
)
_BROKER_KEYS = ("host", "port", "user", "password", "keepalive_s", "tls")


def check_broker(broker):
    """Return a checked copy, with its defaults; ConfigError names the field."""
    keys(broker, "broker", _BROKER_KEYS)
    broker = dict(broker)
    host = broker.get("host")
    if not isinstance(host, str) or not host or " " in host or "/" in host:
        raise ConfigError("broker.host: needs a host name or an address, not %r" % (host,))
    tls = broker.get("tls")
    if tls is not None and not isinstance(tls, dict):
        raise ConfigError("broker.tls: needs an object with ca, or nothing")
    whole(broker, "port", "broker", 1, _PORT_MOST, 1883 if tls is None else 8883)
    whole(broker, "keepalive_s", "broker", 5, 3600, 60)
    text(broker, "user", "broker", 1, _TEXT_MOST)
    text(broker, "password", "broker", 0, _TEXT_MOST)
    return broker


def check_network(network, board):
    """Return it when the board can do it: wifi (a list), ethernet or lte; ConfigError if not."""
    keys(network, "network", ("wifi", "ethernet", "lte"))
    for kind in ("ethernet", "lte"):
        if kind in network and kind not in board:
            raise ConfigError("network.%s: board %s has none" % (kind, board["name"]))
    wifi = network.get("wifi", [])
    if not isinstance(wifi, list) or len(wifi) > _WIFI_MOST:
        raise ConfigError("network.wifi: needs a list of up to %d networks" % _WIFI_MOST)
    for number, one in enumerate(wifi):
        field = "network.wifi[%d]" % number
        keys(one, field, ("ssid", "password"))
        text(one, "ssid", field, 1, _SSID_MOST)
        if "ssid" not in one:
            raise ConfigError("%s.ssid: is missing" % field)
        text(one, "password", field, _PASSWORD_LEAST, _PASSWORD_MOST)
    if "ethernet" in network:
        keys(network["ethernet"], "network.ethernet", ())
    if "lte" in network:
        lte = network["lte"]
        keys(lte, "network.lte", ("apn", "user", "password"))
        for key in ("apn", "user", "password"):
            text(lte, key, "network.lte", 1, _TEXT_MOST)
        if "apn" not in lte:
            raise ConfigError("network.lte.apn: is missing")
    return network


def check_site(site):
    """Return it; ConfigError names the field that cannot be."""
    keys(site, "site", ("name",) + tuple(key for key, _, _ in _SITE))
    text(site, "name", "site", 1, _TEXT_MOST)
    for key, least, most in _SITE:
        if key in site:
            whole(site, key, "site", least, most, None)
    return site


def check_slot(config):
    """ConfigError when the configuration names a place for its secrets that is none."""
    if config.get("secrets") not in (None,) + SLOTS:
        raise ConfigError("secrets: is none of %s" % ", ".join(SLOTS))


def unlock(config, store):
    """Put the secrets from the store to where they belong; ConfigError when they are not there.

    They are JSON: wifi (a list of passwords, as the networks), lte, password (the broker's), and
    ca (a list), cert, key: DER in base 64.
    """
    slot = config.get("secrets")
    if not slot:
        return
    try:
        secrets = json.loads(store.get(store_key(slot)))
        wifi = config["network"].get("wifi", ())
        for network, password in zip(wifi, secrets.get("wifi", ())):
            if password:
                network["password"] = password
        if secrets.get("lte"):
            config["network"]["lte"]["password"] = secrets["lte"]
        broker = config["broker"]
        if secrets.get("password"):
            broker["password"] = secrets["password"]
        if broker.get("tls") is not None:
            broker["tls"] = {"ca": [binascii.a2b_base64(one) for one in secrets.get("ca", ())]}
            for key in ("cert", "key"):
                if secrets.get(key):
                    broker["tls"][key] = binascii.a2b_base64(secrets[key])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigError("secrets: not in the store, or damaged; provision the node again")


def other_slot(slot):
    """Return the slot of the store that a new configuration may fill."""
    return SLOTS[0] if slot == SLOTS[1] else SLOTS[1]


def check_no_secrets(config):
    """ConfigError for a password in a configuration that is to stand in a file."""
    network = config.get("network")
    network = network if isinstance(network, dict) else {}
    wifi = network.get("wifi")
    for one in (config.get("broker"), network.get("lte")) + tuple(wifi or ()):
        if isinstance(one, dict) and "password" in one:
            raise ConfigError("password: belongs into secrets, beside config")


def check_same_doors(config, running):
    """ConfigError when a configuration without secrets of its own goes other ways than this."""
    if not running.get("secrets"):
        return
    network = config.get("network") or {}
    wanted = [one.get("ssid") for one in network.get("wifi", ())]
    known = [one["ssid"] for one in running["network"].get("wifi", ())]
    tls = (config.get("broker") or {}).get("tls")
    if wanted != known or (tls is None) != (running["broker"].get("tls") is None):
        raise ConfigError("secrets: are missing for another network or broker")
