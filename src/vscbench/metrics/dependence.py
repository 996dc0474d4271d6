"""How dependent are the latents on one another?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vscbench.config import derive_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.metrics.evaluation import Evaluation, Measures

EDGES = np.sort(np.concatenate((np.linspace(-2, 2, 20), (-1e-50, 1e-50))))
"""The authors' bins, in float64: 19 on [-2, 2], one of exact zeros, one beyond either end."""


def entropy_bits(counts: NDArray[np.int64]) -> float:
    """-Σ p log₂ p of counts, the plug-in estimate."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())


def multi_information(codes: NDArray[np.float64]) -> float:
    """Σ_k H(z_k) - H(z) in bits of codes (N, K), plug-in histograms: as published (spec 3).

    With K in the hundreds nearly every code is unique and H(z) is log₂ N whatever the dependence: what is left
    is the sum of the marginal entropies.
    """
    symbols = np.searchsorted(EDGES, codes).astype(np.uint8)
    marginal = sum(entropy_bits(np.bincount(column)) for column in symbols.T)
    rows = np.ascontiguousarray(symbols).view(f"V{symbols.shape[1]}")
    joint = entropy_bits(np.unique(rows, return_counts=True)[1])
    return float(marginal - joint)


def copula_total_correlation(codes: NDArray[np.float64], rng: np.random.Generator) -> float:
    """-½ log₂ det R in bits, R the correlation of the codes' normal scores: the dependence of a Gaussian copula.

    Ties (exact zeros) are ranked at random, for each latent by itself; constant latents are left out.
    """
    live = codes[:, codes.std(0) > 0]
    if live.shape[1] < 2:  # noqa: PLR2004
        return 0.0
    # An order of ties that latents share would correlate the zeros of independent codes.
    ranks = np.lexsort((rng.random(live.shape), live), axis=0).argsort(0) + 1
    scores = torch.special.ndtri(torch.from_numpy(ranks / (len(live) + 1))).numpy()
    return float(-0.5 * np.linalg.slogdet(np.corrcoef(scores.T))[1] / np.log(2))


def measure(e: Evaluation) -> Measures:
    """Multi-information as published, on codes shuffled per latent (null), and the excess; the same of the copula.

    Shuffling each latent over the data keeps every marginal and destroys all dependence, so the null is what the
    estimator reports of independent latents.
    """
    rng = np.random.default_rng(derive_seed(e.seed, "dependence"))
    codes = e.best.double().cpu().numpy()
    shuffled = rng.permuted(codes, axis=0)
    plugin, plugin_null = multi_information(codes), multi_information(shuffled)
    copula, copula_null = copula_total_correlation(codes, rng), copula_total_correlation(shuffled, rng)
    return {
        "multi_information": plugin,
        "multi_information_null": plugin_null,
        "multi_information_excess": plugin - plugin_null,
        "copula_correlation": copula,
        "copula_correlation_null": copula_null,
        "copula_correlation_excess": copula - copula_null,
    }
