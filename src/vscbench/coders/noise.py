"""Standard noise. On a CPU all of it is made of uniform draws by a generator that takes half the time of torch's.

It is seeded at each call from torch's own, whose state is all that a checkpoint keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Generator, Tensor

SMALLEST = 2.0**-32
"""Where a signed draw of 0, which has no logarithm, is put: half of the least other one."""
FEW = 10_000
"""Draws of which seeding would take the longer part."""


def numbers_of(words: NDArray[np.int64], dtype: torch.dtype, centre: float, reach: float) -> Tensor:
    """Numbers in centre ± reach from words of 64 random bits: one of a word in double precision, two in single.

    They take the memory of the words (N,), which are lost: one of their own would cost a fifth more time.
    """
    whole = torch.from_numpy(words).view(torch.int64 if dtype == torch.float64 else torch.int32)
    numbers = whole.view(dtype)
    step = reach / 2.0 ** (torch.iinfo(whole.dtype).bits - 1)
    return torch.add(torch.tensor(centre, dtype=dtype), numbers.copy_(whole), alpha=step, out=numbers)


def between(low: float, high: float, shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(low, high), neither end included: `shape`, with precision and device of `like`."""
    count = math.prod(shape)
    centre, reach = (low + high) / 2, (high - low) / 2 * (1 - torch.finfo(like.dtype).eps)
    if like.device.type != "cpu" or count < FEW:
        return like.new_empty(shape).uniform_(centre - reach, centre + reach, generator=rng)
    seed = torch.empty((), dtype=torch.int64).random_(generator=rng)
    size = -(-count * like.element_size() // 8)
    words = np.random.Generator(np.random.SFC64(int(seed))).integers(
        -(2**63), 2**63 - 1, size=size, dtype=np.int64, endpoint=True
    )
    return numbers_of(words, like.dtype, centre, reach)[:count].view(*shape)


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), neither end included: `shape`, with precision and device of `like`."""
    return between(0, 1, shape, like, rng)


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1): `shape`, with precision and device of `like`.

    On a CPU √2 erf⁻¹(u) of a signed u, where MKL computes it: four fifths of the time of torch's own draws.
    """
    if like.device.type != "cpu" or not torch.backends.mkl.is_available():
        return like.new_empty(shape).normal_(generator=rng)
    return between(-1, 1, shape, like, rng).erfinv_().mul_(math.sqrt(2))


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), -sign(u) log |u| of a signed u: `shape`, with precision and device of `like`."""
    u = between(-1, 1, shape, like, rng)
    return u.abs().clamp_(min=SMALLEST).log_().copysign_(u)
