"""Standard noise. Uniform draws on a CPU are those of a generator that takes half the time of torch's.

It is seeded at each call from torch's own, whose state is all that a checkpoint keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

SMALLEST = 2.0**-32
"""Where a uniform draw of 0, which has no logarithm, is put: half of the least other one."""
FEW = 10_000
"""Draws of which seeding would take the longer part."""


def signed_uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(-1, 1), both ends included: `shape`, with precision and device of `like`."""
    count, wide = math.prod(shape), like.dtype == torch.float64
    if like.device.type != "cpu" or count < FEW:
        return like.new_empty(shape).uniform_(-1, 1, generator=rng)
    seed = torch.empty((), dtype=torch.int64).random_(generator=rng)
    words = np.random.Generator(np.random.SFC64(int(seed))).integers(
        -(2**63), 2**63 - 1, size=count if wide else -(-count // 2), dtype=np.int64, endpoint=True
    )
    steps = torch.from_numpy(words) if wide else torch.from_numpy(words).view(torch.int32)[:count]
    return steps.to(like.dtype).mul_(2.0**-63 if wide else 2.0**-31).view(*shape)


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), both ends included: `shape`, with precision and device of `like`."""
    return signed_uniform(shape, like, rng).abs_()


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1): `shape`, with precision and device of `like`."""
    return like.new_empty(shape).normal_(generator=rng)


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), -sign(u) log |u| of a signed u: `shape`, with precision and device of `like`."""
    u = signed_uniform(shape, like, rng)
    return u.abs().clamp_(min=SMALLEST).log_().copysign_(u)
