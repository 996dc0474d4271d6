"""Standard noise: distributions, and that torch's generator alone says what is drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from scipy import stats
from torch import Generator, Tensor

from vscbench.coders.noise import FEW, ZEROS, between, fill_with_bits, laplace, normal, spread, uniform

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    "uniform": (uniform, stats.uniform()),
    "signed_uniform": (partial(between, -1, 1), stats.uniform(-1, 2)),
    "normal": (normal, stats.norm()),
    "laplace": (laplace, stats.laplace()),
}
P_VALUE = 1e-4

every_kind = pytest.mark.parametrize(("draw", "distribution"), KINDS.values(), ids=KINDS)
precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@every_kind
@precisions
@pytest.mark.parametrize("shape", [(9, 1000), (7, 11, 3001)], ids=["few", "many"])
def test_distribution(
    draw: Callable[..., Tensor],
    distribution: stats.rv_frozen,
    dtype: torch.dtype,
    shape: tuple[int, ...],
    rng: Generator,
) -> None:
    """Also of an odd number of draws, two of which are made of 64 bits."""
    draws = draw(shape, torch.zeros(1, dtype=dtype), rng)
    assert draws.shape == shape
    assert draws.dtype == dtype
    assert draws.isfinite().all()
    assert stats.kstest(draws.flatten().double().numpy(), distribution.cdf).pvalue > P_VALUE


@every_kind
@precisions
def test_draws_are_independent(
    draw: Callable[..., Tensor], distribution: stats.rv_frozen, dtype: torch.dtype, rng: Generator
) -> None:
    """Of their neighbours, whose bits may be of one number, and of those of the call before."""
    one, other = (distribution.cdf(draw((4 * FEW,), torch.zeros(1, dtype=dtype), rng).double().numpy()) for _ in "12")
    for a, b in ((one[::2], one[1::2]), (one[:-1], one[1:]), (one, other)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(len(a))


@every_kind
def test_the_state_of_the_generator_says_what_is_drawn(
    draw: Callable[..., Tensor], distribution: stats.rv_frozen, rng: Generator
) -> None:
    del distribution
    like = torch.zeros(1)
    state = rng.get_state()
    first, second = draw((2 * FEW,), like, rng), draw((2 * FEW,), like, rng)
    assert not torch.equal(first, second)
    rng.set_state(state)
    assert torch.equal(first, draw((2 * FEW,), like, rng))


@precisions
def test_bits_are_encrypted_counters(dtype: torch.dtype, rng: Generator) -> None:
    """Over the seams of the pieces too, and of a last piece that is no whole block: AES of 2, 3, 4, ... one by one."""
    state = rng.get_state()
    numbers = torch.zeros(2 * len(ZEROS) // dtype.itemsize + 3, dtype=dtype)
    pieces = [numbers[piece].clone() for piece in fill_with_bits(numbers, rng)]
    assert [piece.nbytes for piece in pieces] == [len(ZEROS), len(ZEROS), 3 * dtype.itemsize]
    rng.set_state(state)
    key = torch.empty(2, dtype=torch.int64).random_(generator=rng).numpy().tobytes()
    counters = b"".join(count.to_bytes(16) for count in range(2, 2 - (-numbers.nbytes // 16)))
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305  (to compute a key stream, nothing is hidden)
    expected = encryptor.update(counters)[: numbers.nbytes]
    assert numbers.numpy().tobytes() == b"".join(piece.numpy().tobytes() for piece in pieces) == expected


@precisions
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1)])
def test_no_draw_is_at_an_end(low: int, high: int, dtype: torch.dtype) -> None:
    """Where a logarithm or a normal draw would be infinite: not of the words that come closest either."""
    words = torch.int32 if dtype == torch.float32 else torch.int64
    centre, reach = (low + high) / 2, (high - low) / 2 * (1 - torch.finfo(dtype).eps)
    ends = torch.tensor([torch.iinfo(words).min, -1, 0, torch.iinfo(words).max], dtype=words)
    u = spread(ends, torch.tensor(centre, dtype=dtype), reach, torch.empty(4, dtype=dtype))
    assert low < u.min()
    assert u.max() < high
    torch.testing.assert_close(torch.stack((u.min(), u.max())), torch.tensor([low, high], dtype=dtype))
