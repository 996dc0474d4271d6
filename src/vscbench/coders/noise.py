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
"""Where a uniform draw of 0, which has no logarithm, is put: half of the least other one."""
FEW = 10_000
"""Draws of which seeding would take the longer part."""


def between_ends(words: NDArray[np.int64], dtype: torch.dtype) -> Tensor:
    """Numbers in (-1, 1) from words of 64 random bits: one of each (N,) in double precision, two in single (2N,).

    They take the memory of the words, which are lost: a fifth of the time of all is that of a memory of their own.
    """
    whole = torch.from_numpy(words).view(torch.int64 if dtype == torch.float64 else torch.int32)
    numbers = whole.view(dtype)
    below_one = 1 - torch.finfo(dtype).eps / 2  # the largest number that is
    return numbers.copy_(whole).mul_(below_one / 2.0 ** (torch.iinfo(whole.dtype).bits - 1))


def signed_uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(-1, 1), neither end included: `shape`, with precision and device of `like`."""
    count = math.prod(shape)
    if like.device.type != "cpu" or count < FEW:
        below_one = 1 - torch.finfo(like.dtype).eps / 2
        return like.new_empty(shape).uniform_(-below_one, below_one, generator=rng)
    seed = torch.empty((), dtype=torch.int64).random_(generator=rng)
    size = -(-count * like.element_size() // 8)
    words = np.random.Generator(np.random.SFC64(int(seed))).integers(
        -(2**63), 2**63 - 1, size=size, dtype=np.int64, endpoint=True
    )
    return between_ends(words, like.dtype)[:count].view(*shape)


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), 0 included: `shape`, with precision and device of `like`."""
    return signed_uniform(shape, like, rng).abs_()


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1): `shape`, with precision and device of `like`.

    On a CPU √2 erf⁻¹(u) of a signed u, where MKL computes it: four fifths of the time of torch's own draws.
    """
    if like.device.type != "cpu" or not torch.backends.mkl.is_available():
        return like.new_empty(shape).normal_(generator=rng)
    return signed_uniform(shape, like, rng).erfinv_().mul_(math.sqrt(2))


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), -sign(u) log |u| of a signed u: `shape`, with precision and device of `like`."""
    u = signed_uniform(shape, like, rng)
    return u.abs().clamp_(min=SMALLEST).log_().copysign_(u)
