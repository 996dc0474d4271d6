"""The linear generator: a dictionary of atoms."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Sequence


class Dictionary(nn.Module):
    """x̂ = A z with A ∈ R^{P×K}, columns drawn from N(0, 1) and scaled to unit length at the start (paper, section 4.1).

    Args:
        shape: of a data point, with P numbers.
        latents: K, the number of atoms.

    Example:
        >>> Dictionary((256,), 128)(torch.zeros(20, 5, 128)).shape
        torch.Size([20, 5, 256])
    """

    linear: ClassVar[bool] = True
    candidates_at_once = 5
    """Codes of one data point that are decoded together when the best is looked for: a few stay in the cache."""

    def __init__(self, shape: Sequence[int], latents: Count = 128) -> None:
        super().__init__()
        atoms = torch.randn(prod(shape), latents)
        self.atoms = nn.Parameter(F.normalize(atoms, dim=0))  # (P, K)

    @property
    def latents(self) -> int:
        """K, the number of atoms."""
        return self.atoms.shape[1]

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (..., K) to data (..., P)."""
        return F.linear(codes, self.atoms)
