"""Inference over repetitions: few numbers, paired, and several claims at once."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
ENOUGH = 3
"""Repetitions below which nothing is decided."""
MOST = 1000
"""Repetitions beyond which more of them are no way to decide."""


@lru_cache(maxsize=1000)  # a page shows each more than once
def bootstrap_interval(values: tuple[float, ...]) -> tuple[float, float]:
    """95 % percentile interval of the mean of `values` (n,) over resamples; nan for fewer than two.

    Of three normal numbers it covers the mean in about three cases of four, not in 95 of 100 (a test measures it):
    it is shown, and what decides is `p_above` beside it.
    """
    n = len(values)
    if n < 2:  # noqa: PLR2004
        return math.nan, math.nan
    # How often each value is drawn: a resample's mean needs no gather.
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    means = counts @ np.asarray(values, dtype=float) / n
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def p_above(values: Sequence[float], bound: float = 0.0) -> float:
    """One-sided p-value of Student's test that the mean of `values` (n,) is above `bound`; 1 for fewer than two.

    Numbers that do not vary decide with certainty: 0 above the bound, 1 at it and below.
    """
    from scipy import stats

    if len(values) < 2:  # noqa: PLR2004
        return 1.0
    mean, error = float(np.mean(values)) - bound, float(stats.sem(values))
    if error == 0:
        return 0.0 if mean > 0 else 1.0
    return float(stats.t.sf(mean / error, len(values) - 1))


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """P-values (m,) corrected for m tests: max over i ≤ j of (m - i) p₍ᵢ₎, at most 1 (Holm, 1979)."""
    values = np.asarray(p, dtype=float)
    order = values.argsort()
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def repetitions_needed(values: Sequence[float], bound: float, p: float) -> int | None:
    """The least n at which the test against `bound` has a p-value below `p`, if mean and spread stay; None: too many.

    On either side of the bound, whichever the mean lies on. For fewer than two values, `ENOUGH`.
    """
    from scipy import stats

    if len(values) < 2:  # noqa: PLR2004
        return ENOUGH
    mean, sd = abs(float(np.mean(values)) - bound), float(np.std(values, ddof=1))
    n = np.arange(ENOUGH, MOST + 1)
    statistic = np.full(len(n), math.inf) if sd == 0 < mean else mean / max(sd, 1e-300) * np.sqrt(n)
    decided = np.asarray(stats.t.sf(statistic, n - 1)) < p
    return int(n[decided.argmax()]) if decided.any() else None
