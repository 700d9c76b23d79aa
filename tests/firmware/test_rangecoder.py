from array import array

import micropython

from gateway import rangecoder
from support import Noise

CODE = rangecoder.code
MOSTS = (rangecoder.WIDE, rangecoder.FULL, 1 << 31)


def _numbers(noise, most):
    spread = 1 << noise.below(24)
    near = noise.below(most >> 2)
    if noise.below(8) == 0:
        return [(-most, most - 1)[noise.below(2)] for _ in range(1 + noise.below(60))]
    return [near + noise.below(spread) for _ in range(1 + noise.below(60))]


def _drive(coder, seed):
    """Code what `seed` says; return (what the coder says that was, what was wanted)."""
    noise = Noise(seed)
    heard = []
    wanted = []
    for _ in range(1 + noise.below(6)):
        width = 1 + noise.below(46)
        wanted.append((noise.below(1 << 23) << 23 | noise.below(1 << 23)) >> 46 - width)
        heard.append(coder.raw(0 if coder.decoding else wanted[-1], width))
        wanted.append(noise.below(8))
        heard.append(coder.tree(8 * noise.below(2), 0 if coder.decoding else wanted[-1], 3))
        most = MOSTS[noise.below(3)]
        numbers = _numbers(noise, most)
        coder.side = bytearray([noise.below(3) | noise.below(63) << 2 for _ in numbers])
        wanted += _through(coder, numbers, heard, most)
        steps = [noise.below(7) - 3 if noise.below(9) else noise.below(1 << 27) for _ in range(20)]
        wanted += _through(coder, steps, heard, None)
    return heard, wanted


def _through(coder, numbers, heard, most):
    """Code a column (or steps) in two pieces; return the numbers."""
    start = 0
    cells = [rangecoder.BIAS + (0 if coder.decoding else number) for number in numbers]
    if most is None:
        coder.begin_steps(len(numbers) % 5)
    else:
        start = 1
        coder.begin_values(numbers[0], most)
        cells[0] = numbers[0] + rangecoder.BIAS
    if most is None or most <= rangecoder.FULL:
        cells = array("i", cells)
    middle = max(start, len(numbers) // 2)
    coder.run(cells, start, middle)
    coder.run(cells, middle, len(numbers))
    heard += [cell - rangecoder.BIAS for cell in cells]
    return numbers


def test_rangecoder_gives_back_what_it_was_given():
    for seed in range(60):
        encoder = rangecoder.Coder(b"head")
        heard, wanted = _drive(encoder, seed)
        assert heard == wanted
        data = encoder.finish()
        assert data[:4] == b"head" and (len(data) == 4 or data[-1] != 0)
        heard, _ = _drive(rangecoder.Coder(b"head", data, len(data)), seed)
        assert heard == wanted, seed


def test_rangecoder_codes_what_it_expects_in_next_to_nothing():
    encoder = rangecoder.Coder(b"")
    encoder.begin_steps(0)
    encoder.run(array("i", [rangecoder.BIAS] * 5000), 0, 5000)
    assert len(encoder.finish()) <= 5


def test_rangecoder_survives_any_bytes():
    refused = 0
    for seed in range(60):
        noise = Noise(seed)
        data = bytes([noise.below(256) for _ in range(20)])
        try:
            heard, _ = _drive(rangecoder.Coder(b"", data, len(data)), seed)
            assert all(-(1 << 47) < number < 1 << 47 for number in heard)
        except ValueError:
            refused += 1
    assert refused < 60


def test_rangecoder_carry_runs_through_bytes_that_are_full():
    # The last number of many raw bits that are all ones lets a carry run far back, for some seed.
    for seed in range(300):
        noise = Noise(seed)
        encoder = rangecoder.Coder(b"")
        wanted = []
        for _ in range(6):
            wanted.append((1 << 24) - 1 - (noise.below(3) == 0))
            encoder.raw(wanted[-1], 24)
            encoder.tree(40, seed & 3, 2)
        data = encoder.finish()
        decoder = rangecoder.Coder(b"", data, len(data))
        for number in wanted:
            assert decoder.raw(0, 24) == number, seed
            assert decoder.tree(40, 0, 2) == seed & 3


def _locked(task, state, chances, seen, cells, side, data):
    """The range coder with the heap locked: where an int has 31 bits, none may be larger."""
    micropython.heap_lock()
    try:
        return CODE(task, state, chances, seen, cells, side, data)
    finally:
        micropython.heap_unlock()


def test_rangecoder_needs_no_heap_for_numbers_within_28_bits():
    if not hasattr(micropython, "heap_lock"):
        return
    rangecoder.code = _locked
    try:
        for seed in range(40):
            noise = Noise(seed)
            spread = (1 << 28, 1 << 24, 1 << 10, 3)[noise.below(4)]
            numbers = [noise.below(2 * spread + 1) - spread for _ in range(50)]
            numbers[noise.below(50)] = (1 << 28) * (1 - 2 * noise.below(2))
            most = rangecoder.FULL
            if spread < rangecoder.WIDE and noise.below(2):
                numbers = [max(-spread, min(spread, number)) for number in numbers]
                most = rangecoder.WIDE
            steps = [noise.below(9) - 4 for _ in range(50)] + [(1 << 27) - 1, -(1 << 27)]
            side = bytes([noise.below(3) | noise.below(63) << 2 for _ in numbers])
            coder = rangecoder.Coder(b"")
            for _ in range(2):
                coder.side = bytearray(side)
                heard = []
                _through(coder, numbers, heard, most)
                _through(coder, steps, heard, None)
                heard.append(coder.raw(seed << 17, 24))
                assert heard == numbers + steps + [seed << 17], seed
                if not coder.decoding:
                    data = coder.finish()
                    coder = rangecoder.Coder(b"", data, len(data))
    finally:
        rangecoder.code = CODE
