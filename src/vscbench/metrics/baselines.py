"""What codes that learn nothing reach: the reference rows of every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.decomposition import PCA

from vscbench.config.sweeps import variant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.data import Splits

DENSITY = 0.1
"""Density at which the paper compares: that of its thresholds under the prior."""
CURVE = (0.05, 0.1, 0.2, 0.5, 1)
"""Densities at which PCA is measured for its curve of reconstruction against density."""


def baselines(splits: Splits, latents: int, penalties: list[float]) -> dict[str, dict[str, float]]:
    """Metrics of the all-zero code, of PCA with K components, and with as many as a 10 % dense code has non-zeros.

    And of PCA along its number of components, `pca@components=N` as the points of a sweep are called.

    Args:
        splits: the data; PCA is fitted on train, everything is measured on test.
        latents: K.
        penalties: λ of the lasso objectives.
    """
    components = min(latents, splits.train.shape[1])
    axes = PCA(components).fit(splits.train).components_.astype(np.float32)  # (C, P), by falling variance
    matched = round(DENSITY * latents)
    codes = splits.test @ axes.T

    def truncated(count: int) -> NDArray[np.float32]:
        return np.where(np.arange(components) < count, codes, np.float32(0))

    # The mean of z-scored data is zero on train: PCA needs none.
    return {
        "zero_code": _measure(splits.test, np.zeros_like(codes), axes, penalties, latents),
        "pca_same_size": _measure(splits.test, codes, axes, penalties, latents),
        "pca_same_density": _measure(splits.test, truncated(matched), axes, penalties, latents),
        **{
            variant("pca", {"components": count}): _measure(splits.test, truncated(count), axes, penalties, latents)
            for count in sizes(components, latents)
        },
    }


def sizes(components: int, latents: int) -> list[int]:
    """How many of `components` a code of K latents has at the densities of CURVE, each number once."""
    return sorted({min(components, max(1, round(density * latents))) for density in CURVE})


def _measure(
    x: NDArray[np.float32],
    codes: NDArray[np.float32],
    axes: NDArray[np.float32],
    penalties: list[float],
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
