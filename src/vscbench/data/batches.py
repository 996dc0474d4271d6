"""Batches as the networks read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor

BYTE = 255


def inputs(x: Tensor, device: torch.device) -> Tensor:
    """Data (B, P) as they are, images (B, C, H, W) of bytes as numbers in [0, 1] with the channels last in memory."""
    if x.dtype != torch.uint8:
        return x.to(device)
    return x.to(device).contiguous(memory_format=torch.channels_last).to(torch.get_default_dtype()).div_(BYTE)


def flipped(x: Tensor, rng: Generator) -> Tensor:
    """Images (B, C, H, W), each mirrored left to right with probability ½."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) < 0.5  # noqa: PLR2004
    return torch.where(mirrored, x.flip(-1), x)
