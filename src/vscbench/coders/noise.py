"""Standard noise. On a CPU it is made of random bits that AES gives in a quarter of the time of torch's generator.

Its key is drawn at each call from torch's own, whose state is all that a checkpoint keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Generator, Tensor

Form: TypeAlias = "Callable[[Tensor], Tensor]"
"""Turns uniform numbers into others, each by itself, and overwrites them."""

SMALLEST = 2.0**-32
"""Where a signed draw of 0, which has no logarithm, is put: half of the least other one."""
FEW = 10_000
"""Draws of which a new key would take the longer part."""
ZEROS = memoryview(bytes(1 << 19))
"""What is encrypted, piece by piece: few enough for a piece of the draws to stay in the cache until it is done."""


def fill_with_bits(numbers: Tensor, rng: Generator | None) -> Iterator[slice]:
    """Fill the memory of numbers (N,) with random bits, and name each piece while it is in the cache.

    The bits are the key stream of AES in counter mode. GCM is that, with a tag that nobody asks for: OpenSSL makes
    its key stream in half the time of CTR's.
    """
    key = torch.empty(2, dtype=torch.int64).random_(generator=rng).numpy().tobytes()
    encryptor = Cipher(AES(key), GCM(bytes(12))).encryptor()
    size, stream = numbers.element_size(), numbers.numpy().view(np.uint8).data
    for start in range(0, len(stream), len(ZEROS)):
        stop = min(start + len(ZEROS), len(stream))
        encryptor.update_into(ZEROS[: stop - start], stream[start:stop])
        yield slice(start // size, stop // size)


def between(
    low: float, high: float, shape: Sequence[int], like: Tensor, rng: Generator | None, form: Form = lambda u: u
) -> Tensor:
    """form(u) of u ~ U(low, high), neither end included: `shape`, with precision and device of `like`."""
    count = math.prod(shape)
    centre, reach = (low + high) / 2, (high - low) / 2 * (1 - torch.finfo(like.dtype).eps)
    numbers = like.new_empty(count)
    if like.device.type != "cpu" or count < FEW:
        return form(numbers.uniform_(centre - reach, centre + reach, generator=rng)).view(*shape)
    whole, middle = numbers.view(torch.int64 if like.dtype == torch.float64 else torch.int32), like.new_tensor(centre)
    for piece in fill_with_bits(numbers, rng):
        form(spread(whole[piece], middle, reach, numbers[piece]))
    return numbers.view(*shape)


def spread(whole: Tensor, centre: Tensor, reach: float, out: Tensor) -> Tensor:
    """Whole numbers (N,), from the least to the greatest of their type, as numbers in centre ± reach: `out` (N,)."""
    return torch.add(centre, out.copy_(whole), alpha=reach / 2.0 ** (8 * out.element_size() - 1), out=out)


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), neither end included: `shape`, with precision and device of `like`."""
    return between(0, 1, shape, like, rng)


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1): `shape`, with precision and device of `like`.

    On a CPU √2 erf⁻¹(u) of a signed u, where MKL computes it: two thirds of the time of torch's own draws.
    """
    if like.device.type != "cpu" or not torch.backends.mkl.is_available():
        return like.new_empty(shape).normal_(generator=rng)
    return between(-1, 1, shape, like, rng, lambda u: u.erfinv_().mul_(math.sqrt(2)))


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), -sign(u) log |u| of a signed u: `shape`, with precision and device of `like`."""
    return between(-1, 1, shape, like, rng, lambda u: torch.copysign(u.abs().clamp_(min=SMALLEST).log_(), u, out=u))
