"""The best of J draws: max-ELBO sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vscbench.objectives.rule import Outcome, Rule

if TYPE_CHECKING:
    from torch import Generator, Tensor


class MaxElbo(Rule):
    """min_j (mse_j + kl_weight · kl_j): Fallah and Rozell 2022, section 3.3.

    With a divergence in closed form the draw that counts is the one that reconstructs best.
    """

    one_counts: ClassVar[bool] = True

    def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float | Tensor, rng: Generator | None) -> Outcome:  # noqa: ARG002
        """The loss of errors and divergences (J, B)."""
        best = (mse + kl_weight * kl).argmin(0, keepdim=True)
        mse, kl = mse.gather(0, best)[0], kl.gather(0, best)[0]
        return Outcome(mse + kl_weight * kl, mse, kl, best[0])
