"""What the parts of a configuration are judged with; the same on PC and board."""

from micropython import const

_NAME_MOST = const(32)
_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-"


class ConfigError(ValueError):
    """The configuration cannot be used; the message starts with the field that is wrong."""


def keys(value, field, known):
    """ConfigError when `value` is no object, or has a key that is not `known`."""
    if not isinstance(value, dict):
        raise ConfigError("%s: needs an object" % field)
    for key in value:
        if key not in known:
            raise ConfigError("%s: unknown key %r; known are %s" % (field, key, ", ".join(known)))


def is_name(name):
    """Return whether text can name a node, a stream, a sensor or a driver."""
    # Each character that is looked at would become a name of the interpreter's, for ever.
    return bool(name) and not name.strip(_NAME_CHARACTERS)


def check_name(holder, key, field):
    """ConfigError when holder[key] is no name for a node, a stream or a sensor."""
    name = holder.get(key)
    if not isinstance(name, str) or not 1 <= len(name) <= _NAME_MOST:
        raise ConfigError("%s: needs a name of 1 to %d characters" % (field, _NAME_MOST))
    if is_name(name):
        return
    for character in name:
        if character not in _NAME_CHARACTERS:
            raise ConfigError("%s: %r has %r in it; use a-z 0-9 _ -" % (field, name, character))


def whole(holder, key, field, least, most, default):
    """Put the default where there is nothing; ConfigError when it is no number of that range."""
    value = holder.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigError("%s.%s: needs a whole number from %d to %d" % (field, key, least, most))
    holder[key] = value


def text(holder, key, field, least, most):
    """ConfigError when holder[key] is there and no text of so many bytes; it is not repeated."""
    value = holder.get(key)
    if value is not None and (
        not isinstance(value, str) or not least <= len(value.encode()) <= most
    ):
        raise ConfigError("%s.%s: needs text of %d to %d bytes" % (field, key, least, most))
