"""Tests by permutation of the runs, for what is far from normal: whole numbers, spreads; and of rates."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from vscbench.reporting.inference import INCONCLUSIVE, LEVEL, NOT_SUPPORTED, SUPPORTED, Verdict, rates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MOST = 20_000
"""Regroupings that are all tried; of more, that many are drawn."""
STEPS = 40
ROUNDING = 1e-9


@cache
def _regrouped(n: int, m: int) -> NDArray[np.bool_]:
    """Which of n + m runs are in the first group: (regroupings, n + m), the observed one among them."""
    if math.comb(n + m, n) <= MOST:
        chosen = np.array(list(combinations(range(n + m), n)))
    else:
        drawn = np.random.default_rng(0).permuted(np.tile(np.arange(n + m), (MOST, 1)), axis=1)[:, :n]
        chosen = np.vstack([np.arange(n), drawn])
    member = np.zeros((len(chosen), n + m), dtype=bool)
    np.put_along_axis(member, chosen, values=True, axis=1)
    return member


def p_above(first: ArrayLike, second: ArrayLike, margin: float) -> float:
    """One-sided p-value against "mean(first) - mean(second) is at most `margin`".

    The share of regroupings of first - margin and second in which the means differ by as much as observed, or more
    (Fisher, 1935), exact where all are tried. With five runs each the least is 1/252.

    Example:
        >>> round(p_above([9, 8, 9, 7, 8], [3, 4, 2, 3, 4], 0) * 252)
        1
    """
    a, b = np.asarray(first, dtype=float) - margin, np.asarray(second, dtype=float)
    member = _regrouped(len(a), len(b))
    pooled = np.concatenate([a, b])
    sums = member @ pooled
    difference = sums / len(a) - (pooled.sum() - sums) / len(b)
    return float((difference >= a.mean() - b.mean() - ROUNDING).mean())


def interval(first: ArrayLike, second: ArrayLike, level: float = LEVEL) -> tuple[float, float]:
    """The margins that neither one-sided test refutes at (1 - level)/2; infinite where so few runs refute none."""
    return _end(first, second, level), -_end(second, first, level)


def _end(first: ArrayLike, second: ArrayLike, level: float) -> float:
    """The largest margin that the difference is above, by bisection: the p-value rises with the margin."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    reach, middle = 2 * float(np.ptp(np.concatenate([a, b]))) + 1, float(a.mean() - b.mean())
    below, above = middle - reach, middle + reach
    if p_above(first, second, below) > (1 - level) / 2:
        return -math.inf
    for _ in range(STEPS):
        half = (below + above) / 2
        below, above = (half, above) if p_above(first, second, half) <= (1 - level) / 2 else (below, half)
    return below


def compare_rates(first: tuple[int, int], second: tuple[int, int]) -> Verdict:
    """The verdict on "it happens less often in the first", (events, runs) each, by Fisher's exact test.

    Example:
        >>> compare_rates((0, 8), (5, 8)).word
        'supported'
    """
    (a, n), (b, m) = first, second
    if a * m == b * n:
        return Verdict(INCONCLUSIVE, 1.0, f"{a} of {n} against {b} of {m}")
    if a * m < b * n:
        return Verdict(SUPPORTED, min(1.0, 2 * rates(first, second)))
    return Verdict(NOT_SUPPORTED, min(1.0, 2 * rates(second, first)))


def compare_counts(first: ArrayLike, second: ArrayLike, margin: float) -> Verdict:
    """The verdict on "mean(first) - mean(second) is above `margin`", as `inference.compare` gives it.

    Example:
        >>> compare_counts([9, 8, 9, 7, 8], [3, 4, 2, 3, 4], 0.5)
        Verdict(word='supported', p=0.007936507936507936, why='')
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if np.ptp(a) == np.ptp(b) == 0:
        return Verdict(INCONCLUSIVE, 1.0, "the repetitions do not vary, so nothing is known of their error")
    above, below = p_above(a, b, margin), p_above(b, a, -margin)
    return Verdict(SUPPORTED if above < below else NOT_SUPPORTED, min(1.0, 2 * min(above, below)))
