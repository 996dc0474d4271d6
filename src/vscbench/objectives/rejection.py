"""Variational rejection sampling (Grover et al., 2018) as the authors have it, with the rate of each step's draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.objectives.rule import Outcome, Rule

if TYPE_CHECKING:
    from torch import Generator, Tensor

QUANTILE = 0.9
"""Of the losses of a data point's draws: r(x)."""


def accepted(loss: Tensor, rng: Generator | None) -> Tensor:
    """Which draws count, for losses (J, B) without a graph: 1 with probability 1/(1 + exp(loss_j - r(x))), else 0.

    Where none is accepted the most likely draw counts.
    """
    rate = loss.quantile(QUANTILE, dim=0)
    chosen = torch.empty_like(loss).uniform_(generator=rng) < torch.sigmoid(rate - loss)
    likeliest = torch.zeros_like(chosen).scatter_(0, loss.argmin(0, keepdim=True), value=True)
    return torch.where(chosen.any(0), chosen, likeliest).to(loss.dtype)


class Rejection(Rule):
    """The mean loss of the draws that are accepted.

    The authors estimate r(x) from 100 draws of each training point every 20 epochs, accept all points of a batch by
    one random number, and weigh an accepted draw by 1/J. Here r(x) is that of the step's own J draws, so that nothing
    must be kept; every draw has a random number of its own, and the mean is over those accepted. Losses are in the
    authors' units, a mean over pixels: they differ by little beside 1, and about half of the draws are accepted.
    """

    def __call__(self, mse: Tensor, kl: Tensor, kl_weight: float | Tensor, rng: Generator | None) -> Outcome:
        """The loss of errors and divergences (J, B)."""
        loss = mse + kl_weight * kl
        chosen = accepted(loss.detach(), rng)
        weight = chosen / chosen.sum(0)
        return Outcome((weight * loss).sum(0), (weight * mse).sum(0), (weight * kl).sum(0))
