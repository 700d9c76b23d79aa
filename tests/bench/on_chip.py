"""Print what a frame costs on the chip, for `variant`: bytecode or machine code; chip.py reads it.

µs a value for a frame and for json.dumps of a message a row; the longest step of the encoder, ms;
what a plain loop takes an iteration, µs, to compare chips by.
"""

import json
import time

from rows import cells, columns, times

from gateway import frame

ROUNDS = 5
LOOP = 10000


def _took(work):
    began = time.ticks_us()
    result = work()
    return time.ticks_diff(time.ticks_us(), began), result


def _encode():
    encoder = frame.Encoder(frame.Frame(b"ab", None, None, 1, None, times, cells))
    total = longest = 0
    data = None
    while not data:
        us, data = _took(encoder.step)
        total += us
        longest = max(longest, us)
    return total, longest


def _message(row):
    message = {"time": times[row] // 1000}
    for i, (name, decimals) in enumerate(columns):
        message[name] = cells[i][row] / 10**decimals if decimals else cells[i][row]
    return message


def _json():
    for row in range(len(times)):
        json.dumps(message[row])


def _loop():
    for _ in range(LOOP):
        pass


def run(variant):
    """Print one line, the fastest of some rounds each."""
    rounds = [_encode() for _ in range(ROUNDS)]
    values = len(times) * len(cells)
    print(
        "BENCH",
        variant,
        min(total for total, _ in rounds) / values,
        min(_took(_json)[0] for _ in range(ROUNDS)) / values,
        min(longest for _, longest in rounds) / 1000,
        min(_took(_loop)[0] for _ in range(ROUNDS)) / LOOP,
    )


message = [_message(row) for row in range(len(times))]
