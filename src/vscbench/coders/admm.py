"""Maximum a-posteriori codes by the alternating direction method of multipliers (Boyd et al., 2011, section 6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.map_solver import MapSolver, Solution
from vscbench.ramps import Ramp
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from torch import Tensor, nn

CHECK_EVERY = 5
"""Iterations between two looks at convergence: a look costs about one iteration."""
RELAXATION = 1.6
"""Of the dense codes, between 1.5 and 1.8 (Boyd et al., 3.4.3)."""


def ridge_inverse(atoms: Tensor, rho: float) -> Tensor:
    """(AᵀA + ρI)⁻¹ for atoms (P, K): (K, K), from one Cholesky factor of the smaller of AᵀA + ρI and AAᵀ + ρI."""
    pixels, latents = atoms.shape
    identity = torch.eye(min(pixels, latents), dtype=atoms.dtype, device=atoms.device)
    if latents <= pixels:
        inverse: Tensor = torch.cholesky_inverse(torch.linalg.cholesky(atoms.T @ atoms + rho * identity))
        return inverse
    # The matrix inversion lemma: (I - Aᵀ(AAᵀ + ρI)⁻¹A)/ρ.
    factor = torch.linalg.cholesky(atoms @ atoms.T + rho * identity)
    half = torch.linalg.solve_triangular(factor, atoms, upper=False)  # (P, K)
    lemma: Tensor = torch.eye(latents, dtype=atoms.dtype, device=atoms.device) - half.T @ half
    return lemma / rho


@torch.no_grad()
def admm(
    x: Tensor, atoms: Tensor, penalty: float, rho: float = 10.0, max_iterations: int = 500, tolerance: float = 1e-3
) -> Solution:
    """Minimise ½‖x - A w‖² + λ‖z‖₁ over w = z, for data (B, P) and atoms (P, K); z, with its exact zeros, is returned.

    With the scaled multiplier u: w ← (AᵀA + ρI)⁻¹(Aᵀx + ρ(z - u)), w relaxed towards z, z ← soft(w + u, λ/ρ),
    u ← u + w - z. Each data point stops by itself, when primal and dual residuals are small at a look,
    ‖w - z‖ ≤ tolerance · max(‖w‖, ‖z‖) and ρ‖z - z_old‖ ≤ tolerance · ρ‖u‖, and leaves the batch.
    """
    correlation = x @ atoms  # (B, K)
    if not atoms.isfinite().all():
        return Solution.of_no_dictionary(x, atoms.shape[1])
    inverse = ridge_inverse(atoms, rho)
    ridge, inverse, shrink = correlation @ inverse, rho * inverse, penalty / rho

    solution = torch.zeros_like(correlation)
    iterations = torch.zeros(len(x), device=x.device)
    # Zero solves a data point with |Aᵀx| ≤ λ everywhere, exactly; relative residuals would never see that.
    rows = (correlation.abs() > penalty).any(-1).nonzero().squeeze(-1)
    iterations[rows] = max_iterations
    ridge = ridge[rows]
    codes = multiplier = torch.zeros_like(ridge)
    for iteration in range(1, max_iterations + 1):
        if not len(rows):
            break
        dense = ((codes - multiplier) @ inverse).add_(ridge)  # the inverse is symmetric
        moved = torch.lerp(codes, dense, RELAXATION).add_(multiplier)
        multiplier = moved.clamp(-shrink, shrink)  # u + w - z: what the shrinkage takes away
        new = moved - multiplier
        change = new - codes
        codes = new
        if iteration % CHECK_EVERY and iteration < max_iterations:
            continue
        norm = torch.linalg.vector_norm
        size = torch.maximum(norm(dense, dim=-1), norm(codes, dim=-1))
        done = norm(dense - codes, dim=-1) <= tolerance * size
        done &= norm(change, dim=-1) <= tolerance * norm(multiplier, dim=-1)
        # Repacking the batch costs as much as an iteration: wait until enough of it has converged.
        if iteration < max_iterations and done.sum() * 8 < len(done):
            continue
        solution[rows] = codes
        iterations[rows[done]] = iteration
        keep = ~done
        rows, ridge, codes, multiplier = rows[keep], ridge[keep], codes[keep], multiplier[keep]
    return Solution(solution, iterations)


class Admm(MapSolver):
    """Codes z = argmin ½‖x - A z‖² + λ‖z‖₁ of a dictionary by ADMM (Boyd et al. 2011, section 6.4).

    Args:
        generator: a dictionary.
        penalty: λ.
        penalty_warmup: multiplier of λ while training starts.
        rho: ρ, weight of the constraint; of the curvature of ½‖x - A z‖², that is of the squared length of the atoms.
        max_iterations: limit for one data point.
        tolerance: relative residual at which a data point has converged.
    """

    def __init__(
        self,
        generator: nn.Module,
        penalty: Positive = 20.0,
        penalty_warmup: Ramp = Ramp(1.0, 1.0),
        rho: Positive = 10.0,
        max_iterations: Count = 500,
        tolerance: Positive = 1e-3,
    ) -> None:
        super().__init__(generator, penalty, penalty_warmup)
        self.rho, self.max_iterations, self.tolerance = rho, max_iterations, tolerance

    def encode(self, x: Tensor) -> Tensor:
        """The solution of each data point of x (B, P): (B, K)."""
        atoms = self.generator.get_parameter("atoms").detach()
        penalty = self.multiplier * self.penalty
        return admm(x, atoms, penalty, self.rho, self.max_iterations, self.tolerance).codes

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot be coded by it."""
        return "" if linear else "admm needs a dictionary; for a network there is fista"
