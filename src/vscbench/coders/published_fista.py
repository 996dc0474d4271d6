"""FISTA as the authors of the paper run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vscbench.coders.map_solver import Solution

if TYPE_CHECKING:
    from torch import Tensor


@torch.no_grad()
def published_fista(
    x: Tensor, atoms: Tensor, penalty: float, max_iterations: int = 500, tolerance: float = 1e-3
) -> Solution:
    """Minimise ½‖x - A z‖² + λ‖z‖₁ over z for data (B, P) and atoms (P, K), from z = Aᵀx, until Z hardly changes.

    The whole batch Z (B, K) stops when ‖Z - Z_old‖_F ≤ tolerance · ‖Z_old‖_F, so that a code depends on the others of
    its batch. Beck and Teboulle 2009, "A Fast Iterative Shrinkage-Thresholding Algorithm", with a constant step.

    Example:
        >>> published_fista(torch.tensor([[3.0, 0.5]]), torch.eye(2), 1.0).codes
        tensor([[2., 0.]])
    """
    gram = atoms.T @ atoms  # (K, K)
    codes = look_ahead = correlation = x @ atoms  # (B, K)
    if not gram.isfinite().all():
        return Solution.of_no_dictionary(x, atoms.shape[1])
    step = 1 / torch.linalg.eigvalsh(gram)[-1].clamp(min=torch.finfo(gram.dtype).tiny)
    momentum, shrink, iterations = 1.0, penalty * step, 0
    for iterations in range(1, max_iterations + 1):  # noqa: B007  (its last value is told)
        target = look_ahead - step * (look_ahead @ gram - correlation)
        new = target - target.clamp(-shrink, shrink)
        grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        change = new - codes
        done = change.norm() <= tolerance * codes.norm()
        look_ahead = new + (momentum - 1) / grown * change
        codes, momentum = new, grown
        if done:
            break
    return Solution(codes, torch.full((len(x),), iterations, device=x.device))
