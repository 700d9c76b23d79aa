"""Frames of every kind of column, of times and of flags; a seed determines each."""

from gateway import frame
from support import Noise

DAY_MS = 1515542406000


def column(noise, kind, rows):
    base = noise.below(1 << 28) - (1 << 27)
    return [_value(noise, kind, base, i) for i in range(rows)]


def _value(noise, kind, base, i):
    if kind == 0:
        return base
    if kind == 1 or (kind == 4 and noise.below(3) == 0):
        return None
    if kind == 2:
        return (3, -3)[i % 2]
    if kind == 3:
        return (-(1 << 31), (1 << 31) - 1)[noise.below(2)]
    if kind == 4:
        return base + noise.below(9)
    if kind == 5:
        # Thirds, rounded: the means of three readings.
        return (noise.below(2000) * 20 + 3) // 6
    if kind == 6:
        return noise.below(1 << 29) - (1 << 28)
    return 100 * noise.below(50)


def times(noise, kind, rows):
    time = DAY_MS
    times = []
    for _ in range(rows):
        times.append(time)
        if kind == 0:
            time += 10000
        elif kind == 1:
            time += 9000 + 1000 * noise.below(3)
        elif kind == 2:
            time += (0, 10000, -3600000, 86400000)[noise.below(4)]
        else:
            time += noise.below(20000)
    return times


def random_frame(seed, rows=None):
    """Return a frame of every kind of column that `seed` determines."""
    noise = Noise(seed)
    rows = rows or (1, 2, 6, 16, 40)[noise.below(5)]
    channels = (1, 2, 3, 8)[noise.below(4)]
    columns = [column(noise, noise.below(8), rows) for _ in range(channels)]
    flags = None
    if noise.below(3) == 0:
        flags = [[(0, 0, 16, 255)[noise.below(4)] for _ in range(rows)] for _ in range(channels)]
    numbered = noise.below(2)
    return frame.Frame(
        bytes((noise.below(256), noise.below(256))),
        noise.below(1 << 29) if numbered else None,
        noise.below(1 << 29) if numbered else None,
        noise.below(2),
        DAY_MS if noise.below(2) else None,
        times(noise, noise.below(4), rows),
        columns,
        flags,
    )
