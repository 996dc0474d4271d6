"""Ranks with intervals, and what cannot be told from the best.

The interval of a coder's rank comes from tests of its mean against that of every other coder, Holm's correction over
these: it starts one below the number of coders that are significantly better and ends above those significantly worse.
So it holds the true rank whenever no test errs (Mogstad, Romano, Shaikh and Wilhelm, "Inference for Ranks with
Applications to Mobility across Neighbourhoods and Academic Achievement across Countries", Review of Economic Studies,
2024). The percentile bootstrap of ranks does not: ranks jump where means tie, and no resample of five repetitions knows
how far the means themselves are off (a test measures how often each holds the truth).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vscbench.metrics.standard_errors import over_repetitions
from vscbench.reporting.claims.compare import paired
from vscbench.reporting.inference import ALPHA, holm, one_sample, p_above, p_below, welch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from vscbench.reporting.claims.compare import Runs

BEST, TIED, WORSE = "best", "not different from the best", ""


class Standing(NamedTuple):
    """Where a coder stands by one column."""

    mean: float
    low: float = math.nan
    """Start of Student's 95 % interval of the mean; nan for a single repetition."""
    high: float = math.nan
    repetitions: int = 0
    rank: int = 0
    """By the mean, 1 is best; 0 where nothing is ranked."""
    first: int = 0
    """The best rank of its 95 % interval."""
    last: int = 0
    p: float = math.nan
    """Against the best, Holm's correction over all others; nan of the best."""
    place: str = WORSE
    """best, not different from the best, or neither."""


def mean_of(runs: Runs, *, spread: bool = True) -> Standing:
    """Mean of a coder with Student's interval over repetitions, unranked."""
    found = over_repetitions(runs.numbers)
    low, high = found.interval() if spread else (math.nan, math.nan)
    return Standing(found.mean, low, high, found.units)


def p_value(first: Runs, second: Runs) -> float:
    """Two-sided p-value of equal means: Welch's test, of folds Student's over pairs; 1 where nothing can be said."""
    pairs = paired(first, second)
    if pairs is None:
        effect = welch(first.numbers.to_numpy(), second.numbers.to_numpy())
    elif pairs[0].empty:
        return 1.0
    else:
        effect = one_sample((pairs[0] - pairs[1]).to_numpy())
    return min(1.0, 2 * min(p_above(effect, 0), p_below(effect, 0)))


def intervals(means: Sequence[float], p: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The 95 % interval of each rank, of means that are the better the higher, and p-values (m, m) of their pairs.

    Example:
        >>> intervals([3.0, 2.0, 1.0], np.array([[1, 0.4, 0.001], [0.4, 1, 0.001], [0.001, 0.001, 1]]))
        [(1, 2), (1, 2), (3, 3)]
    """
    m = np.asarray(means, dtype=float)
    found = []
    for k in range(len(m)):
        others = np.arange(len(m)) != k
        apart = holm(list(p[k, others])) < ALPHA
        better, worse = (int((apart & side).sum()) for side in (m[others] > m[k], m[others] < m[k]))
        found.append((1 + better, len(m) - worse))
    return found


def standings(scores: Mapping[str, Runs], *, higher: bool) -> dict[str, Standing]:
    """Means, ranks and what cannot be told from the best, of coders by name.

    Args:
        scores: the numbers of each coder, one or more.
        higher: whether it is better to be higher.
    """
    names, sign = list(scores), 1 if higher else -1
    found = {name: mean_of(scores[name]) for name in names}
    means = [sign * found[name].mean for name in names]
    p = np.ones((len(names), len(names)))
    for i, j in zip(*np.triu_indices(len(names), 1), strict=True):
        p[i, j] = p[j, i] = p_value(scores[names[i]], scores[names[j]])
    best = int(np.argmax(means)) if names else 0
    others = [k for k in range(len(names)) if k != best]
    against = dict(zip(others, holm(list(p[best, others])) if others else [], strict=True))
    spans = intervals(means, p)
    for k, name in enumerate(names):
        place = BEST if k == best else TIED if against[k] >= ALPHA else WORSE
        rank = 1 + sum(other > means[k] for other in means)
        first, last = spans[k]
        found[name] = found[name]._replace(
            rank=rank, first=first, last=last, p=float(against.get(k, math.nan)), place=place
        )
    return found
