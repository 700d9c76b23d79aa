"""What the values of a log must cost at least, as far as a static model knows in hindsight.

For each column: an autoregression over the eight values before, fitted to the whole log, and the
best of four distributions of what is left, its width fitted as well. Such a model costs nothing
here, needs no header, no times and no start, and no packer can have it.
"""

from __future__ import annotations

import numpy as np

from tests.bench.logs import Log

ORDER = 8
WIDTHS = np.geomspace(0.02, 1.5, 40)
# So much of the probability is kept for surprises.
REST = 0.002


def _normal(z):
    # Abramowitz and Stegun 26.2.17: off by less than 1e-7.
    t = 1 / (1 + 0.2316419 * abs(z))
    sum_ = t * (
        0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
    )
    tail = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * sum_
    return np.where(z >= 0, 1 - tail, tail)


def _laplace(z):
    return np.where(z >= 0, 1 - np.exp(-abs(z)) / 2, np.exp(-abs(z)) / 2)


def _logistic(z):
    return 1 / (1 + np.exp(-np.clip(z, -50, 50)))


def _cauchy(z):
    return 0.5 + np.arctan(z) / np.pi


def column_bits(numbers: list[int]) -> float:
    """Return bits per value of one column of whole numbers."""
    v = np.array(numbers, float)
    before = [v[ORDER - 1 - k : len(v) - 1 - k] for k in range(ORDER)]
    known = np.column_stack([*before, np.ones(len(v) - ORDER)])
    weights, *_ = np.linalg.lstsq(known, v[ORDER:], rcond=None)
    left = v[ORDER:] - known @ weights
    if not left.std() > 1e-9:
        return 0.0
    costs = []
    for share in (_normal, _laplace, _logistic, _cauchy):
        for width in WIDTHS * left.std():
            chance = share((left + 0.5) / width) - share((left - 0.5) / width)
            costs.append(-np.log2((1 - REST) * chance + REST / 2**16).mean())
    return min(costs)


def bytes_per_value(log: Log) -> float:
    """Return the mean over the log's columns; thirds as such, where the last decimal is one."""
    columns = [_as_thirds(column) for column in log.cells]
    return sum(column_bits(column) for column in columns) / 8 / len(columns)


def _as_thirds(column: list[int]) -> list[int]:
    numbers = [(6 * value + 10) // 20 for value in column]
    on = sum((20 * n + 3) // 6 == value for n, value in zip(numbers, column))
    return numbers if on > 0.9 * len(column) and any(value % 10 for value in column) else column
