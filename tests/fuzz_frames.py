"""Frames from strangers: whatever the bytes are, decoding ends in rows or in ValueError.

    python tests/fuzz_frames.py [COUNT] [SEED]

Each frame is a good one, or noise, that was changed in up to eight places; most get a right
checksum again, so that the walk itself is put to the test. A failure names the seed and the number
that replay it: `python tests/fuzz_frames.py 1 SEED NUMBER`.

Where numba is installed the range coder's inner function is compiled for all but one frame of
twenty; the walk around it is plain Python in all. The decoder for many frames, compiled as a whole
and without a check of any index, sees every frame as well and has to say the same.
"""

import binascii
import contextlib
import functools
import multiprocessing
import os
import struct
import sys
import time
import tracemalloc
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    import host_tools  # noqa: F401 - makes the device's files importable on CPython

from gateway import frame, rangecoder
from random_frames import random_frame
from support import Noise

try:
    from host_tools.bulk import frames as bulk
except ImportError:
    bulk = None

GOOD = 64
# 1,024 rows of 32 channels, a list of Python's integers each, and as much again on the way.
MEMORY_MOST = 8 << 20
# CPU time. A frame of so many rows takes this long on a slow machine; the limit is for what never
# ends.
SECONDS_MOST = 5
PIECE = 5000
# Watching the memory takes ten times the time of decoding: one frame of so many is watched.
WATCHED_EVERY = 50
PLAIN_EVERY = 20
PLAIN = rangecoder.code


def stranger(seed, number, good):
    """Return the `number`-th frame of `seed`, made from one of `good`."""
    noise = Noise(seed ^ number * 0x9E3779B1 & 0x3FFFFFFF)
    kind = noise.below(8)
    if kind == 0:
        body = bytearray([0xB0 | noise.below(16)])
        body += bytes([noise.below(256) for _ in range(noise.below(120))])
    else:
        body = bytearray(good[noise.below(len(good))][:-4])
    for _ in range(noise.below(9)):
        _change(noise, body)
    if kind == 1:
        return bytes(body)
    return bytes(body) + struct.pack("<I", binascii.crc32(body))


def _change(noise, body):
    place = noise.below(len(body)) if body else 0
    what = noise.below(5)
    if what == 0 and body:
        body[place] ^= 1 << noise.below(8)
    elif what == 1 and body:
        body[place] = (0, 255, noise.below(256))[noise.below(3)]
    elif what == 2:
        del body[place : place + 1 + noise.below(8)]
    elif what == 3:
        body[place:place] = bytes([noise.below(256) for _ in range(1 + noise.below(8))])
    else:
        # The coded header is where a byte says most.
        body[3 : 3 + noise.below(4)] = bytes([noise.below(256) for _ in range(noise.below(4))])


@functools.cache
def good_frames():
    """Return frames to begin with; once a process."""
    return [frame.encode(random_frame(seed, rows=1 + seed % 8)) for seed in range(GOOD)]


def look(data):
    """Decode; return the number of rows, 0 when it was refused. Anything else is an error."""
    try:
        # numba wants bytes that could be written to.
        one = frame.decode(bytearray(data))
    except ValueError:
        return 0
    assert 1 <= one.rows <= frame.MAX_ROWS and 1 <= one.channels <= frame.MAX_CHANNELS
    assert len(one.times) == one.rows and len(one.columns) == one.channels
    for column in one.columns:
        assert len(column) == one.rows
        assert all(value is None or -(1 << 31) <= value < 1 << 31 for value in column)
    return one.rows


@functools.cache
def _compiled():
    """Return the range coder's inner function, compiled if that can be; once a process."""
    try:
        # Kept with what else is compiled on this machine.
        from host_tools.bulk import coder
    except ImportError:
        return PLAIN
    compiled = coder.compiled(PLAIN)
    with _using(compiled):
        look(good_frames()[0])
    return compiled


def _in_bulk(data, rows):
    """Decode as the city does; AssertionError unless that gives `rows` rows, 0: a refusal."""
    if bulk is None or bulk.walk is None:
        return
    try:
        found = sum(len(batch.times) for batch in bulk.decode([data]))
    except ValueError:
        found = 0
    assert found == rows, f"{found} rows in bulk, {rows} else"


@contextlib.contextmanager
def _using(code):
    """Decode with `code` for a while: others in this process find the plain function again."""
    rangecoder.code = code
    try:
        yield
    finally:
        rangecoder.code = PLAIN


def _memory(data):
    """Return the bytes that decoding took at most."""
    tracemalloc.start()
    look(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def work(task):
    """Look at a piece; return (rows, refused, most bytes, most seconds, failure or None)."""
    seed, first, count = task
    good = good_frames()
    rows = refused = most_bytes = 0
    slowest = 0.0
    compiled = _compiled()
    for number in range(first, first + count):
        data = stranger(seed, number, good)
        began = time.process_time()
        try:
            with _using(PLAIN if number % PLAIN_EVERY == 0 else compiled):
                found = look(data)
                took = time.process_time() - began
                assert took <= SECONDS_MOST, f"{took:.1f} s"
                if number % WATCHED_EVERY == 0:
                    most_bytes = max(most_bytes, _memory(data))
                    assert most_bytes <= MEMORY_MOST, f"{most_bytes} bytes of memory"
            _in_bulk(data, found)
        except Exception as error:
            return rows, refused, most_bytes, slowest, f"seed {seed} number {number}: {error!r}"
        rows += found
        refused += not found
        slowest = max(slowest, took)
    return rows, refused, most_bytes, slowest, None


def main(count=1_000_000, seed=1, number=None):
    """Look at `count` frames on all cores; exit code 1 and what replays it when one fails."""
    if number is not None:
        return print(look(stranger(seed, number, good_frames())), "rows")
    tasks = [(seed, i, min(PIECE, count - i)) for i in range(0, count, PIECE)]
    rows = refused = done = most_bytes = 0
    slowest = 0.0
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for result, task in zip(pool.imap(work, tasks), tasks):
            if result[4]:
                print(f"\n{result[4]}")
                return 1
            rows += result[0]
            refused += result[1]
            most_bytes, slowest = max(most_bytes, result[2]), max(slowest, result[3])
            done += task[2]
            print(f"\r{done:,} frames", end="", flush=True)
    print(
        f"\r{done:,} frames, seed {seed}: {refused:,} refused, {rows:,} rows from the others; "
        f"at most {most_bytes / 1024:.0f} KiB and {slowest * 1000:.0f} ms a frame"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*map(int, sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(130)
