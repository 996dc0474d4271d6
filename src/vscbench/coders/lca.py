"""The locally competitive algorithm: leaky units that inhibit each other settle at the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from vscbench.coders.map_solver import MapSolver
from vscbench.ramps import Ramp
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from torch import Tensor, nn

Threshold = Literal["soft", "hard"]


@torch.no_grad()
def lca(
    x: Tensor, atoms: Tensor, penalty: float, threshold: Threshold = "soft", iterations: int = 900, step: float = 0.01
) -> Tensor:
    """The codes z = T_λ(u), (B, K), of data (B, P) and atoms (P, K) after so many steps from u = 0.

    A step is u ← u + η (Aᵀx - u - (AᵀA - I) z). At rest u - T(u) = Aᵀ(x - Az): with the soft threshold the condition
    of the lasso's optimum. η is made smaller where AᵀA has an eigenvalue above 1/η, where the steps would not settle.

    Example:
        >>> lca(torch.tensor([[3.0, 0.5]]), torch.eye(2), 1.0, iterations=2000)
        tensor([[2.0000, 0.0000]])
        >>> lca(torch.tensor([[3.0, 0.5]]), torch.eye(2), 1.0, "hard", iterations=2000)
        tensor([[3.0000, 0.0000]])
    """
    gram, drive = atoms.T @ atoms, x @ atoms
    if not gram.isfinite().all():  # the dictionary diverged: so will the run
        return torch.full_like(drive, torch.nan)
    step = min(step, 1 / float(torch.linalg.eigvalsh(gram)[-1]))
    drive = drive * step
    state = torch.zeros_like(drive)
    for _ in range(iterations):
        codes = active(state, penalty, threshold)
        # u + η (b - u - Ga + a), with one product.
        state = torch.addmm(drive, codes, gram, alpha=-step).add_(state, alpha=1 - step).add_(codes, alpha=step)
    return active(state, penalty, threshold)


def active(state: Tensor, penalty: float, threshold: Threshold) -> Tensor:
    """T_λ(u): what exceeds λ, less λ if the threshold is soft; shape of u."""
    if threshold == "soft":
        return state - state.clamp(-penalty, penalty)
    return torch.where(state.abs() > penalty, state, 0.0)


class Lca(MapSolver):
    """Codes of the dynamics τ du/dt = Aᵀx - u - (AᵀA - I) z, z = T_λ(u), of a dictionary of unit atoms.

    Rozell, Johnson, Baraniuk and Olshausen 2008, "Sparse Coding via Thresholding and Local Competition in Neural
    Circuits", Neural Computation 20. The soft threshold solves the lasso, the hard one finds a local
    optimum of ½‖x - Az‖² + ½λ²‖z‖₀.

    Args:
        generator: a dictionary.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
        threshold: `soft` or `hard`.
        iterations: steps of the dynamics.
        step: dt/τ.
    """

    def __init__(
        self,
        generator: nn.Module,
        penalty: Positive = 1.0,
        penalty_warmup: Ramp = Ramp(1.0, 1.0),
        threshold: Threshold = "soft",
        iterations: Count = 900,
        step: Positive = 0.01,
    ) -> None:
        super().__init__(generator, penalty, penalty_warmup)
        self.threshold, self.iterations, self.rate = threshold, iterations, step

    def encode(self, x: Tensor) -> Tensor:
        """T_λ(u) of each data point of x (B, P) when the time is over: (B, K)."""
        atoms, penalty = self.generator.get_parameter("atoms").detach(), self.multiplier * self.penalty
        return lca(x, atoms, penalty, self.threshold, self.iterations, self.rate)

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot be coded by it."""
        return "" if linear else "lca needs a dictionary; for a network there is fista"
