"""Orthogonal matching pursuit: the atoms of a code are chosen one by one, and each time all are fitted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from vscbench.coders.coder import Coder
from vscbench.settings import Density

if TYPE_CHECKING:
    from torch import Tensor, nn

LEAST = 1e-10
"""Of ‖x‖²: a data point whose error is below is not refined."""


@torch.no_grad()
def omp(x: Tensor, atoms: Tensor, count: int) -> Tensor:
    """Codes (B, K) with at most `count` non-zeros, of data (B, P) and atoms (P, K).

    Each step adds the atom of largest |aᵀ(x - Az)|/‖a‖ and solves the least squares of those chosen, by a Cholesky
    factor of their Gram matrix that grows by a row (Rubinstein, Zibulevsky and Elad 2008, "Efficient Implementation of
    the K-SVD Algorithm using Batch Orthogonal Matching Pursuit"). An atom in the span of those chosen adds nothing.

    Example:
        >>> omp(torch.tensor([[3.0, -4.0, 1.0]]), torch.eye(3), 2)
        tensor([[ 3., -4.,  0.]])
    """
    norms = torch.linalg.vector_norm(atoms, dim=0).clamp(min=torch.finfo(atoms.dtype).tiny)
    unit = atoms / norms
    gram, drive = unit.T @ unit, x @ unit
    if not gram.isfinite().all():  # the dictionary diverged: so will the run
        return torch.full_like(drive, torch.nan)
    count = min(count, *atoms.shape)
    size, rows = len(x), torch.arange(len(x), device=x.device)
    chosen = rows.new_zeros(size, count)
    factor = torch.eye(count, dtype=x.dtype, device=x.device).repeat(size, 1, 1)
    codes, left = torch.zeros_like(drive), drive
    free = torch.ones_like(drive, dtype=torch.bool)
    power = x.square().sum(1)
    going = power > 0
    solution = drive.new_zeros(size, 0)
    for step in range(count):
        best = torch.where(free, left.abs(), -1.0).argmax(1)
        corner = torch.ones_like(power)
        if step:
            among = chosen[:, :step]
            overlap = gram[among, best.unsqueeze(1)]  # (B, t)
            row = torch.linalg.solve_triangular(factor[:, :step, :step], overlap.unsqueeze(2), upper=False)[..., 0]
            corner = 1 - row.square().sum(1)
            factor[:, step, :step] = row
        going = going & (corner > LEAST)
        factor[:, step, step] = torch.where(going, corner.clamp(min=LEAST).sqrt(), 1.0)
        chosen[:, step] = best
        free[rows, best] = False
        among = chosen[:, : step + 1]
        wanted = drive.gather(1, among).unsqueeze(2)
        refined = torch.cholesky_solve(wanted, factor[:, : step + 1, : step + 1])[..., 0]
        solution = torch.where(going.unsqueeze(1), refined, F.pad(solution, (0, 1)))
        codes = torch.zeros_like(drive).scatter_(1, among, solution)
        left = drive - codes @ gram
        going = going & (power - (solution * (drive + left).gather(1, among)).sum(1) > LEAST * power)
    found: Tensor = codes / norms
    return found


class Omp(Coder):
    """argmin ‖x - Az‖² over codes with at most k non-zeros, greedily, of a dictionary.

    Pati, Rezaiifar and Krishnaprasad 1993, "Orthogonal Matching Pursuit: Recursive Function Approximation with
    Applications to Wavelet Decomposition".

    Args:
        generator: a dictionary.
        latents: K.
        density: k/K.
    """

    generator: nn.Module

    def __init__(self, generator: nn.Module, latents: int, density: Density = 0.1) -> None:
        super().__init__(generator)
        self.kept = max(1, round(density * latents))

    def encode(self, x: Tensor) -> Tensor:
        """The code of each data point of x (B, P): (B, K)."""
        return omp(x, self.generator.get_parameter("atoms").detach(), self.kept)

    @staticmethod
    def unfit(spec: object, *, linear: bool, **_: object) -> str:  # noqa: ARG004
        """Why a run cannot be coded by it."""
        return "" if linear else "omp needs a dictionary; for a network there is fista"
