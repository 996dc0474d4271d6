"""How likely is the data under the model, at least?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vscbench.coders.amortised import Amortised
from vscbench.metrics.evaluation import CHUNK
from vscbench.objectives.iwae import log_mean_exp
from vscbench.settings import Count

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

DRAWS = 100
GROUPS = (5, 20, 100)
"""K of IWAE_K."""
AT_ONCE = {False: 10, True: 1}
"""Draws of a chunk of vectors, and of images, that are decoded at once: they stay below 100 MB."""


@torch.no_grad()
def log_weights(e: Evaluation, coder: Amortised, points: int) -> Tensor:
    """log p(x, z)/q(z|x) of 100 draws for each of the first `points` data points: (100, N), nats."""
    rng, once, size = e.rng("bounds"), AT_ONCE[e.is_images], math.prod(e.shape)
    parts = [
        torch.cat([coder.log_weights(e.inputs(x), once, rng) for _ in range(0, DRAWS, once)])
        for x in e.x[:points].split(CHUNK[e.is_images])
    ]
    variance = float(coder.kl_weight) * size / 2
    return torch.cat(parts, dim=1).double() - size / 2 * math.log(2 * math.pi * variance)


def measure(e: Evaluation, *, points: Count = 500) -> Measures:
    """Evidence bounds, nats a data point: `elbo`, the mean of log w, and `iwae_K`, that of log-mean-exp of K weights.

    Burda et al. 2016 (arXiv 1509.00519). The likelihood is N(x; x̂, s²I) with s² = kl_weight · P/2, what the weights of
    the training loss imply: bounds of methods trained at different weights are those of different models. Of a learned
    threshold the bound is on the joint model p(x|z) p(z|λ) p(λ), whatever the weight of its divergence in training was.
    K < 100 draws are disjoint groups of the 100. Bounds have no null. Left out: a coder that is not an encoder with a
    posterior, a kl_weight of 0, and a prior that looks at x, which bounds nothing.

    Args:
        e: the coder and the data.
        points: test points that the bounds are measured on.
    """
    coder = e.coder
    if not isinstance(coder, Amortised) or not coder.bounded:
        return {}
    log_w = log_weights(e, coder, points)
    measures: Measures = {"elbo": float(log_w.mean())}
    for k in GROUPS:
        measures[f"iwae_{k}"] = float(log_mean_exp(log_w.unflatten(0, (k, -1))).mean())
    return measures
