"""Standard noise with the precision and device of another tensor.

On a CPU it is made of the bits of NumPy's SFC64, whose seed is drawn from torch's generator at each call: torch draws
one number at a time and takes three times as long for a Laplacian, a fifth of a training step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

FEW = 10_000
"""Draws of which a new seed would take the longer part."""


def between(low: float, high: float, shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(low, high), neither end included: `shape`.

    Many on a CPU have 32 bits (in single precision) or 64 (in double); torch's own have 24 or 53.
    """
    centre, reach = (low + high) / 2, (high - low) / 2 * (1 - torch.finfo(like.dtype).eps)
    wide, count = like.dtype == torch.float64, math.prod(shape)
    if count < FEW or like.device.type != "cpu" or like.dtype not in (torch.float32, torch.float64):
        return like.new_empty(shape).uniform_(centre - reach, centre + reach, generator=rng)
    seed = int(torch.empty((), dtype=torch.int64).random_(generator=rng))
    words = np.random.SFC64(seed).random_raw(count if wide else (count + 1) // 2)
    whole = torch.from_numpy(words.view(np.int64 if wide else np.int32)[:count]).to(like.dtype)
    # From the least to the greatest whole number, to centre ± reach, in one pass.
    return torch.add(like.new_tensor(centre), whole, alpha=reach * 2.0 ** (-63 if wide else -31), out=whole).view(shape)


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), neither end included: `shape`."""
    return between(0, 1, shape, like, rng)


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1), √2 erf⁻¹(u) of u ~ U(-1, 1), or on a GPU by torch, in one kernel: `shape`."""
    if like.device.type != "cpu":
        return like.new_empty(shape).normal_(generator=rng)
    return between(-1, 1, shape, like, rng).erfinv_().mul_(math.sqrt(2))


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), -sign(u) log |u| of u ~ U(-1, 1): `shape`."""
    u = between(-1, 1, shape, like, rng)
    return torch.copysign(u.abs().clamp_(min=2.0**-32).log_(), u, out=u)
