"""The node's configuration: one JSON object, judged by the same rules on PC and board."""

import json

from micropython import const

from gateway.access import check_broker, check_network, check_site, check_slot
from gateway.checks import ConfigError, check_name, is_name, keys, whole

_BYTES_MOST = const(8192)
_STREAMS_MOST = const(8)
_SENSORS_MOST = const(12)
_CHANNELS_MOST = const(32)
_PERIOD_LEAST_MS = const(1000)
_PERIOD_MOST_MS = const(3600 * 1000)

_NODE_KEYS = (
    "node",
    "board",
    "broker",
    "network",
    "secrets",
    "time_servers",
    "site",
    "streams",
    "live",
)
_STREAM_KEYS = ("name", "period_ms", "sensors")
_SENSOR_KEYS = ("driver", "bus", "name")


def load_driver(name):
    """Return the module of a driver; ImportError when there is none."""
    return __import__("drivers." + name, None, None, ("Sensor",))


def parse(text, board, load_driver):
    """Return the configuration as a dict with every default filled in.

    `text`: JSON (str or bytes). `board`: dict of the board's file. `load_driver(name)`: the
    driver's module, ImportError when there is none. ConfigError names the field.
    """
    if not text:
        raise ConfigError("configuration: there is none yet")
    if len(text) > _BYTES_MOST:
        raise ConfigError("configuration: longer than %d bytes" % _BYTES_MOST)
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ConfigError("configuration: not JSON (%s)" % error)
    return check(config, board, load_driver)


def check(config, board, load_driver):
    """Return a checked copy of `config`, like `parse`."""
    keys(config, "configuration", _NODE_KEYS)
    config = dict(config)
    check_name(config, "node", "node")
    if config.get("board", board["name"]) != board["name"]:
        raise ConfigError("board: is for %r, this is %r" % (config["board"], board["name"]))
    config["board"] = board["name"]
    config["broker"] = check_broker(config.get("broker"))
    config["network"] = check_network(config.get("network", {}), board)
    config["time_servers"] = _hosts(config.get("time_servers", ["pool.ntp.org"]))
    config["site"] = check_site(config.get("site", {}))
    check_slot(config)
    config["streams"] = _streams(config.get("streams"), board, load_driver)
    return config


def salvage(text, board):
    """Return what of a refused configuration still lets the node connect and say so: no streams.

    Without a usable broker the node stays silent: `broker` is None then.
    """
    kept = {"node": "unnamed", "broker": None, "network": {}, "time_servers": [], "streams": []}
    try:
        config = json.loads(text)
        check_name(config, "node", "node")
        broker = check_broker(config.get("broker"))
        network = check_network(config.get("network", {}), board)
        check_slot(config)
        time_servers = _hosts(config.get("time_servers", []))
    except (ValueError, AttributeError, TypeError):
        return kept
    kept.update(node=config["node"], broker=broker, network=network, time_servers=time_servers)
    kept["secrets"] = config.get("secrets")
    return kept


def _streams(streams, board, load_driver):
    if not isinstance(streams, list) or not 1 <= len(streams) <= _STREAMS_MOST:
        raise ConfigError("streams: needs a list of 1 to %d streams" % _STREAMS_MOST)
    pins = {}
    names = []
    checked = []
    for number, stream in enumerate(streams):
        field = "streams[%d]" % number
        keys(stream, field, _STREAM_KEYS)
        stream = dict(stream)
        check_name(stream, "name", field + ".name")
        if stream["name"] in names:
            raise ConfigError("%s.name: %r is there twice" % (field, stream["name"]))
        names.append(stream["name"])
        whole(stream, "period_ms", field, _PERIOD_LEAST_MS, _PERIOD_MOST_MS, None)
        sensors = stream.get("sensors")
        if not isinstance(sensors, list) or not 1 <= len(sensors) <= _SENSORS_MOST:
            raise ConfigError("%s.sensors: needs a list of 1 to %d" % (field, _SENSORS_MOST))
        stream["sensors"] = [
            _sensor(sensor, "%s.sensors[%d]" % (field, i), stream, board, load_driver, pins)
            for i, sensor in enumerate(sensors)
        ]
        _channels(stream, field, load_driver)
        checked.append(stream)
    return checked


def _sensor(sensor, field, stream, board, load_driver, pins):
    if not isinstance(sensor, dict):
        raise ConfigError("%s: needs an object with driver and bus" % field)
    driver = _driver(sensor.get("driver"), field + ".driver", load_driver)
    if stream["period_ms"] < driver.MIN_PERIOD_MS:
        raise ConfigError(
            "%s.period_ms: %d is shorter than the %d that %s needs"
            % (
                field[: field.index(".")],
                stream["period_ms"],
                driver.MIN_PERIOD_MS,
                sensor["driver"],
            )
        )
    # A pair of sensors that are read as one hangs on two buses.
    ends = ("bus", "bus2")[: getattr(driver, "BUSES", 1)]
    for key in ends:
        _check_bus(sensor.get(key), "%s.%s" % (field, key), sensor["driver"], driver, board)
    if "name" in sensor:
        check_name(sensor, "name", field + ".name")
    _options(sensor, field, ends, getattr(driver, "OPTIONS", ()))
    for key in ends:
        bus = board["buses"][sensor[key]]
        _claim_pins(sensor[key], bus, "%s.%s" % (field, key), pins, sensor, driver)
    return dict(sensor)


def _check_bus(name, field, driver_name, driver, board):
    """ConfigError when the board has no such bus, or it is of another kind."""
    buses = board["buses"]
    if not isinstance(name, str) or name not in buses:
        raise ConfigError(
            "%s: board %s has no bus %r; it has %s"
            % (field, board["name"], name, ", ".join(sorted(buses)))
        )
    kind = buses[name]["kind"]
    if kind != driver.BUS:
        raise ConfigError("%s: %s speaks %s, not %s" % (field, driver_name, driver.BUS, kind))


def _options(sensor, field, ends, options):
    """ConfigError for an option that the driver does not have, or not with that value."""
    keys(sensor, field, _SENSOR_KEYS + ends[1:] + tuple([option[0] for option in options]))
    for name, *limits in options:
        if name not in sensor:
            continue
        if len(limits) == 2:
            whole(sensor, name, field, limits[0], limits[1], None)
        elif sensor[name] not in limits[0]:
            raise ConfigError("%s.%s: needs one of %s" % (field, name, ", ".join(limits[0])))


def _claim_pins(bus_name, bus, field, pins, sensor, driver):
    """An I²C bus may be shared by devices of different address; nothing else may share a pin."""
    for role in sorted(bus.get("pins", {})):
        pin = bus["pins"][role]
        owner = pins.get(pin)
        if owner is not None and (owner != bus_name or bus["kind"] != "i2c"):
            raise ConfigError(
                "%s: pin %s of %s is already used by %s" % (field, pin, bus_name, owner)
            )
        pins[pin] = bus_name
    if bus["kind"] == "i2c":
        address = sensor.get("address", driver.ADDRESSES[0])
        owner = pins.get((bus_name, address))
        if owner:
            field = field[: field.rindex(".")]
            raise ConfigError("%s.address: %d is already that of %s" % (field, address, owner))
        pins[bus_name, address] = sensor["driver"]
    elif not bus.get("pins"):
        if bus_name in pins:
            raise ConfigError("%s: %s is already used" % (field, bus_name))
        pins[bus_name] = bus_name


def _driver(name, field, load_driver):
    if isinstance(name, str) and is_name(name):
        try:
            return load_driver(name)
        except ImportError:
            pass
    raise ConfigError("%s: there is no driver %r" % (field, name))


def channels(stream, load_driver):
    """Return the stream's channels, [[name, unit, scale], …], in the order of its sensors."""
    given = []
    for sensor in stream["sensors"]:
        given += [channel[0] for channel in load_driver(sensor["driver"]).CHANNELS]
    found = []
    for sensor in stream["sensors"]:
        for name, unit, scale in load_driver(sensor["driver"]).CHANNELS:
            if "name" in sensor and given.count(name) > 1:
                # Two sensors give it: which one it is has to be told.
                name = sensor["name"] + "_" + name
            found.append([name, unit, scale])
    return found


def _channels(stream, field, load_driver):
    names = [channel[0] for channel in channels(stream, load_driver)]
    if len(names) > _CHANNELS_MOST:
        raise ConfigError("%s.sensors: more than %d channels" % (field, _CHANNELS_MOST))
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                "%s.sensors: two sensors give %r; give each a name of its own" % (field, name)
            )


def _hosts(hosts):
    if not isinstance(hosts, list) or not all(isinstance(host, str) and host for host in hosts):
        raise ConfigError("time_servers: needs a list of host names")
    return hosts
