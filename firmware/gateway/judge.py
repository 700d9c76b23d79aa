"""Reads a configuration, and forgets how: the rules are needed rarely, their memory always."""

import json

from gateway import access, rarely, schema
from gateway import config as rules


def forget():
    """Unload what only judges."""
    rarely.forget("config", "schema", "access", "checks", "judge", "lanes")


def read(text, board, store, connect_only=False):
    """Return (configuration, why it was refused or "", schemas as `describe`, drivers by name).

    `connect_only`: leave out all that reads sensors; a driver may be what fails.
    """
    refused = ""
    try:
        if connect_only:
            config = rules.salvage(text, board)
        else:
            config = rules.parse(text, board, rules.load_driver)
    except rules.ConfigError as error:
        refused = str(error)
        config = rules.salvage(text, board)
    try:
        access.unlock(config, store)
    except rules.ConfigError as error:
        refused = refused or str(error)
    drivers = {}
    for stream in config["streams"]:
        for sensor in stream["sensors"]:
            drivers[sensor["driver"]] = rules.load_driver(sensor["driver"])
    return config, refused, describe(config), drivers


def describe(config):
    """Return [(schema id, schema JSON), …] of the streams."""
    schemas = []
    for stream in config["streams"]:
        channels = rules.channels(stream, rules.load_driver)
        text = schema.describe(stream["name"], stream["period_ms"], channels)
        schemas.append((schema.ident(text), text))
    return schemas


def change(arguments, running, board, store):
    """Return (text to keep, its schemas) of a command {config, secrets}.

    The secrets, if there are any, go into the slot of the store that the running configuration does
    not use. ConfigError names what is wrong; the running configuration is not touched.
    """
    wanted = arguments.get("config")
    if not isinstance(wanted, dict):
        raise rules.ConfigError("config: needs an object, the whole configuration")
    wanted = dict(wanted)
    if wanted.get("node") != running["node"]:
        raise rules.ConfigError("config.node: needs to stay %r" % running["node"])
    access.check_no_secrets(wanted)
    slot = running.get("secrets")
    secrets = arguments.get("secrets")
    if secrets is None:
        access.check_same_doors(wanted, running)
    else:
        slot = access.other_slot(slot)
    wanted.pop("secrets", None)
    if slot:
        wanted["secrets"] = slot
    # Before the secrets come in.
    text = json.dumps(wanted)
    checked = rules.check(wanted, board, rules.load_driver)
    if secrets is not None:
        store.set(access.store_key(slot), json.dumps(secrets).encode())
    access.unlock(checked, store)
    access.check_network(checked["network"], board)
    return text, describe(checked)
