"""Standard errors of a mean: over data points, by cluster where they come in clusters, and over repetitions, apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from vscbench.metrics.evaluation import Evaluation, Measures


class Estimate(NamedTuple):
    """A mean and how far it is known."""

    mean: float
    error: float
    """Its standard error; nan where there is one unit alone."""
    units: int
    """How many independent units it is over: data points, clusters or repetitions."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student's interval with units - 1 degrees of freedom; nan for one unit.

        Example:
            >>> low, high = Estimate(0.0, 1.0, 3).interval()
            >>> round(high, 2)
            4.3
        """
        from scipy import stats

        if self.units < 2:  # noqa: PLR2004
            return math.nan, math.nan
        width = float(stats.t.ppf((1 + level) / 2, self.units - 1)) * self.error
        return self.mean - width, self.mean + width


def over_data(values: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Mean of values and its standard error s/√N, or that of a mean over clusters of dependent values.

    With residuals r_i and G clusters, error² = G/(G - 1) Σ_g (Σ_{i∈g} r_i)² / N²: patches of one image are no
    independent data points (Liang and Zeger, Longitudinal data analysis using generalized linear models, 1986). With
    each point its own cluster it is s/√N. Student's interval of G - 1 degrees of freedom keeps its level for clusters
    of one size, however few; of sizes that differ 16-fold, 95 % means 85 % for five clusters and 93 % for thirty, and
    less the more one of them has.

    Args:
        values: one a data point, (N,).
        clusters: to which each belongs, (N,): the image of a patch; None: points are independent.

    Raises:
        ValueError: there are no values.

    Example:
        >>> over_data([1.0, 2.0, 3.0]).error == over_data([1.0, 2.0, 3.0], [0, 1, 2]).error
        True
        >>> over_data([1.0, 1.0, 3.0, 3.0], [0, 0, 1, 1])
        Estimate(mean=2.0, error=1.0, units=2)
    """
    x = np.asarray(values, dtype=float)
    if not x.size:
        raise ValueError("no values to take the mean of")
    labels = np.arange(len(x)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    units = int(labels.max()) + 1
    mean = float(x.mean())
    if units < 2:  # noqa: PLR2004
        return Estimate(mean, math.nan, units)
    sums = np.bincount(labels, weights=x - mean)
    return Estimate(mean, math.sqrt(units / (units - 1) * float(sums @ sums)) / len(x), units)


def over_repetitions(values: ArrayLike) -> Estimate:
    """Mean of one value a repetition, (R,), and s/√R, on these data.

    Example:
        >>> over_repetitions([1.0, 2.0, 3.0]).units
        3
    """
    return over_data(values)


def measure(e: Evaluation) -> Measures:
    """`mse_draw_se`, `mse_mean_se` and `mse_best_se`: standard errors over data points, or over groups of them.

    Where the data know of which image a patch is, patches of one are not taken for independent; where they do not, the
    errors of patches are too small by what these have in common. How far repetitions differ is another question, and
    another column of the tables.
    """
    errors = {name: over_data(values.cpu().numpy(), e.clusters).error for name, values in e.point_errors.items()}
    return {f"mse_{name}_se": error for name, error in errors.items()}
