"""What all solvers of the lasso share: one code a data point, the maximum a posteriori, and no posterior."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Generator, Tensor, nn

from vscbench.coders.base import Coder
from vscbench.objectives.loss import Loss, squared_error
from vscbench.ramps import Ramp


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
    """Codes that minimise ½‖x - G(z)‖² + λ‖z‖₁; the generator learns from them as if they were given (spec 1.5).

    Args:
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
    """

    stochastic: ClassVar[bool] = False

    def __init__(self, penalty: float = 20.0, penalty_warmup: Ramp = Ramp(1, 1)) -> None:
        super().__init__()
        self.penalty, self.penalty_warmup = penalty, penalty_warmup
        self.multiplier = penalty_warmup.final

    @abstractmethod
    def solve(self, x: Tensor, generator: nn.Module) -> Tensor:
        """The codes (B, K) of data (B, P...)."""

    def loss(self, x: Tensor, generator: nn.Module, rng: Generator | None) -> Loss:  # noqa: ARG002
        """The squared error of the solution, with a graph to the generator."""
        codes = self.solve(x, generator).unsqueeze(0)
        mse = squared_error(x, generator(codes))[0]
        return Loss(mse, mse, torch.zeros_like(mse), codes)

    @torch.no_grad()
    def sample(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """The solution, `samples` times: (S, B, K)."""
        return self.mean(x, generator).expand(samples, -1, -1)

    @torch.no_grad()
    def best(self, x: Tensor, generator: nn.Module, samples: int, rng: Generator | None) -> Tensor:  # noqa: ARG002
        """The solution: (B, K)."""
        return self.mean(x, generator)

    @torch.no_grad()
    def mean(self, x: Tensor, generator: nn.Module) -> Tensor:
        """The solution: (B, K)."""
        return self.solve(x, generator)

    def kl(self, x: Tensor) -> None:
        """None: a MAP solver has no posterior."""

    def prior(self, count: int, latents: int, rng: Generator | None) -> None:
        """None: the prior of a lasso code is never exactly zero and no MAP solution looks like a draw from it."""

    def at(self, step: float, steps: int) -> None:
        """Set the multiplier of λ to its value at `step` of `steps`."""
        self.multiplier = self.penalty_warmup(step, steps)
