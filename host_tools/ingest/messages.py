"""What an MQTT message says, judged before any of it touches the database."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame, schema
from host_tools.ingest import decimals

ROOT = "kista/1"
SUBSCRIPTIONS = ("frames", "schema/+", "status", "health", "reply")
# The limits of the node's own configuration (gateway/config.py).
_NODE = re.compile(r"[a-z0-9_-]{1,32}")
_CHANNEL = re.compile(r"[a-z0-9_]{1,64}")
_UNIT_MOST = 32
_JSON_BYTES_MOST = 64 * 1024
_NUMBER_MOST = 1 << 30
# What a date can show: the end of the year 9999. An uptime ends after 34 years.
_TIME_MOST_MS = 253_402_300_799_999
_UPTIME_MOST_MS = 1 << 40


@dataclass(frozen=True)
class Message:
    """One message as it came; `retained`: the broker kept it, the node did not send it now."""

    topic: str
    payload: bytes
    arrived_ms: int
    retained: bool = False


@dataclass(frozen=True)
class Schema:
    ident: bytes
    stream: str
    period_ms: int
    channels: list[list[Any]]
    text: str


@dataclass(frozen=True)
class Status:
    text: str
    online: bool


@dataclass(frozen=True)
class Health:
    text: str
    boot: int | None
    lost: list[tuple[int, int]]


@dataclass(frozen=True)
class Reply:
    text: str


@dataclass(frozen=True)
class Aside:
    reason: str


@dataclass(frozen=True)
class Arrival:
    """A message and what it says; `node` is None when the topic names no valid one."""

    message: Message
    node: str | None
    content: frame.Frame | Schema | Status | Health | Reply | Aside | None


def read(message: Message) -> Arrival:
    """Return what the message says; never raises for what is in it.

    An empty payload takes a retained message away: it says nothing, `content` is None.
    """
    try:
        node, kind, detail = _topic(message.topic)
    except ValueError as error:
        return Arrival(message, None, Aside(str(error)))
    try:
        if not message.payload and kind != "frames":
            return Arrival(message, node, None)
        content = _READERS[kind](message.payload, detail)
    except (ValueError, RecursionError) as error:
        # RecursionError: JSON nested a thousand deep. UnicodeDecodeError is a ValueError.
        content = Aside(str(error))
    return Arrival(message, node, content)


def _topic(topic: str) -> tuple[str, str, str]:
    """Return (node, kind, detail) of `kista/1/<node>/<kind>[/<detail>]`."""
    if not topic.startswith(ROOT + "/"):
        raise ValueError("topic: not below " + ROOT)
    node, _, rest = topic[len(ROOT) + 1 :].partition("/")
    kind, _, detail = rest.partition("/")
    if not _NODE.fullmatch(node):
        raise ValueError("topic: the node's name is not 1 to 32 of a-z 0-9 _ -")
    if kind not in _READERS or bool(detail) != (kind == "schema"):
        raise ValueError("topic: of no kind that ingest knows")
    return node, kind, detail


def _read_frame(payload: bytes, _: str) -> frame.Frame:
    content = frame.decode(payload)
    if content.seq is None:
        raise ValueError("an archive's frame, without boot and sequence number")
    most = _TIME_MOST_MS if content.quality else _UPTIME_MOST_MS
    if not content.times or not all(0 <= time <= most for time in content.times):
        raise ValueError("time out of range")
    anchor = content.anchor
    if anchor is not None and not 0 <= anchor <= _TIME_MOST_MS - _UPTIME_MOST_MS:
        raise ValueError("anchor out of range")
    return content


def _read_schema(payload: bytes, topic_ident: str) -> Schema:
    ident = schema.ident(payload)
    if ident.hex() != topic_ident:
        raise ValueError(f"the text's id is {ident.hex()}")
    told = _json(payload)
    stream, period_ms, channels = (told.get(key) for key in ("stream", "period_ms", "channels"))
    if not isinstance(stream, str) or not _NODE.fullmatch(stream):
        raise ValueError("stream: not 1 to 32 of a-z 0-9 _ -")
    if not _is_whole(period_ms) or not 1 <= period_ms < _NUMBER_MOST:
        raise ValueError("period_ms: not a number of milliseconds")
    if not isinstance(channels, list) or not 1 <= len(channels) <= frame.MAX_CHANNELS:
        raise ValueError(f"channels: not a list of 1 to {frame.MAX_CHANNELS}")
    for channel in channels:
        _check_channel(channel)
    if len({name for name, _, _ in channels}) < len(channels):
        raise ValueError("channels: a name is there twice")
    return Schema(ident, stream, period_ms, channels, payload.decode())


def _check_channel(channel: Any) -> None:
    if not isinstance(channel, list) or len(channel) != 3:
        raise ValueError("channels: not [name, unit, scale]")
    name, unit, scale = channel
    if not isinstance(name, str) or not _CHANNEL.fullmatch(name):
        raise ValueError("channels: a name is not 1 to 64 of a-z 0-9 _")
    if not isinstance(unit, str) or len(unit) > _UNIT_MOST or not unit.isprintable():
        raise ValueError(f"channels: the unit of {name} is not printable text")
    if not _is_whole(scale):
        raise ValueError(f"channels: the scale of {name} is no whole number")
    decimals.of(scale)


def _read_status(payload: bytes, _: str) -> Status:
    told = _json(payload)
    if not isinstance(told.get("state"), str):
        raise ValueError("state: missing")
    return Status(payload.decode(), told["state"] != "offline")


def _read_health(payload: bytes, _: str) -> Health:
    told = _json(payload)
    boot, lost = told.get("boot"), told.get("lost") or []
    if not isinstance(lost, list) or not all(_is_range(pair) for pair in lost):
        raise ValueError("lost: not a list of [first, last]")
    if boot is not None and not (_is_whole(boot) and 0 <= boot < _NUMBER_MOST):
        raise ValueError("boot: not a number below 2^30")
    if lost and boot is None:
        raise ValueError("lost: without the boot that says so")
    return Health(payload.decode(), boot, [tuple(pair) for pair in lost])


def _read_reply(payload: bytes, _: str) -> Reply:
    _json(payload)
    return Reply(payload.decode())


def _json(payload: bytes) -> dict[str, Any]:
    if len(payload) > _JSON_BYTES_MOST:
        raise ValueError(f"longer than {_JSON_BYTES_MOST} bytes")
    told = json.loads(payload.decode())
    if not isinstance(told, dict):
        raise ValueError("not a JSON object")
    return told


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_range(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_whole, pair)):
        return False
    return 0 <= pair[0] <= pair[1] < _NUMBER_MOST


_READERS = {
    "frames": _read_frame,
    "schema": _read_schema,
    "status": _read_status,
    "health": _read_health,
    "reply": _read_reply,
}
