"""Frames, messages and databases for the tests of ingest and export."""

import random

import host_tools  # noqa: F401 - makes the device's files importable on CPython
from gateway import frame, schema
from host_tools.ingest import database, store
from host_tools.ingest.messages import Message

START_MS = 1_778_457_600_000  # 2026-05-11T00:00:00Z
PERIOD_MS = 10_000
CHANNELS = [["pm2_5", "ug/m3", 10], ["temperature", "Cel", 100], ["vehicles", "", 1]]
SCHEMA = schema.describe("air", PERIOD_MS, CHANNELS)
VALUES = (None, *range(-300, 3000, 7))


def make_frame(seq, boot=1, rows=6, text=SCHEMA, channels=3, first_ms=None, **fields):
    """Return a frame whose values follow from seq; its times are unix ms unless `quality` is 0."""
    chance = random.Random(seq)
    first_ms = START_MS + seq * rows * PERIOD_MS if first_ms is None else first_ms
    times = [first_ms + number * PERIOD_MS for number in range(rows)]
    columns = [[chance.choice(VALUES) for _ in times] for _ in range(channels)]
    fields = {"quality": 1, "anchor": None, "flags": None, **fields}
    return frame.Frame(schema.ident(text), seq, boot, times=times, columns=columns, **fields)


def encoded(*arguments, **fields):
    """Return the bytes of such a frame."""
    return frame.encode(make_frame(*arguments, **fields))


def message(kind, payload, node="n1", retained=False, arrived_ms=START_MS):
    return Message(f"kista/1/{node}/{kind}", payload, arrived_ms, retained)


def frame_message(*arguments, node="n1", **fields):
    return message("frames", encoded(*arguments, **fields), node)


def schema_message(text=SCHEMA, node="n1"):
    return message(f"schema/{schema.ident(text).hex()}", text, node, retained=True)


def open_store(path):
    """Return (database, store) of a database that is made there."""
    db = database.create(path)
    return db, store.Store(db)


def contents(db):
    """Return all samples with what they belong to, whatever the order in which they came."""
    return db.execute(
        "SELECT node, stream, boot, seq, time_ms, uptime_ms, channel, samples.value, flags"
        " FROM (SELECT nodes.name AS node, series.stream AS stream, boot, seq, time_ms, uptime_ms,"
        " rows.id AS row_id FROM rows JOIN series ON series.id = series_id"
        " JOIN nodes ON nodes.id = series.node_id JOIN frames ON frames.id = rows.id / 1024)"
        " JOIN samples USING (row_id) ORDER BY node, boot, seq, row_id, channel"
    ).fetchall()


def expected(frames, node="n1", stream="air", offsets=None):
    """Return what `contents` returns when exactly these frames are in the database.

    `offsets`: {boot: unix ms at its uptime 0} of boots that learned the time.
    """
    found = []
    for content in sorted(frames, key=lambda one: (one.boot, one.seq)):
        for number, time in enumerate(content.times):
            offset = (offsets or {}).get(content.boot)
            unix = time if content.quality else (None if offset is None else offset + time)
            uptime = None if content.quality else time
            for channel, values in enumerate(content.columns):
                flags = content.flags and content.flags[channel]
                mask = flags[number] if flags else 0
                key = (node, stream, content.boot, content.seq, unix, uptime, channel)
                found.append((*key, values[number], mask))
    return found
