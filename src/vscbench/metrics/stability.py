"""Do the supports agree from draw to draw?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


def jaccard(supports: Tensor) -> Tensor:
    """Mean over pairs of draws of |A ∩ B|/|A ∪ B|, for supports (S, N, K) of S draws: (N,).

    Two empty supports agree: 1. The authors plot scipy's `jaccard`, which is the distance 1 - index, over columns
    picked by mistake (spec 3); this is the index over all latents.
    """
    draws = supports.permute(1, 0, 2).float()  # (N, S, K)
    both = draws @ draws.mT  # (N, S, S)
    size = draws.sum(-1)
    either = size[:, :, None] + size[:, None, :] - both
    index = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    count = index.shape[-1]
    return (index.sum((-2, -1)) - index.diagonal(dim1=-2, dim2=-1).sum(-1)) / (count * (count - 1))


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Jaccard index of the supports of 20 single draws (`draw`) and of 20 selected ones, each the best of J (`best`).

    `null` pairs draws of different data points: the agreement that comes from some latents being used more than
    others. A dense code has a support of all latents and an index of 1, which says nothing.
    """
    if not e.coder.stochastic:
        return {}
    x, count = e.inputs(e.x[: e.settings["stability_patches"]]), e.settings["stability_draws"]
    rng = e.rng("stability")
    draws = e.coder.sample(x, e.generator, count, rng) != 0  # (S, N, K)
    best = torch.stack([e.coder.best(x, e.generator, e.settings["samples"], rng) != 0 for _ in range(count)])
    # Roll draw s by s data points: every pair then joins two different ones.
    null = torch.stack([support.roll(shift, 0) for shift, support in enumerate(draws[: len(x)])])
    measures: Measures = {}
    for name, supports in (("draw", draws), ("best", best), ("null", null)):
        index = jaccard(supports)
        measures[f"jaccard_{name}"] = float(index.mean())
        if name != "null":
            measures[f"jaccard_{name}_by_patch"] = index.cpu().numpy().astype(np.float32)
    return measures
