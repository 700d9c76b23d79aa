"""What a coder needs to work in, made once: a long-lived heap may have no place for more."""

from array import array

from micropython import const

_USUAL_ROWS = const(96)


def rates(settled):
    """Return by which share each observation moves a probability, in 1/4096."""
    return [8192 // (2 * seen + 3) for seen in range(settled + 1)]


def make(chances, size, state_places, settled):
    """Return chances, how often each was seen, bytes, the numbers of two columns, state."""
    spaces = [array("i", bytes(4 * _USUAL_ROWS)) for _ in range(2)]
    state = array("i", bytes(4 * state_places))
    state.extend(array("i", rates(settled)))
    return array("H", bytes(2 * chances)), bytearray(chances), bytearray(size), spaces, state


def row_numbers(coder, which, rows):
    """Return `rows` numbers in a coder's place 0 or 1: what was there before, for a decoder 0."""
    if rows > _USUAL_ROWS:
        return array("i", bytes(4 * rows))
    place = memoryview(coder.spaces[which])[:rows]
    if coder.decoding:
        clear(place, rows)
    return place


def clear(numbers, count):
    """Set the first `count` of some numbers to 0."""
    for i in range(count):
        numbers[i] = 0
