"""The linear generator: a dictionary of atoms."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn


class Dictionary(nn.Module):
    """x̂ = A z with A ∈ R^{P×K}, columns drawn from N(0, 1) and scaled to unit length at the start (spec 2.1).

    Args:
        pixels: P, the size of a data vector.
        latents: K, the number of atoms.
        rng: source of the initial atoms.
    """

    def __init__(self, pixels: int, latents: int, rng: Generator) -> None:
        super().__init__()
        atoms = torch.randn(pixels, latents, generator=rng)
        self.atoms = nn.Parameter(F.normalize(atoms, dim=0))  # (P, K)

    @property
    def latents(self) -> int:
        """K, the number of atoms."""
        return self.atoms.shape[1]

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (..., K) to data (..., P)."""
        return F.linear(codes, self.atoms)
