"""Which latents carry nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.metrics.sparsity import SMALL

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

SHARE = 0.95
"""Share of the data for which a latent must carry nothing."""


def collapsed(values: Tensor) -> float:
    """Percentage of latents with value ≤ 0.01 on at least 95 % of the data, for values (N, K).

    Example:
        >>> import torch
        >>> collapsed(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        50.0
    """
    return 100 * float(((values <= SMALL).float().mean(0) >= SHARE).float().mean())


def measure(e: Evaluation) -> Measures:
    """Posterior collapse (of KL_k) and coefficient collapse (of |z_k|), as published, in percent of the latents.

    Fallah and Rozell 2022. `coefficient_collapse` is of the best of J, `_draw` of single draws; both flag
    healthy units of any code whose density is 5 % or less, and no null is known. `posterior_collapse` is that of the
    divergence of the base, and `kl` its sum over latents, nats; both are left out where there is no posterior, where
    the authors print 100 %.
    """
    measures: Measures = {
        "coefficient_collapse": collapsed(e.best.abs()),
        "coefficient_collapse_draw": collapsed(e.draw.abs()),
    }
    if e.kl is not None:
        measures["posterior_collapse"] = collapsed(e.kl)
        measures["kl"] = float(e.kl.sum(1).mean())
    return measures
