"""What an angle takes of a speed, in whole numbers."""

# Of 0, 5, … 70 degrees, in 1/16384.
_COSINE = (
    16384,
    16322,
    16135,
    15826,
    15396,
    14849,
    14189,
    13421,
    12551,
    11585,
    10531,
    9397,
    8192,
    6924,
    5604,
)


def secant(degrees):
    """Return 1 / cosine of 0 to 70 degrees in 1/1024, good to 0.1 %; beyond 70 that of 70."""
    degrees = min(abs(degrees), 70)
    place, rest = degrees // 5, degrees % 5
    cosine = _COSINE[place]
    if rest:
        cosine += (_COSINE[place + 1] - cosine) * rest // 5
    return (1 << 24) // cosine
