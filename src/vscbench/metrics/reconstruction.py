"""How well do the codes reconstruct?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Mean squared error per pixel, mean_d (x_d - x̂_d)², and fraction of variance explained, 1 - mse/variance.

    Of three codes: `mse_draw` and `fve_draw` of one posterior sample (J = 1), `_mean` of the posterior mean, `_best`
    of the best of J, an oracle that looks at x, and what the authors report (Fallah and Rozell 2022). Of
    a coder without a posterior all three are the one code. The null of the fraction is 0, that of the mean of the data:
    the variance is mean(x²) of vectors, which are z-scored, and that around the mean image of images.
    """
    total = variance(e)
    measures: Measures = {}
    for name, errors in e.point_errors.items():
        mse = float(errors.mean())
        measures[f"mse_{name}"] = mse
        measures[f"fve_{name}"] = 1 - mse / total
    return measures


def variance(e: Evaluation, of: Tensor | None = None) -> float:
    """Mean over pixels of x², of images less that of their mean; of the test data, or of data `of`."""
    squares = total = torch.zeros((), dtype=torch.float64, device=e.device)
    for x in e.chunks(of):
        squares = squares + x.double().square().sum(0)
        total = total + x.double().sum(0)
    count = len(e.x if of is None else of)
    return float((squares / count - (total / count).square() * e.is_images).mean())
