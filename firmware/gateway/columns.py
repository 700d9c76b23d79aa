"""One channel of a frame: which values are missing, how large they are, on which lattice; then the
range coder's numbers. Flags, too.
"""

from array import array

from micropython import const

from gateway import lattice, rangecoder, workplace

SLICE_VALUES = const(32)

# How large a column's numbers are.
_NARROW = const(0)
_WIDE = const(1)
_FULL = const(2)
_MOST = (rangecoder.WIDE, rangecoder.FULL, 1 << 31)
_WIDTH_MOST = const(32)
# From here on a width is coded by how much more it is.
_WIDTH_LONG = const(15)
_WIDTH_LONG_BITS = const(5)
_VALUE_MOST = 1 << 31

# Places of the header's adaptive bits in priors.HEAD.
_HAS_FLAGS = const(68)
_MISSING = const(70)
_INEXACT = const(72)
_NEGATIVE = const(74)
_SIZE_TREE = const(76)
_LATTICE_TREE = const(80)
_WIDTH_TREE = const(88)
# Banks of steps.
_MISSING_BANK = const(2)
_FLAGS_BANK = const(3)
_OFF_BANK = const(4)


def slices(coder, cells, start):
    """Code the cells from `start` of what was begun."""
    for row in range(start, len(cells), SLICE_VALUES):
        coder.run(cells, row, min(row + SLICE_VALUES, len(cells)))
        yield


def code_column(coder, column, missing=None):
    """Code one channel's values; a decoder fills `column`. `missing`: as of a Frame."""
    rows = len(column)
    side = coder.side
    start = 0
    gone = missing is not None or (not isinstance(column, array) and None in column)
    gone = coder.tree(_MISSING, gone, 1)
    if gone:
        marks = workplace.row_numbers(coder, 1, rows)
        for row in range(rows):
            marks[row] = rangecoder.BIAS + (missing[row] if missing else column[row] is None)
        coder.begin_steps(_MISSING_BANK)
        yield from slices(coder, marks, 0)
        gone = bytearray(rows)
        for row in range(rows):
            gone[row] = marks[row] != rangecoder.BIAS
        while start < rows and gone[start]:
            start += 1
        for row in range(rows):
            if gone[row]:
                side[row] = rangecoder.GONE
    if start < rows:
        yield from _code_values(coder, column, gone, start)
    if gone:
        for row in range(rows):
            if gone[row]:
                side[row] = rangecoder.NOTHING


def _code_values(coder, column, gone, start):
    """Code what there is of a column, from row `start`; a decoder fills `column`."""
    size = kind = 0
    if not coder.decoding:
        if gone and not isinstance(column, array):
            column = [value or 0 for value in column]
        size = _size(column)
    size = coder.tree(_SIZE_TREE, size, 2)
    if size > _FULL:
        raise ValueError("frame: a size of numbers that is none")
    cells = [0] * len(column) if size == _FULL else workplace.row_numbers(coder, 0, len(column))
    if not coder.decoding:
        for row in range(len(column)):
            cells[row] = rangecoder.BIAS + column[row]
    if size == _NARROW:
        kind = coder.tree(_LATTICE_TREE, 0 if coder.decoding else lattice.choose(cells), 3)
    exact = True
    if kind:
        off = workplace.row_numbers(coder, 1, len(column))
        for row in range(len(column)):
            off[row] = rangecoder.BIAS
        if not coder.decoding:
            _to_lattice(cells, off, kind)
        exact = not coder.tree(
            _INEXACT, max(off) > rangecoder.BIAS or min(off) < rangecoder.BIAS, 1
        )
    first = _code_first(coder, cells[start] - rangecoder.BIAS)
    if abs(first) > _MOST[size]:
        raise ValueError("frame: a first value beyond its column's size")
    cells[start] = first + rangecoder.BIAS
    yield
    coder.begin_values(first, _MOST[size])
    yield from slices(coder, cells, start + 1)
    if not exact:
        coder.begin_steps(_OFF_BANK)
        yield from slices(coder, off, 0)
    if coder.decoding:
        for row in range(start, len(column)):
            if not (gone and gone[row]):
                value = cells[row] - rangecoder.BIAS
                if kind:
                    value = lattice.on(value, kind) + off[row] - rangecoder.BIAS
                if not -_VALUE_MOST <= value < _VALUE_MOST:
                    raise ValueError("frame: a value beyond 32 bits")
                column[row] = value


def _size(numbers):
    """Return how large they are; ValueError beyond 32 bits."""
    least = min(numbers)
    most = max(numbers)
    if least > -rangecoder.WIDE and most < rangecoder.WIDE:
        return _NARROW
    if least < -_VALUE_MOST or most >= _VALUE_MOST:
        raise ValueError("frame: value %d is beyond 32 bits" % (most if most > -least else least))
    return _WIDE if least >= -rangecoder.FULL and most <= rangecoder.FULL else _FULL


def _to_lattice(cells, off, kind):
    """Turn values into lattice numbers, and write down how far off the lattice each lies."""
    for row in range(len(cells)):
        value = cells[row] - rangecoder.BIAS
        number = lattice.number(value, kind)
        cells[row] = number + rangecoder.BIAS
        off[row] += value - lattice.on(number, kind)


def _code_first(coder, first):
    """Code a column's first number: its bits, the leading one goes without saying."""
    width = rangecoder.bits_of(abs(first))
    # The width of the column before says what to expect.
    base = _WIDTH_TREE + 16 * coder.like
    long = width - _WIDTH_LONG
    width = coder.tree(base, min(width, _WIDTH_LONG), 4)
    if width == _WIDTH_LONG:
        width += coder.raw(long, _WIDTH_LONG_BITS)
    coder.like = 1 if width < 5 else 2 if width < 8 else 3 if width < 11 else 4
    if not width:
        return 0
    if width > _WIDTH_MOST:
        raise ValueError("frame: a first value beyond its limits")
    leading = 1 << width - 1
    size = leading | coder.raw(abs(first) & leading - 1, width - 1)
    return -size if coder.tree(_NEGATIVE, first < 0, 1) else size


def code_flags(coder, masks, rows):
    """Code the flags of one channel; return them, or None when there are none."""
    if not coder.tree(_HAS_FLAGS, masks is not None and any(masks), 1):
        return None
    cells = workplace.row_numbers(coder, 0, rows)
    if not coder.decoding:
        before = 0
        for row in range(rows):
            cells[row] = rangecoder.BIAS + (masks[row] ^ before)
            before = masks[row]
    coder.begin_steps(_FLAGS_BANK)
    coder.run(cells, 0, rows)
    if not coder.decoding:
        return masks
    before = 0
    coded = []
    for cell in cells:
        before ^= cell - rangecoder.BIAS
        if not 0 <= before <= 255:
            raise ValueError("frame: a mask beyond 8 bits")
        coded.append(before)
    return coded
