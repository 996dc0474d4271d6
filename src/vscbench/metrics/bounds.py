"""How likely is the data under the model, at least?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from vscbench.coders import Amortised
from vscbench.metrics.evaluation import CHUNK
from vscbench.objectives.iwae import log_mean_exp

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

DRAWS = 100
GROUPS = (5, 20, 100)
"""K of IWAE_K."""
AT_ONCE = {False: 10, True: 1}
"""Draws of a chunk of patches, and of images, that are decoded at once: they stay below 100 MB."""


@torch.no_grad()
def log_weights(e: Evaluation, coder: Amortised) -> Tensor:
    """log p(x, z)/q(z|x) of 100 draws for each of the first `bound_points` data points: (100, N), nats."""
    rng, once = e.rng("bounds"), AT_ONCE[e.is_images]
    parts = []
    for chunk in e.x[: e.settings["bound_points"]].split(CHUNK[e.is_images]):
        x = e.inputs(chunk)
        parts.append(torch.cat([coder.log_weights(x, e.generator, once, rng) for _ in range(0, DRAWS, once)]))
    variance = coder.objective.kl_weight * math.prod(e.shape) / 2
    return torch.cat(parts, dim=1).double() - math.prod(e.shape) / 2 * math.log(2 * math.pi * variance)


def measure(e: Evaluation) -> Measures:
    """Evidence bounds, nats a data point: `elbo`, the mean of log w, and `iwae_K`, that of log-mean-exp of K weights.

    The likelihood is N(x; x̂, s²I) with s² = kl_weight · P/2, what the weights of the training loss imply: bounds of
    methods trained at different weights are those of different models. Of a learned threshold the bound is on the joint
    model p(x|z) p(z|λ) p(λ), whatever the weight of its divergence in training was. K < 100 draws are disjoint groups
    of the 100. Left out: a MAP solver, a kl_weight of 0, and a prior that looks at x, which bounds nothing.
    """
    coder = e.coder
    if not isinstance(coder, Amortised) or not coder.bounded:
        return {}
    log_w = log_weights(e, coder)
    measures: Measures = {"elbo": float(log_w.mean())}
    for k in GROUPS:
        measures[f"iwae_{k}"] = float(log_mean_exp(log_w.unflatten(0, (k, -1))).mean())
    return measures
