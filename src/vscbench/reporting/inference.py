"""What a few repetitions allow to be said: an effect with its interval, and one of three answers about a margin.

An effect is the difference of two methods' means, or the mean of one. Repetitions of two methods have seeds of their
own, so they are compared by Welch's test; differences of runs that truly share their seeds by Student's of one sample.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from vscbench.reporting.ratio import Ratio

LEVEL = 0.95
"""Of the interval that is shown."""
ALPHA = 0.05
"""Chance of one false verdict or more among all claims, where repetitions are normal."""
FAMILY = 12
"""The paper's claims, which the correction counts, measured or not."""
ENOUGH = 5
"""Repetitions of each method below which nothing is decided."""


FEW = f"and {ENOUGH} are needed"


class Effect(NamedTuple):
    """An estimate, its standard error, and what the error is known by."""

    mean: float
    """Estimate, positive where a claim says that it is."""
    error: float
    """Its standard error; nan for a single repetition."""
    freedom: float
    """Degrees of freedom of the standard error."""
    repetitions: int
    """Runs of the method with the fewest."""

    def against(self, margin: float) -> tuple[float, float]:
        """Student's t of the effect against a margin, and its degrees of freedom; nan where nothing can be said."""
        if not self.error > 0 or not self.freedom > 0:
            return math.nan, math.nan
        return (self.mean - margin) / self.error, self.freedom

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The `level` interval by Student's t; nan where nothing can be said."""
        from scipy import stats

        if not self.error >= 0 or not self.freedom > 0:
            return math.nan, math.nan
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return self.mean - reach, self.mean + reach

    @property
    def known(self) -> bool:
        """Whether there is anything that the effect is measured by."""
        return self.error >= 0


def p_above(effect: Effect | Ratio, margin: float) -> float:
    """One-sided p-value against "the effect is at most `margin`", by Student's t; 1 where nothing can be said."""
    from scipy import stats

    t, freedom = effect.against(margin)
    return 1.0 if math.isnan(t) else float(stats.t.sf(t, freedom))


def p_below(effect: Effect | Ratio, margin: float) -> float:
    """One-sided p-value against "the effect is at least `margin`"; 1 where nothing can be said."""
    from scipy import stats

    t, freedom = effect.against(margin)
    return 1.0 if math.isnan(t) else float(stats.t.cdf(t, freedom))


def welch(first: ArrayLike, second: ArrayLike) -> Effect:
    """mean(first) - mean(second) of independent repetitions, with Welch's error and degrees of freedom.

    s² = s₁²/n₁ + s₂²/n₂, with s⁴/(s₁⁴/(n₁²(n₁-1)) + s₂⁴/(n₂²(n₂-1))) degrees of freedom (Welch, 1947).

    Example:
        >>> round(welch([2.0, 2.2, 1.8], [1.0, 1.4, 1.2]).mean, 3)
        0.8
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    mean, fewest = float(a.mean() - b.mean()), min(len(a), len(b))
    if fewest < 2:  # noqa: PLR2004
        return Effect(mean, math.nan, math.nan, fewest)
    parts = np.array([_variance(part) / len(part) for part in (a, b)])
    square = float(parts.sum())
    if square == 0:
        return Effect(mean, 0.0, fewest - 1, fewest)
    freedom = square**2 / float((parts**2 / (np.array([len(a), len(b)]) - 1)).sum())
    return Effect(mean, math.sqrt(square), freedom, fewest)


def one_sample(values: ArrayLike) -> Effect:
    """The mean of `values`, or of differences of runs that share their seeds, with Student's error.

    Example:
        >>> one_sample([1.0, 2.0, 3.0]).freedom
        2
    """
    v = np.asarray(values, dtype=float)
    error = math.sqrt(_variance(v) / len(v)) if len(v) > 1 else math.nan
    return Effect(float(v.mean()), error, len(v) - 1, len(v))


def _variance(values: NDArray[np.float64]) -> float:
    """Unbiased variance; exactly 0 of equal numbers, whose mean may be rounded."""
    return float(values.var(ddof=1)) if np.ptp(values) > 0 else 0.0


SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = "supported", "not supported", "inconclusive"
NOT_MEASURED, NO_VERDICT = "not measured here", "no verdict"


class Verdict(NamedTuple):
    """What an effect says about a margin."""

    word: str
    """supported, not supported, inconclusive; no verdict where runs are not those that the study announced."""
    p: float
    """Two-sided p-value of the direction that the effect points to, before any correction."""
    why: str = ""
    """Why nothing is decided, where that is not the width of the interval."""


def compare(effect: Effect | Ratio, margin: float, runs: int | None = None) -> Verdict:
    """Where the effect points to, above or below `margin`, with its p-value; `decide` says whether that is enough.

    The two hypotheses "at most" and "at least the margin" are tested, one side each: p is twice the smaller p-value.
    `runs` were made of each method, those that diverged too; as many as ended, where None.

    Example:
        >>> compare(one_sample([1.0, 1.1, 0.9, 1.05, 0.95]), 0.1).word
        'supported'
        >>> compare(one_sample([1.0, 1.1, 0.9]), 0.1).why
        '3 repetitions, and 5 are needed'
    """
    made = effect.repetitions if runs is None else runs
    if made < ENOUGH:
        count = f"{made} repetition{'s' * (made != 1)}"
        return Verdict(INCONCLUSIVE, 1.0, f"{count}, {FEW}")
    if not effect.known:
        return Verdict(INCONCLUSIVE, 1.0, "the mean that the effect is relative to cannot be told from zero")
    if effect.error == 0:
        return Verdict(INCONCLUSIVE, 1.0, "the repetitions do not vary, so nothing is known of their error")
    above, below = p_above(effect, margin), p_below(effect, margin)
    return Verdict(SUPPORTED if above < below else NOT_SUPPORTED, min(1.0, 2 * min(above, below)))


def together(parts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim that predicts several comparisons: all must hold, one that fails refutes it.

    Supported if each part is, by the largest of their p-values (an intersection-union test: no correction is due). Not
    supported if one part is not, by the smallest of their p-values times their number (Bonferroni).

    Example:
        >>> together([Verdict("supported", 0.01), Verdict("supported", 0.2)]).p
        0.2
    """
    for part in parts:
        if part.word == NO_VERDICT:
            return part
    failing = [part for part in parts if part.word == NOT_SUPPORTED]
    open_parts = [part for part in parts if part.word == INCONCLUSIVE]
    worst = min(failing, key=lambda part: part.p, default=None)
    if worst and (len(parts) * worst.p < ALPHA or not open_parts):
        return Verdict(NOT_SUPPORTED, min(1.0, len(parts) * worst.p), worst.why)
    if open_parts:
        return Verdict(INCONCLUSIVE, 1.0, open_parts[0].why)
    return max(parts, key=lambda part: part.p)


OPPOSITE = {SUPPORTED: NOT_SUPPORTED, NOT_SUPPORTED: SUPPORTED}


def either(parts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim that predicts one comparison of several to hold: `together`, with the words turned round.

    Example:
        >>> either([Verdict("supported", 0.01), Verdict("not supported", 0.2)])
        Verdict(word='supported', p=0.02, why='')
    """
    turned = together([part._replace(word=OPPOSITE.get(part.word, part.word)) for part in parts])
    return turned._replace(word=OPPOSITE.get(turned.word, turned.word))


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """P-values (m,) corrected for m tests: max over i ≤ j of (m - i) p₍ᵢ₎, at most 1 (Holm, 1979).

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float)
    order = values.argsort()
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def decide(verdicts: Sequence[Verdict], family: int | None = None) -> list[Verdict]:
    """The verdicts of a family of claims, corrected together: those that the correction leaves, else inconclusive.

    Args:
        verdicts: of the claims that were measured.
        family: how many claims there are, measured or not (a claim that is not measured has p = 1).

    Example:
        >>> [v.word for v in decide([Verdict("supported", 0.001), Verdict("supported", 0.02)], 12)]
        ['supported', 'inconclusive']
    """
    missing = max((family or len(verdicts)) - len(verdicts), 0)
    corrected = holm([*(v.p for v in verdicts), *([1.0] * missing)])[: len(verdicts)]
    return [
        verdict._replace(p=float(p))
        if p < ALPHA or verdict.word == NO_VERDICT
        else Verdict(INCONCLUSIVE, float(p), verdict.why)
        for verdict, p in zip(verdicts, corrected, strict=True)
    ]


def rates(first: tuple[int, int], second: tuple[int, int]) -> float:
    """One-sided p-value that events are rarer in `first` than in `second`, (events, runs) each (Fisher's exact test).

    Example:
        >>> round(rates((0, 8), (5, 8)), 3)
        0.013
    """
    from scipy import stats

    (a, n), (b, m) = first, second
    return float(stats.fisher_exact(np.array([[a, n - a], [b, m - b]]), alternative="less").pvalue)


def with_divergence(verdict: Verdict, first: tuple[int, int], second: tuple[int, int]) -> Verdict:
    """The verdict on "the first is better" by the runs that ended, with those that diverged, (diverged, runs) each.

    A method that diverges more often is not better by what is left of it: that is refuted by either, divergence or
    survivors (Bonferroni). Where the rival diverges more often and a run of it is left, or none, the rates decide.

    Example:
        >>> with_divergence(Verdict("supported", 1e-6), (5, 8), (0, 8)).word
        'not supported'
    """
    (a, n), (b, m) = first, second
    said = f"{a} of {n} runs diverged against {b} of {m}"
    if a * m > b * n:
        survivors, often = verdict.p if verdict.word == NOT_SUPPORTED else 1.0, 2 * rates(second, first)
        return Verdict(NOT_SUPPORTED, min(1.0, 2 * min(often, survivors)), said if often <= survivors else verdict.why)
    if a * m < b * n and min(n - a, m - b) < 2:  # noqa: PLR2004
        return Verdict(SUPPORTED, min(1.0, 2 * rates(first, second)), said)
    return verdict


def repetitions_needed(effect: Effect | Ratio, margin: float, p: float, most: int = 1000) -> int | None:
    """The least n at which `compare` has a p-value below `p`, if mean and spread stay; None where that is over `most`.

    Example:
        >>> repetitions_needed(one_sample([1.0, 2.0, 3.0, 0.0, 4.0]), 0.0, 0.05 / 12)
        10
    """
    from scipy import stats

    t, freedom = effect.against(margin)
    if math.isnan(t):
        return None
    n = np.arange(ENOUGH, most + 1)
    freedoms = freedom * (n - 1) / (effect.repetitions - 1)
    decided = np.asarray(2 * stats.t.sf(abs(t) * np.sqrt(n / effect.repetitions), freedoms)) < p
    return int(n[decided.argmax()]) if decided.any() else None


@cache
def coverage(repetitions: int, level: float = LEVEL, draws: int = 20_000) -> dict[str, float]:
    """How often Student's `level` interval of the mean of `repetitions` numbers holds the true mean, by what they are.

    By simulation with a fixed seed: normal, exponential (skewed), and Poisson of mean 2 (whole numbers).

    Example:
        >>> coverage(3)["normal"] > 0.94
        True
    """
    from scipy import stats

    rng, size = np.random.default_rng(0), (draws, repetitions)
    kinds = {
        "normal": (rng.standard_normal(size), 0.0),
        "skewed": (rng.standard_exponential(size), 1.0),
        "whole numbers": (rng.poisson(2, size).astype(float), 2.0),
    }
    reach = stats.t.ppf((1 + level) / 2, repetitions - 1)
    found = {}
    for name, (values, truth) in kinds.items():
        error = values.std(1, ddof=1) / math.sqrt(repetitions)
        found[name] = float((np.abs(values.mean(1) - truth) <= reach * error).mean())
    return found
