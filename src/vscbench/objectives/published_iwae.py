"""What the authors' code calls importance weighting, which is no bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.objectives.rule import Outcome, Rule

if TYPE_CHECKING:
    from torch import Generator, Tensor


class PublishedIwae(Rule):
    """Σ_j softmax_j(-loss_j) · loss_j with loss_j = mse_j + kl_weight · kl_j.

    The weights carry a gradient. With the mean over pixels they are close to 1/J: losses differ by little beside 1.
    """

    def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float | Tensor, rng: Generator | None) -> Outcome:  # noqa: ARG002
        """The loss of errors and divergences (J, B)."""
        loss = mse + kl_weight * kl
        weight = (-loss).softmax(0)
        return Outcome((weight * loss).sum(0), (weight * mse).sum(0), (weight * kl).sum(0))
