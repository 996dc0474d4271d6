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

from vscbench.coders.noise import FEW, ZEROS, between, laplace, normal, numbers_of, random_words, uniform

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


def test_words_are_encrypted_counters(rng: Generator) -> None:
    """Over the seams of the pieces too, and of a last piece that is no whole block: AES of 0, 1, 2, ... one by one."""
    state = rng.get_state()
    words = random_words(2 * len(ZEROS) // 8 + 3, rng)
    rng.set_state(state)
    key = torch.empty(2, dtype=torch.int64).random_(generator=rng).numpy().tobytes()
    counters = b"".join(count.to_bytes(16) for count in range(-(-words.nbytes // 16)))
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305  (to compute a key stream, nothing is hidden)
    assert words.tobytes() == encryptor.update(counters)[: words.nbytes]


@precisions
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1)])
def test_no_draw_is_at_an_end(low: int, high: int, dtype: torch.dtype) -> None:
    """Where a logarithm or a normal draw would be infinite: not of the words that come closest either."""
    centre, reach = (low + high) / 2, (high - low) / 2 * (1 - torch.finfo(dtype).eps)
    u = numbers_of(np.array([-(2**63), -1, 0, 2**63 - 1]), dtype, centre, reach)
    assert low < u.min()
    assert u.max() < high
    torch.testing.assert_close(torch.stack((u.min(), u.max())), torch.tensor([low, high], dtype=dtype))
