"""What the authors' code calls importance weighting, which is no bound (spec 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.objectives.loss import Loss

if TYPE_CHECKING:
    from torch import Tensor


def published_iwae(mse: Tensor, kl: Tensor, kl_weight: float, codes: Tensor) -> Loss:
    """Σ_j softmax_j(-loss_j) · loss_j with loss_j = mse_j + kl_weight · kl_j, of mse and kl (J, B).

    The weights carry a gradient. With the mean over pixels they are close to 1/J: losses differ by little beside 1.
    """
    loss = mse + kl_weight * kl
    weight = (-loss).softmax(0)
    return Loss((weight * loss).sum(0), (weight * mse).sum(0), (weight * kl).sum(0), codes)
