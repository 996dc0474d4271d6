"""An encoder that is linear plus a network: what is linear in the data need not be learned by a network."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vscbench.networks.mlp import MLP
from vscbench.settings import Count

if TYPE_CHECKING:
    from collections.abc import Sequence


class LinearPlus(nn.Module):
    """Features (x, h(x)) with an MLP h: a linear head on them is linear in the data, plus what the network adds.

    Correlations with atoms, Aᵀx, are what sparse codes begin with; an MLP alone learns them slowly.

    Args:
        shape: of a data point, with P numbers.
        widths: output sizes of the network's layers; none of them leaves the encoder linear.

    Example:
        >>> encoder = LinearPlus((16,), (32, 8))
        >>> encoder(torch.zeros(5, 16)).shape, encoder.features, LinearPlus((16,), ()).features
        (torch.Size([5, 24]), 24, 16)
    """

    def __init__(self, shape: Sequence[int], widths: tuple[Count, ...] = (256, 256)) -> None:
        super().__init__()
        self.network = MLP(shape, widths) if widths else None
        self.linear_features = prod(shape)
        self.features = self.linear_features + (widths[-1] if widths else 0)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F) of data (B, P) or (B, C, H, W)."""
        x = x.flatten(1)
        return x if self.network is None else torch.cat([x, self.network(x)], dim=1)
