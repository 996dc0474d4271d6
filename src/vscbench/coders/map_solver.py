"""What all solvers of the lasso share: one code a data point, the maximum a posteriori, and no posterior."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.coder import Coder
from vscbench.objectives.loss import Loss, squared_error
from vscbench.ramps import Ramp
from vscbench.settings import Positive


class Solution(NamedTuple):
    """What a solver found."""

    codes: Tensor
    """(B, K)."""
    iterations: Tensor
    """(B,) iterations until each code had converged, or the limit."""

    @classmethod
    def of_no_dictionary(cls, x: Tensor, latents: int) -> Solution:
        """No codes of data (B, P), under a dictionary that diverged: the run then ends as diverged."""
        return cls(x.new_full((len(x), latents), torch.nan), torch.zeros(len(x), device=x.device))


class MapSolver(Coder):
    """Codes z = argmin ½‖x - G(z)‖² + λ‖z‖₁; the generator learns from them as if they were given.

    Args:
        generator: G.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
    """

    generator: nn.Module

    def __init__(self, generator: nn.Module, penalty: Positive = 20.0, penalty_warmup: Ramp = Ramp(1.0, 1.0)) -> None:
        super().__init__(generator)
        self.penalty, self.penalty_warmup = penalty, penalty_warmup
        self.multiplier = penalty_warmup.final

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """The solution of each data point of x (B, P...): (B, K)."""

    def loss(self, x: Tensor, rng: Generator | None) -> Loss:  # noqa: ARG002
        """The squared error of the solution, with a graph to the generator."""
        codes = self.encode(x).unsqueeze(0)
        mse = squared_error(x, self.decode(codes))[0]
        return Loss(mse, mse, torch.zeros_like(mse), codes)

    def set_step(self, step: float, steps: int) -> None:
        """Set the multiplier of λ to its value at `step` of `steps`."""
        self.multiplier = self.penalty_warmup(step, steps)
