"""The lasso objective, what a MAP solver minimises and the authors validate by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def lasso_objective(x: Tensor, reconstruction: Tensor, codes: Tensor, penalty: float) -> Tensor:
    """½‖x - x̂‖² + λ‖z‖₁ of data and reconstructions (..., P) and codes (..., K): (...)."""
    return 0.5 * (x - reconstruction).square().sum(-1) + penalty * codes.abs().sum(-1)
