"""A schema: what the columns of a stream's frames mean, as canonical JSON, named by its hash."""

import hashlib
import json

from micropython import const

IDENT_BYTES = const(2)


def describe(stream, period_ms, channels):
    """Return the canonical JSON (bytes) of a stream; `channels`: [[name, unit, scale], …]."""
    columns = ",".join(
        "[%s,%s,%d]" % (json.dumps(name), json.dumps(unit), scale) for name, unit, scale in channels
    )
    text = '{"channels":[%s],"period_ms":%d,"stream":%s}'
    return (text % (columns, period_ms, json.dumps(stream))).encode()


def ident(text):
    """Return the identity of a schema's canonical JSON (bytes): the first bytes of its SHA-256."""
    return hashlib.sha256(text).digest()[:IDENT_BYTES]
