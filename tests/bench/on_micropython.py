"""Print µs a value for a frame, and for json.dumps of the same rows, a message each."""

import json
import time

from rows import cells, columns, times

from gateway import frame

ROUNDS = 30


def _fastest(work):
    fastest = 1 << 30
    for _ in range(ROUNDS):
        began = time.ticks_us()
        work()
        fastest = min(fastest, time.ticks_diff(time.ticks_us(), began))
    return fastest / (len(times) * len(cells))


def _frame():
    frame.encode(frame.Frame(b"ab", None, None, 1, None, times, cells))


def _message(row):
    message = {"time": times[row] // 1000}
    for i, (name, decimals) in enumerate(columns):
        message[name] = cells[i][row] / 10**decimals if decimals else cells[i][row]
    return message


messages = [_message(row) for row in range(len(times))]


def _json():
    for message in messages:
        json.dumps(message)


print(_fastest(_frame), _fastest(_json))
