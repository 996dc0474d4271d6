"""Do the codes of a solver minimise its objective?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.duality import relative_gap
from vscbench.coders.map_solver import MapSolver
from vscbench.settings import Positive

if TYPE_CHECKING:
    from vscbench.metrics.evaluation import Evaluation, Measures


@torch.no_grad()
def measure(e: Evaluation, *, gap: Positive = 1e-2) -> Measures:
    """Duality gap of the codes, a share of ½‖x - Az‖² + λ‖z‖₁ at the coder's own λ: they are no further from optimal.

    `duality_gap` is the mean over data points, `duality_gap_largest` the largest, and `optimal_codes` the percentage
    within `gap`: below 100, a solver stopped before its codes were optimal, and says so. Of the solvers of the lasso,
    and of networks that imitate them, with a linear generator. Optimal codes have a gap of 0.

    Args:
        e: the coder and the data.
        gap: at which a code is called optimal.
    """
    coder = e.coder
    if not isinstance(coder, MapSolver) or coder.atoms is None:
        return {}
    penalty = coder.multiplier * coder.penalty
    found = relative_gap(e.inputs(e.x), coder.atoms, e.mean, penalty)
    return {
        "duality_gap": float(found.mean()),
        "duality_gap_largest": float(found.max()),
        "optimal_codes": 100 * float((found <= gap).double().mean()),
    }
