"""How low is the lasso objective, and how much of it is lost by amortised inference?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.fista import fista
from vscbench.objectives.lasso import lasso_objective

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """½‖x - Az‖² + λ‖z‖₁, mean over data, for each λ of the settings, of three codes and of FISTA's.

    `best` is the published "validation loss" (λ = 20). `fista` are the optimal codes on the same dictionary;
    `gap` = best - fista is what the encoder loses against them. No variational method is trained on this objective,
    and the all-zero code, which scores ½‖x‖², beats most of them: see the reference rows of the table.
    """
    measures: Measures = {}
    for penalty in e.settings["penalties"]:
        for name, codes in e.codes.items():
            objective = lasso_objective(e.x, e.generator(codes), codes, penalty)
            measures[f"lasso{penalty:g}_{name}"] = float(objective.mean())
        codes = fista(e.x, e.generator.atoms, penalty).codes
        optimum = float(lasso_objective(e.x, e.generator(codes), codes, penalty).mean())
        measures[f"lasso{penalty:g}_fista"] = optimum
        measures[f"lasso{penalty:g}_gap"] = float(measures[f"lasso{penalty:g}_best"]) - optimum
    return measures
