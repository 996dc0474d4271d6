"""How dependent are the latents on one another?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vscbench.seeds import derive_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures


def edges(count: int) -> NDArray[np.float64]:
    """Edges of the authors' bins: `count` on [-2, 2], and two around zero; open bins beyond either end."""
    return np.sort(np.concatenate((np.linspace(-2, 2, count), (-1e-50, 1e-50))))


PATCH_EDGES = edges(20)
"""Of codes of patches: 19 bins on [-2, 2], one of them cut in two by that of exact zeros."""

IMAGE_EDGES = edges(30)
"""Of codes of images: 29 bins on [-2, 2]."""


def entropy_bits(counts: NDArray[np.int64]) -> float:
    """-Σ p log₂ p of counts, the plug-in estimate.

    Example:
        >>> entropy_bits(np.array([2, 0, 1, 1]))
        1.5
    """
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())


def multi_information(codes: NDArray[np.float64], bins: NDArray[np.float64] = PATCH_EDGES) -> float:
    """Σ_k H(z_k) - H(z) in bits of codes (N, K), plug-in histograms with edges `bins`: as published.

    Fallah and Rozell 2022. With K in the hundreds nearly every code is unique and H(z) is log₂ N whatever
    the dependence: what is left is the sum of the marginal entropies.

    Example:
        >>> multi_information(np.array([[0.0, 0.0], [0, 0], [1, 1], [1, 1]]))
        1.0
    """
    symbols = np.searchsorted(bins, codes).astype(np.uint8)
    marginal = sum(entropy_bits(np.bincount(column)) for column in symbols.T)
    rows = np.ascontiguousarray(symbols).view(f"V{symbols.shape[1]}")
    joint = entropy_bits(np.unique(rows, return_counts=True)[1])
    return float(marginal - joint)


def copula_total_correlation(codes: NDArray[np.float64], rng: np.random.Generator) -> float:
    """-½ log₂ det R in bits, R the correlation of the codes' normal scores: the dependence of a Gaussian copula.

    Exact zeros are ranked at random, for each latent by itself; constant latents are left out.

    Example:
        >>> import math
        >>> rng = np.random.default_rng(0)
        >>> x = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 2000)
        >>> round(copula_total_correlation(np.exp(x), rng), 1), round(-0.5 * math.log2(1 - 0.9**2), 1)
        (1.2, 1.2)
    """
    live = np.ascontiguousarray(codes[:, codes.std(0) > 0].T)  # (K, N): sorting along rows is fast
    if len(live) < 2:  # noqa: PLR2004
        return 0.0
    count = live.shape[1]
    # An order of zeros that latents share would correlate independent codes. No code is as small as these draws.
    zero = live == 0
    live[zero] = rng.uniform(-1e-50, 1e-50, np.count_nonzero(zero))
    normal = torch.special.ndtri(torch.arange(1, count + 1, dtype=torch.float64) / (count + 1)).numpy()
    scores = np.empty_like(live)
    np.put_along_axis(scores, live.argsort(1), normal[None], axis=1)
    return float(-0.5 * np.linalg.slogdet(np.corrcoef(scores))[1] / np.log(2))


def measure(e: Evaluation) -> Measures:
    """Multi-information as published, on codes shuffled per latent (null), and the excess; the same of the copula.

    `multi_information`, its `_null` and `_excess` in bits, and `copula_correlation` with both, of the best of J.
    Shuffling each latent over the data keeps every marginal and destroys all dependence, so the null is what the
    estimator reports of independent latents. Where the joint entropy saturates at log₂ N, as it does with hundreds of
    latents, value and null are equal whatever the dependence. Of every coder.
    """
    rng = np.random.default_rng(derive_seed(e.seed, "dependence"))
    codes = e.best.double().cpu().numpy()
    shuffled = rng.permuted(codes, axis=0)
    bins = IMAGE_EDGES if e.is_images else PATCH_EDGES
    plugin, plugin_null = multi_information(codes, bins), multi_information(shuffled, bins)
    copula, copula_null = copula_total_correlation(codes, rng), copula_total_correlation(shuffled, rng)
    return {
        "multi_information": plugin,
        "multi_information_null": plugin_null,
        "multi_information_excess": plugin - plugin_null,
        "copula_correlation": copula,
        "copula_correlation_null": copula_null,
        "copula_correlation_excess": copula - copula_null,
    }
