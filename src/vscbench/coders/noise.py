"""Standard noise. On a CPU it is made of random bits that AES gives in a quarter of the time of torch's generator.

Its key is drawn at each call from torch's own, whose state is all that a checkpoint keeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Generator, Tensor

SMALLEST = 2.0**-32
"""Where a signed draw of 0, which has no logarithm, is put: half of the least other one."""
FEW = 10_000
"""Draws of which a new key would take the longer part."""
ZEROS = memoryview(bytes(1 << 18))
"""What is encrypted, piece by piece: few enough to stay in the cache."""


def random_words(size: int, rng: Generator | None) -> NDArray[np.int64]:
    """`size` words of 64 random bits: the key stream of AES in counter mode, twice as fast as NumPy's generators."""
    key = torch.empty(2, dtype=torch.int64).random_(generator=rng).numpy().tobytes()
    encryptor = Cipher(AES(key), CTR(bytes(16))).encryptor()
    words = np.empty(size, np.int64)
    stream = words.view(np.uint8).data
    for start in range(0, len(stream), len(ZEROS)):
        encryptor.update_into(ZEROS[: len(stream) - start], stream[start:])
    return words


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
    words = random_words(-(-count * like.element_size() // 8), rng)
    return numbers_of(words, like.dtype, centre, reach)[:count].view(*shape)


def uniform(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """u ~ U(0, 1), neither end included: `shape`, with precision and device of `like`."""
    return between(0, 1, shape, like, rng)


def normal(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ N(0, 1): `shape`, with precision and device of `like`.

    On a CPU √2 erf⁻¹(u) of a signed u, where MKL computes it: two thirds of the time of torch's own draws.
    """
    if like.device.type != "cpu" or not torch.backends.mkl.is_available():
        return like.new_empty(shape).normal_(generator=rng)
    return between(-1, 1, shape, like, rng).erfinv_().mul_(math.sqrt(2))


def laplace(shape: Sequence[int], like: Tensor, rng: Generator | None) -> Tensor:
    """ε ~ Laplace(0, 1), -sign(u) log |u| of a signed u: `shape`, with precision and device of `like`."""
    u = between(-1, 1, shape, like, rng)
    return u.abs().clamp_(min=SMALLEST).log_().copysign_(u)
