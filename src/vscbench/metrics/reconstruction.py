"""How well do the codes reconstruct?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Mean squared error per pixel and fraction of variance explained, 1 - mse/variance, of three codes.

    The variance is mean(x²) for z-scored patches, and that around the mean image for images. `draw` is one posterior
    sample (J = 1), `mean` the posterior mean, `best` the best of J: an oracle that looks at x, and what the authors
    report.
    """
    total = variance(e)
    measures: Measures = {}
    for name, codes in e.codes.items():
        mse = float(e.errors(codes).mean())
        measures[f"mse_{name}"] = mse
        measures[f"fve_{name}"] = 1 - mse / total
    return measures


def variance(e: Evaluation) -> float:
    """Mean over pixels of x², of images less that of their mean."""
    squares = total = torch.zeros((), dtype=torch.float64, device=e.device)
    for x in e.chunks():
        squares = squares + x.double().square().sum(0)
        total = total + x.double().sum(0)
    count = len(e.x)
    return float((squares / count - (total / count).square() * e.is_images).mean())
