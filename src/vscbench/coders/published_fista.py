"""FISTA as the authors of the paper run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from vscbench.coders.map_solver import Solution

if TYPE_CHECKING:
    from torch import Tensor


LOOK_EVERY = 10
"""Iterations between two looks at whether one of them was the last: each look waits for the device."""


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
    step = 1 / float(torch.linalg.eigvalsh(gram)[-1].clamp(min=torch.finfo(gram.dtype).tiny))
    rest, drive = torch.eye(len(gram), dtype=x.dtype, device=x.device) - step * gram, step * correlation
    iterations = torch.full((len(x),), max_iterations, device=x.device)
    momentum, recent = 1.0, []
    for iteration in range(1, max_iterations + 1):
        new = F.softshrink(torch.addmm(drive, look_ahead, rest), penalty * step)
        grown = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        change = new - codes
        recent.append((change.norm() <= tolerance * codes.norm(), new))
        look_ahead = torch.add(new, change, alpha=(momentum - 1) / grown)
        codes, momentum = new, grown
        if len(recent) < LOOK_EVERY and iteration < max_iterations:
            continue
        done = torch.stack([each for each, _ in recent]).tolist()
        if any(done):  # the first counts, whenever it is seen
            first = done.index(True)
            return Solution(recent[first][1], iterations.fill_(iteration - len(recent) + 1 + first))
        recent = []
    return Solution(codes, iterations)
