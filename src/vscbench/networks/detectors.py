"""Latents that begin as detectors of a direction, where an encoder passes the data on."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def set_detectors(head: nn.Linear, rows: Tensor, directions: Tensor, encoder: nn.Module) -> None:
    """Let `rows` (N,) of a head give dᵀx of `directions` d (N, P), if its encoder passes the data on; else nothing.

    Example:
        >>> from vscbench.networks.linear_plus import LinearPlus
        >>> encoder = LinearPlus((2,), (3,))
        >>> head = nn.Linear(encoder.features, 4)
        >>> set_detectors(head, torch.tensor([1]), torch.tensor([[0.6, 0.8]]), encoder)
        >>> head(encoder(torch.tensor([[1.0, 1.0]])))[0, 1].item()
        1.4...
    """
    pixels = getattr(encoder, "linear_features", 0)
    if pixels:
        weight = directions.new_zeros(len(rows), head.in_features)
        weight[:, :pixels] = directions
        head.weight[rows] = weight
        if head.bias is not None:
            head.bias[rows] = 0.0
