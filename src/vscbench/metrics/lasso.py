"""How low is the lasso objective, and how much of it is lost by amortised inference?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vscbench.coders.fista import fista
from vscbench.networks import Dictionary

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """½‖x - Az‖² + λ‖z‖₁, mean over data, for each λ of the settings, of three codes and of FISTA's.

    `best` is the published "validation loss" (λ = 20). `fista` are the optimal codes on the same dictionary;
    `gap` = best - fista is what the encoder loses against them. No variational method is trained on this objective,
    and the all-zero code, which scores ½‖x‖², beats most of them: see the reference rows of the table. Of a linear
    generator alone.
    """
    if not isinstance(e.generator, Dictionary):
        return {}
    measures: Measures = {}
    for penalty in e.settings["penalties"]:
        for name, codes in e.codes.items():
            measures[f"lasso{penalty:g}_{name}"] = objective(e, codes, penalty)
        optimum = objective(e, fista(e.inputs(e.x), e.generator.atoms, penalty).codes, penalty)
        measures[f"lasso{penalty:g}_fista"] = optimum
        measures[f"lasso{penalty:g}_gap"] = float(measures[f"lasso{penalty:g}_best"]) - optimum
    return measures


def objective(e: Evaluation, codes: Tensor, penalty: float) -> float:
    """½‖x - Az‖² + λ‖z‖₁ of codes (N, K), mean over the test data."""
    squares = e.errors(codes) * e.x.shape[1]
    return float((0.5 * squares + penalty * codes.abs().sum(1)).mean())
