"""What codes that learn nothing reach: the reference rows of every table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vscbench.data import Data

DENSITY = 0.1
"""Density at which the paper compares: that of its thresholds under the prior."""
CURVE = (0.05, 0.1, 0.2, 0.5, 1)
"""Densities at which PCA is measured for its curve of reconstruction against density."""


def baselines(data: Data, latents: int, penalties: Sequence[float]) -> list[dict[str, Any]]:
    """Metrics of the all-zero code, of PCA with K components, and with as many as a 10 % dense code has non-zeros.

    And of PCA along its number of components. Each row has `method`, `point` and `metrics`; the point of a row of `pca`
    is its number of `components`. A code of fewer than 6 latents has no row `pca_same_density`: a tenth of it is none.

    Args:
        data: vectors (N, P); PCA is fitted on train, everything is measured on test.
        latents: K.
        penalties: λ of the lasso objectives.

    Example:
        >>> from vscbench.data import Data
        >>> x = np.random.default_rng(0).normal(size=(100, 8))
        >>> [row["method"] for row in baselines(Data.from_array(x), 4, [20])]
        ['zero_code', 'pca_same_size', 'pca', 'pca', 'pca']
    """
    from sklearn.decomposition import PCA

    components = min(latents, data.train.shape[1])
    axes = PCA(components).fit(data.train).components_.astype(np.float32)  # (C, P), by falling variance
    codes, matched = data.test @ axes.T, round(DENSITY * latents)
    # The mean of standardised data is zero on train: PCA needs none.
    rows: list[tuple[str, dict[str, int], int]] = [("zero_code", {}, 0), ("pca_same_size", {}, components)]
    rows += [("pca_same_density", {}, matched)] if matched else []
    rows += [("pca", {"components": count}, count) for count in sizes(components, latents)]
    return [
        {
            "method": method,
            "point": point,
            "metrics": _measure(data.test, codes * (np.arange(components) < count), axes, penalties, latents),
        }
        for method, point, count in rows
    ]


def sizes(components: int, latents: int) -> list[int]:
    """How many of `components` a code of K latents has at the densities of CURVE, each number once.

    Example:
        >>> sizes(64, 100)
        [5, 10, 20, 50, 64]
    """
    return sorted({min(components, max(1, round(density * latents))) for density in CURVE})


def _measure(
    x: NDArray[np.float32],
    codes: NDArray[np.float32],
    axes: NDArray[np.float32],
    penalties: Sequence[float],
    latents: int,
) -> dict[str, float]:
    residual = x - codes @ axes
    mse = float(np.square(residual).mean())
    l1 = float(np.abs(codes).sum(1).mean())
    measures = {"density": float((codes != 0).sum(1).mean() / latents), "l1": l1}
    for name in ("draw", "mean", "best"):
        measures[f"mse_{name}"] = mse
        measures[f"fve_{name}"] = 1 - mse / float(np.square(x).mean())
        measures |= {f"lasso{p:g}_{name}": 0.5 * x.shape[1] * mse + p * l1 for p in penalties}
    return measures
