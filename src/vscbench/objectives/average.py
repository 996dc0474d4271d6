"""The mean over J draws: the usual evidence bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.objectives.rule import Outcome, Rule

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Average(Rule):
    """mean_j (mse_j + kl_weight · kl_j): Kingma and Welling 2014, arXiv 1312.6114, equation 7."""

    def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float | Tensor, rng: Generator | None) -> Outcome:  # noqa: ARG002
        """The loss of errors and divergences (J, B)."""
        mse, kl = mse.mean(0), kl.mean(0)
        return Outcome(mse + kl_weight * kl, mse, kl)
