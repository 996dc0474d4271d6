"""Do the supports agree from draw to draw?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vscbench.metrics.support import null_bits, support_information
from vscbench.settings import Count

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


def jaccard(supports: Tensor) -> Tensor:
    """Mean over pairs of draws of |A ∩ B|/|A ∪ B|, for supports (S, N, K) of S draws: (N,).

    Two empty supports agree: 1. The authors plot scipy's `jaccard`, which is the distance 1 - index, over columns that
    norms of codes, cut to whole numbers, pick by mistake; this is the index over all latents.

    Example:
        >>> jaccard(torch.tensor([[[True, True, False]], [[False, True, False]]]))
        tensor([0.5000])
    """
    draws = supports.permute(1, 0, 2).float()  # (N, S, K)
    both = draws @ draws.mT  # (N, S, S)
    size = draws.sum(-1)
    either = size[:, :, None] + size[:, None, :] - both
    index = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    count = index.shape[-1]
    return (index.sum((-2, -1)) - index.diagonal(dim1=-2, dim2=-1).sum(-1)) / (count * (count - 1))


@torch.no_grad()
def measure(e: Evaluation, *, draws: Annotated[int, Field(ge=2, le=10**9)] = 20, points: Count = 500) -> Measures:
    """Jaccard index |A ∩ B|/|A ∪ B| of the supports of repeated draws for one data point, mean over pairs and data.

    `jaccard_draw` is of single draws, `jaccard_best` of selected ones, each the best of J, and `jaccard_null` of draws
    of different data points: the agreement that comes from some latents being used more than others. A dense code has
    a support of all latents and an index of 1, which says nothing. `support_bits_drawn` are the bits that x says of
    the support by the shares of the draws, less their null, what so many draws show of a support that x says nothing
    of: `support_bits` without asking the posterior for P(z ≠ 0|x). Left out: a coder whose codes are always the same,
    and codes that are all zero, which agree in nothing (`zero_codes` of the sparsity counts them).

    Args:
        e: the coder and the data.
        draws: of each data point.
        points: test points.
    """
    if not e.coder.stochastic:
        return {}
    x, rng = e.inputs(e.x[e.spread(points)]), e.rng("stability")
    single = e.coder.sample(x, draws, rng) != 0  # (S, N, K)
    best = torch.stack([e.coder.best(x, e.samples, rng) != 0 for _ in range(draws)])
    # Roll draw s by s data points: every pair then joins two different ones.
    null = torch.stack([support.roll(shift, 0) for shift, support in enumerate(single[: len(x)])])
    if not single.any():
        return {}
    share = single.double().mean(0)
    chance = float(null_bits(share.mean(0), draws).sum())
    bits = float(support_information(share).bits.sum())
    measures: Measures = {"support_bits_drawn": bits - chance, "support_bits_drawn_null": chance}
    for name, supports in (("draw", single), ("best", best), ("null", null)):
        if not supports.any():
            continue
        index = jaccard(supports)
        measures[f"jaccard_{name}"] = float(index.mean())
        if name != "null":
            measures[f"jaccard_{name}_by_patch"] = index.cpu().numpy().astype(np.float32)
    return measures
