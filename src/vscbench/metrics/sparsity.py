"""How sparse are the codes, and are all latents used?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures

SMALL = 1e-2
"""Below this a coefficient counts as zero in the authors' metrics."""


def hoyer(codes: Tensor) -> Tensor:
    """(√K - ‖z‖₁/‖z‖₂)/(√K - 1) of codes (..., K): 0 for equal entries, 1 for a single one; nan for the zero code.

    Hoyer, Non-negative matrix factorization with sparseness constraints, 2004 (arXiv cs/0408058).

    Example:
        >>> hoyer(torch.tensor([[1.0, 1, 1, 1], [0, 0, 2, 0]]))
        tensor([0., 1.])
    """
    root = math.sqrt(codes.shape[-1])
    ratio: Tensor = codes.abs().sum(-1) / torch.linalg.vector_norm(codes, dim=-1)
    return (root - ratio) / (root - 1)


def gini(codes: Tensor) -> Tensor:
    """1 - 2 Σ_k |z|₍ₖ₎/‖z‖₁ (K - k + ½)/K over sorted |z| of codes (..., K): 0 for equal entries, 1 - 1/K for one.

    nan for the zero code. Hurley and Rickard, Comparing measures of sparsity, 2009 (arXiv 0811.4706).

    Example:
        >>> gini(torch.tensor([[1.0, 1, 1, 1], [0, 0, 2, 0]]))
        tensor([0.0000, 0.7500])
    """
    size = codes.shape[-1]
    ordered = codes.abs().sort(-1).values
    weights = (size - torch.arange(1, size + 1, device=codes.device, dtype=codes.dtype) + 0.5) / size
    return 1 - 2 * (ordered * weights).sum(-1) / ordered.sum(-1)


def lifetime_sparsity(codes: Tensor) -> Tensor:
    """[1 - (mean|z|)²/mean z²]/(1 - 1/N) of each latent over data (N, K): (K,); nan for a dead unit.

    Vinje and Gallant, Sparse coding and decorrelation in primary visual cortex during natural vision, Science, 2000.

    Example:
        >>> lifetime_sparsity(torch.tensor([[0.0, 1], [2, 1]]))
        tensor([1., 0.])
    """
    count = codes.shape[0]
    return (1 - codes.abs().mean(0).square() / codes.square().mean(0)) / (1 - 1 / count)


def density_by_rule(e: Evaluation) -> float:
    """The fraction of latents that the rule of the posterior's family, VAEase's σ² < 0.05, calls active."""
    rule = e.family.active_by_rule  # type: ignore[union-attr]
    return float(torch.cat([rule(e.coder.posterior(x).params) for x in e.chunks()]).mean())  # type: ignore[union-attr]


def measure(e: Evaluation) -> Measures:
    """Density (fraction of non-zeros) and other measures of single draws; use of the latents.

    `density_spread` is the standard deviation over data points; `dead_units` are never non-zero, `active_units` have
    Var_x E[z_k] > 0.01 (Burda et al. 2016, arXiv 1509.00519), both in percent of the latents; `zero_codes` is the
    percentage of data points with no non-zero coefficient, which Hoyer and Gini leave out. The null of the density is
    `prior_density`, P(z ≠ 0) under the prior of the posterior's own family, thresholded as it is (a learned prior that
    stands in its place has no say in it): left out where there is no posterior. `density_by_rule` is what a family
    counts whose codes are not exactly zero where it calls a latent inactive.
    """
    per_point = e.draw.ne(0).float().mean(1)
    measures: Measures = {
        "density": float(per_point.mean()),
        "density_spread": float(per_point.std()),
        "density_best": float(e.best.ne(0).float().mean()),
        "density_above_small": float((e.draw.abs() > SMALL).float().mean()),
        "zero_codes": 100 * float((per_point == 0).float().mean()),
        "l1": float(e.draw.abs().sum(1).mean()),
        "hoyer": float(hoyer(e.draw).nanmean()),
        "gini": float(gini(e.draw).nanmean()),
        "lifetime_sparsity": float(lifetime_sparsity(e.draw).nanmean()),
        "dead_units": 100 * float((e.draw == 0).all(0).float().mean()),
        "active_units": 100 * float((e.mean.var(0) > SMALL).float().mean()),
    }
    if e.family is not None:
        measures["prior_density"] = e.family.prior_density
    if hasattr(e.family, "active_by_rule"):
        measures["density_by_rule"] = density_by_rule(e)
    return measures
