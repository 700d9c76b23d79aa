"""Rows of numbers decoded, for numba: what `rc.code` does for STEPS and VALUES. See bits.py."""

from __future__ import annotations

import numpy as np

from gateway import rangecoder as rc
from host_tools.bulk import bits
from host_tools.bulk.bits import ONE

_BIAS = np.int64(rc.BIAS)


def _places_of_calm() -> np.ndarray:
    """Return for each calm where a still column's changes begin: in steps that grow."""
    steps = [
        calm - 3 if calm < 7 else 3 + sum(calm >= n for n in (8, 12, 20)) for calm in range(32)
    ]
    return np.array([max(step, 0) * 6 for step in steps], np.int64)


_CALM_PLACES = _places_of_calm()


def _expected(scale):
    """Return (class to expect, level of the size) of the mean of both scales, 4 added."""
    octave = 3
    while scale >> octave:
        octave += 1
    fine = octave * 4 + (scale << 2 >> octave - 1 & 3)
    level = fine - 12 >> 1
    if level >= rc._SCALES:
        level = rc._SCALES - 2 + (level - rc._SCALES & 1)
    return fine - 18 >> 2 if fine > 18 else 0, level


# Of the scales that are common; to count their bits one by one takes a branch that nobody guesses.
_LISTED = 4096
_CLASSES = np.array([_expected(scale)[0] for scale in range(_LISTED)], np.uint8)
_LEVELS = np.array([_expected(scale)[1] for scale in range(_LISTED)], np.uint8)
_expected_of = bits.inlined(_expected)


def steps(state, chances, seen, cells, data):
    """Decode STEPS from state's row to its stop; return that, or -1."""
    low = state[rc._LOW]
    span = state[rc._RANGE]
    at = state[rc._AT]
    end = state[rc._END]
    home = state[rc._BASE]
    stop = state[rc._STOP]
    last = np.int64(0)
    before = np.int64(0)
    for row in range(state[rc._ROW], stop):
        place = min(max(last, -2), 2) * 3 + 7 + (before > 0) - (before < 0)
        base = home + place * rc._BUCKET
        reached = np.int64(0)
        spot = base
        while reached < rc._STEP_CLASS_MOST:
            bit, low, span, at = bits.decide(chances, seen, data, end, spot, low, span, at)
            if not bit:
                break
            reached += 1
            spot += reached < rc._UPWARDS
        number = np.int64(0)
        if reached:
            negative, low, span, at = bits.digit(
                chances, seen, data, end, base + rc._STEP_SIGN, low, span, at
            )
            tops = home + rc._STEP_TOPS + min(reached - 2, rc._STEP_CLASSES - 1) * 4
            number, low, span, at = bits.mantissa(
                chances, seen, data, end, tops, reached - 1, low, span, at
            )
            if number > rc.FULL:
                return np.int64(-1)
            number = (number ^ -negative) + negative
        cells[np.uintp(row)] = number + _BIAS
        before = last
        last = number
    state[rc._LOW] = low
    state[rc._RANGE] = span
    state[rc._AT] = at
    return stop


def values(state, chances, seen, cells, side, data):
    """Decode VALUES from state's row to its stop; return that, or -1. The names are `rc.code`'s."""
    low = state[rc._LOW]
    span = state[rc._RANGE]
    at = state[rc._AT]
    end = state[rc._END]
    home = state[rc._BASE]
    stop = state[rc._STOP]
    last = state[rc._LAST] - _BIAS
    mean = state[rc._MEAN] - _BIAS
    shift = state[rc._SHIFT]
    miss_last = state[rc._MISS]
    miss_half = state[rc._MISS + 1]
    miss_mean = state[rc._MISS + 2]
    miss_left = state[rc._MISS + 3]
    first = state[rc._FIRST]
    most = state[rc._MOST]
    class_most = state[rc._CLASS_MOST]
    scale_slow = scale_fast = np.int64(0)
    count = calm = moved = last_sign = np.int64(0)
    usual = level = np.int64(0)
    for row in range(state[rc._ROW], stop):
        beside = np.int64(side[np.uintp(row)])
        if beside == rc.GONE:
            continue
        aside = (beside >> 2) - rc._ASIDE_MOST
        beside &= 3
        trend = (last << shift) + mean
        half_way = trend + (ONE << shift) >> shift + 1
        rounded = mean + 8 >> 4 if shift else mean
        moving = half_way + aside
        still = np.int64(1 if count and calm >= rc._STILL else 0)
        guess = last
        reached = size = negative = np.int64(0)
        mark = changed = ONE
        if still:
            spot = home + rc._CHANGES + _CALM_PLACES[np.uintp(calm)] + moved * 3 + beside
            changed, low, span, at = bits.decide(chances, seen, data, end, spot, low, span, at)
            sign_at = home + rc._STILL_SIGNS
            if scale_slow == rc._SCALE_NONE and scale_fast == rc._SCALE_NONE:
                expected = np.int64(rc._FIRST_CLASS)
                place = rc._STILL_FIRSTS + (first >> 1)
            else:
                expected = max(usual, 1)
                place = level
            base = home + rc._STILL_CLASSES + place * rc._NODES
        else:
            # What has done best of late.
            best = miss_last
            guess = half_way if miss_half < best else guess
            best = min(miss_half, best)
            guess = rounded if miss_mean < best else guess
            best = min(miss_mean, best)
            beaten = np.int64(miss_left < best)
            guess = moving if beaten else guess
            if count:
                expected = usual
                place = level * 3 + beside
            else:
                expected = np.int64(rc._FIRST_CLASS)
                place = rc._SCALES * 3 + first
            base = home + place * rc._NODES
            off = trend - (guess - beaten * aside << shift + 1)
            sign_at = (
                home
                + rc._SIGNS
                + beaten * 27
                + (9 if off > rc._LEAN else 18 if off < -rc._LEAN else 0)
            )
        if changed:
            reached = expected
            climbs = ONE
            if expected > still:
                climbs, low, span, at = bits.decide(chances, seen, data, end, base, low, span, at)
            if climbs:
                spot = base + 1
                while reached < class_most:
                    bit, low, span, at = bits.decide(chances, seen, data, end, spot, low, span, at)
                    if not bit:
                        break
                    reached += 1
                    spot += reached - expected < rc._UPWARDS
            else:
                reached -= 1
                spot = base + 1 + rc._UPWARDS
                while reached > still:
                    bit, low, span, at = bits.decide(chances, seen, data, end, spot, low, span, at)
                    if not bit:
                        break
                    reached -= 1
                    spot += expected - 1 - reached < rc._DOWNWARDS
            if reached:
                spot = sign_at + last_sign + (3 if aside > 0 else 6 if aside else 0)
                negative, low, span, at = bits.digit(chances, seen, data, end, spot, low, span, at)
                tops = home + rc._TOPS + min(reached - 2, rc._TOP_CLASSES - 1) * 4
                size, low, span, at = bits.mantissa(
                    chances, seen, data, end, tops, reached - 1, low, span, at
                )
            mark = np.int64(2 if still or reached > expected else 1 if reached == expected else 0)
            last_sign = negative + 1 if size else np.int64(0)
            some = min(size, ONE << 20)
            if not count or (
                still and scale_slow == rc._SCALE_NONE and scale_fast == rc._SCALE_NONE
            ):
                scale_slow = scale_fast = 12 * some + 6
            else:
                some <<= 4
                if count < 4 and not still:
                    scale_slow += (some - scale_slow) // (count + 2)
                else:
                    scale_slow += some - scale_slow >> 3 - still
                scale_fast += some - scale_fast >> 2 - still
            scale = (scale_slow + scale_fast + 1 >> 1) + 4
            if scale < _LISTED:
                usual = np.int64(_CLASSES[np.uintp(scale)])
                level = np.int64(_LEVELS[np.uintp(scale)])
            else:
                usual, level = _expected_of(scale)
        number = guess + ((size ^ -negative) + negative)
        if number > most or number < -most:
            return np.int64(-1)
        cells[np.uintp(row)] = number + _BIAS
        miss = number - half_way
        side[np.uintp(row)] = (
            mark | min(max(miss, -rc._ASIDE_MOST), rc._ASIDE_MOST) + rc._ASIDE_MOST << 2
        )
        miss_half += (min(abs(miss), rc.WIDE) << 4) - miss_half >> 3
        miss = abs(number - last)
        moved = np.int64(miss != 0)
        if count:
            calm = calm >> 1 if moved else min(calm + 1, rc._CALM_MOST)
        else:
            calm = np.int64(0 if moved else rc._CALM_FIRST)
        miss_last += (min(miss, rc.WIDE) << 4) - miss_last >> 3
        miss_mean += (min(abs(number - rounded), rc.WIDE) << 4) - miss_mean >> 3
        miss_left += (min(abs(number - moving), rc.WIDE) << 4) - miss_left >> 3
        if count < 7:
            count += 1
            mean += ((number << shift) - mean) // (count + 1)
        else:
            mean += (number << shift) - mean >> 3
        last = number
    state[rc._LOW] = low
    state[rc._RANGE] = span
    state[rc._AT] = at
    return stop
