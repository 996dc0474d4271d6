"""How well do the codes reconstruct?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """Mean squared error per pixel and fraction of variance explained, 1 - mse/mean(x²), of three codes.

    `draw` is one posterior sample (J = 1), `mean` the posterior mean, `best` the best of J: an oracle that looks at
    x, and what the authors report.
    """
    power = float(e.x.square().mean())
    measures: Measures = {}
    for name, codes in e.codes.items():
        mse = float((e.generator(codes) - e.x).square().mean())
        measures[f"mse_{name}"] = mse
        measures[f"fve_{name}"] = 1 - mse / power
    return measures
