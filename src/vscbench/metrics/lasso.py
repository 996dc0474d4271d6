"""How low is the lasso objective, and how much of it is lost by amortised inference?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.fista import fista

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.metrics.evaluation import Evaluation, Measures

GAP = 1e-3
"""Duality gap of the codes called optimal, as a share of their objective."""


@torch.no_grad()
def measure(e: Evaluation) -> Measures:
    """½‖x - Az‖² + λ‖z‖₁, mean over data, for each λ of the settings, of three codes and of FISTA's.

    `lasso20_best` is the published "validation loss" (Fallah and Rozell 2022, table 1). `lasso20_fista` is that of
    FISTA's codes on the same dictionary (Beck and Teboulle 2009), within a duality gap of 0.1 %; `lasso20_gap` = best -
    fista is what the encoder loses against them, the null of which is 0. No variational method is trained on this
    objective, and the all-zero code, which scores ½‖x‖², beats most of them: see `baselines`. Left out where the
    generator is not linear.
    """
    if e.coder.atoms is None:
        return {}
    measures: Measures = {}
    for penalty in e.penalties:
        scores = {name: objective(e, e.point_errors[name], codes, penalty) for name, codes in e.codes.items()}
        optimal = fista(e.inputs(e.x), e.coder.atoms, penalty, gap=GAP).codes
        scores["fista"] = objective(e, e.errors(optimal), optimal, penalty)
        scores["gap"] = scores["best"] - scores["fista"]
        measures |= {f"lasso{penalty:g}_{name}": score for name, score in scores.items()}
    return measures


def objective(e: Evaluation, errors: Tensor, codes: Tensor, penalty: float) -> float:
    """½‖x - Az‖² + λ‖z‖₁ of codes (N, K) with the errors (N,) of each data point, mean over the test data."""
    squares = errors * e.x.shape[1]
    return float((0.5 * squares + penalty * codes.abs().sum(1)).mean())
