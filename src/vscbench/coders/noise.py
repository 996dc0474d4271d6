"""Standard noise with the precision and device of another tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), neither end included: `shape`."""
    eps = torch.finfo(like.dtype).eps
    return like.new_empty(shape).uniform_(eps / 2, 1 - eps / 2, generator=rng)


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1): `shape`."""
    return like.new_empty(shape).normal_(generator=rng)


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), an exponential draw with a random sign: `shape`."""
    u = like.new_empty(shape).uniform_(-1, 1, generator=rng)
    return torch.copysign(u.abs().clamp_(min=torch.finfo(u.dtype).tiny).log_(), u)
