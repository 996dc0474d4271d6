"""Networks from data to the features that the heads of a posterior read."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class MLP(nn.Module):
    """Linear layers, each followed by a ReLU; the paper's is 256-512-1024-512-256 (spec 2.1).

    Args:
        pixels: P, the size of a data vector.
        widths: output sizes of the layers; the last one is the number of features.
    """

    def __init__(self, pixels: int, widths: Sequence[int]) -> None:
        super().__init__()
        layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise((pixels, *widths))]
        self.layers = nn.Sequential(*(module for layer in layers for module in layer))
        self.features = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F) of data (B, P)."""
        return cast("Tensor", self.layers(x))
