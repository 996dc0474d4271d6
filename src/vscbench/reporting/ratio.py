"""Effects relative to a rival: the ratio of two means, whose error depends on the ratio that is asked about."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vscbench.reporting.inference import LEVEL, Effect, one_sample, welch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Ratio(NamedTuple):
    """How much better the mean of `first` is than that of `second`, as a fraction of |mean(second)|, by Fieller's test.

    "first/second is R" is "first - R second has the mean zero", which Welch's test decides with the error at that R
    (Fieller, 1954). The error at the ratio found, the delta method's, is too small where a noisy rival makes it small.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    higher: bool
    """Whether it is better to be higher."""
    paired: bool = False
    """Whether repetitions are of the same data, one by one."""

    @property
    def repetitions(self) -> int:
        """Runs of the method with the fewest."""
        return min(len(self.first), len(self.second))

    @property
    def sign(self) -> float:
        """Of the improvement with the ratio."""
        return (1 if self.higher else -1) * math.copysign(1, self.second.mean())

    @property
    def mean(self) -> float:
        """The improvement found; nan relative to zero."""
        scale = float(self.second.mean())
        return self.sign * (float(self.first.mean()) / scale - 1) if scale else math.nan

    @property
    def error(self) -> float:
        """Its standard error by the delta method: to order comparisons by, not to decide."""
        scale = float(self.second.mean())
        return self._at(float(self.first.mean()) / scale).error / abs(scale) if scale else math.nan

    @property
    def known(self) -> bool:
        """Whether the rival's mean can be told from zero: else there is nothing that the effect is relative to."""
        low, high = one_sample(self.second).interval()
        return low > 0 or high < 0

    def _at(self, ratio: float) -> Effect:
        """The mean of first - ratio second."""
        return one_sample(self.first - ratio * self.second) if self.paired else welch(self.first, ratio * self.second)

    def against(self, margin: float) -> tuple[float, float]:
        """Student's t of the improvement against a margin, and its degrees of freedom; nan where there is none."""
        t, freedom = self._at(1 + self.sign * margin).against(0)
        return self.sign * math.copysign(1, self.second.mean()) * t, freedom

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Fieller's interval, with the degrees of freedom at the ratio found; nan where it has no end.

        The ratios R with (a - R b)² ≤ q² var(a - R b), a and b the means and q Student's quantile: a quadratic in R.
        """
        from scipy import stats

        if self.repetitions < 2:  # noqa: PLR2004
            return math.nan, math.nan
        a, b = float(self.first.mean()), float(self.second.mean())
        q = float(stats.t.ppf((1 + level) / 2, self._at(a / b).freedom)) if b else math.inf
        va, vb = (one_sample(part).error ** 2 for part in (self.first, self.second))
        both = float(np.cov(self.first, self.second)[0, 1]) / len(self.first) if self.paired else 0.0
        square = b * b - q * q * vb
        if not square > 0:
            return math.nan, math.nan
        middle, rest = (a * b - q * q * both) / square, (a * a - q * q * va) / square
        reach = math.sqrt(max(middle * middle - rest, 0))
        low, high = sorted(self.sign * (ratio - 1) for ratio in (middle - reach, middle + reach))
        return low, high


def relative(better: ArrayLike, worse: ArrayLike, *, higher: bool = False, paired: bool = False) -> Ratio:
    """How much better one set of repetitions is than another, as a fraction of the other's mean.

    Example:
        >>> round(relative([80.0, 82.0, 78.0], [100.0, 99.0, 101.0]).mean, 3)
        0.2
        >>> relative([-290.0, -291.0], [-300.0, -301.0], higher=True).mean > 0
        True
    """
    first, second = np.asarray(better, dtype=float), np.asarray(worse, dtype=float)
    return Ratio(first, second, higher, paired)
