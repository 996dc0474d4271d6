"""Fully connected networks: the encoder of patches, and encoder and generator of small images."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, ClassVar, cast

from torch import Tensor, nn

from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Sequence


class MLP(nn.Module):
    """Linear layers, each followed by a ReLU; the paper's is 256-512-1024-512-256 (section 4.1).

    Args:
        shape: of a data point, with P numbers.
        widths: output sizes of the layers; the last one is the number of features.
    """

    def __init__(self, shape: Sequence[int], widths: tuple[Count, ...] = (256, 256)) -> None:
        super().__init__()
        layers = [(nn.Linear(a, b), nn.ReLU(inplace=True)) for a, b in pairwise((prod(shape), *widths))]
        self.layers = nn.Sequential(*(module for layer in layers for module in layer))
        self.features = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F) of data (B, P) or (B, C, H, W)."""
        return cast("Tensor", self.layers(x.flatten(1)))


class MLPGenerator(nn.Module):
    """Linear layers with ReLUs between them and a sigmoid at the end, for images too small for convolutions.

    Args:
        shape: of an image, (C, H, W).
        latents: K.
        widths: output sizes of the layers before the last.
    """

    linear: ClassVar[bool] = False
    candidates_at_once = 1000

    def __init__(self, shape: Sequence[int], latents: Count = 128, widths: tuple[Count, ...] = (256, 256)) -> None:
        super().__init__()
        self.shape, self.latents = tuple(shape), latents
        hidden = MLP((latents,), widths).layers
        self.layers = nn.Sequential(*hidden, nn.Linear(widths[-1], prod(shape)), nn.Sigmoid())

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (..., K) to images (..., C, H, W) in [0, 1]."""
        return cast("Tensor", self.layers(codes).unflatten(-1, self.shape))
