"""Standard noise: distributions, and that torch's generator alone says what is drawn."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import stats

from vscbench.coders import noise
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.noise import FEW, between, laplace, normal, uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor

KINDS = {
    "uniform": (uniform, stats.uniform()),
    "signed": (partial(between, -1, 1), stats.uniform(-1, 2)),
    "normal": (normal, stats.norm()),
    "laplace": (laplace, stats.laplace()),
}
P_VALUE = 1e-4
MANY = 4 * FEW

every_kind = pytest.mark.parametrize(("draw", "distribution"), KINDS.values(), ids=KINDS)
precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@every_kind
@precisions
@pytest.mark.parametrize("shape", [(9, FEW // 10), (7, 11, FEW // 3)], ids=["few", "many"])
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
    one, other = (distribution.cdf(draw((MANY,), torch.zeros(1, dtype=dtype), rng).double().numpy()) for _ in "12")
    for a, b in ((one[::2], one[1::2]), (one[:-1], one[1:]), (one, other)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(len(a))


@every_kind
def test_the_state_of_the_generator_says_what_is_drawn(
    draw: Callable[..., Tensor], distribution: stats.rv_frozen, rng: Generator
) -> None:
    del distribution
    like, state = torch.zeros(1), rng.get_state()
    first, second = draw((MANY,), like, rng), draw((MANY,), like, rng)
    assert not torch.equal(first, second)
    rng.set_state(state)
    assert torch.equal(first, draw((MANY,), like, rng))


@precisions
def test_bits_are_those_of_sfc64(dtype: torch.dtype, rng: Generator) -> None:
    """Uniform draws lie on a grid of 2³² or 2⁶⁴ points, one word each, of a seed that torch's generator gives."""
    state = rng.get_state()
    draws = between(-1, 1, (MANY + 1,), torch.zeros(1, dtype=dtype), rng)
    rng.set_state(state)
    seed = int(torch.empty((), dtype=torch.int64).random_(generator=rng))
    bits = np.random.SFC64(seed).random_raw(MANY + 1).tobytes()
    words = np.frombuffer(bits, np.int32 if dtype == torch.float32 else np.int64)[: MANY + 1].astype(np.float64)
    expected = torch.from_numpy(words / 2.0 ** (31 if dtype == torch.float32 else 63))
    eps = torch.finfo(dtype).eps  # the reach is 1 - eps, and a word is rounded once
    torch.testing.assert_close(draws.double(), expected, rtol=2 * eps, atol=0)
    if dtype == torch.float32:
        assert (words % 256).any()  # finer than torch's own 24 bits


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: draws on a GPU are not tested")
def test_draws_on_a_gpu() -> None:
    """By torch's own numbers there, which the state of the device's generator says."""
    rng = torch.Generator("cuda").manual_seed(0)
    for draw, distribution in KINDS.values():
        for dtype in (torch.float32, torch.float64):
            like, state = torch.zeros(1, dtype=dtype, device="cuda"), rng.get_state()
            draws = draw((MANY,), like, rng)
            rng.set_state(state)
            assert torch.equal(draws, draw((MANY,), like, rng))
            assert (draws.device.type, draws.dtype) == ("cuda", dtype)
            assert stats.kstest(draws.double().cpu().numpy(), distribution.cdf).pvalue > P_VALUE


@precisions
def test_tails_are_as_heavy_as_they_should_be(dtype: torch.dtype, rng: Generator) -> None:
    """P(|ε| > t) = e^{-t} of a Laplacian where single precision has few numbers left: 2 million draws, t = 10, 12."""
    draws = laplace((2_000_000,), torch.zeros(1, dtype=dtype), rng).abs()
    for t in (10.0, 12.0):
        assert stats.binomtest(int((draws > t).sum()), len(draws), np.exp(-t)).pvalue > P_VALUE


def test_bounded_laplacian_is_the_authors(rng: Generator) -> None:
    """-sign(u) log max(|u|, 1e-2), of the draws u that the noise is made of."""
    state = rng.get_state()
    params = {"loc": torch.zeros(100, 50)}
    found = Laplacian(noise_bound=-math.log(1e-2)).noise(params, 20, rng)["laplace"]
    rng.set_state(state)
    u = between(-1, 1, (20, 100, 50), params["loc"], rng)
    torch.testing.assert_close(found.abs(), -u.abs().clamp(min=1e-2).log())
    assert 0.005 < (found.abs() >= found.abs().max()).float().mean() < 0.015  # P(|ε| > 4.6) = 1 %
    assert stats.kstest(found.abs()[found.abs() < 4].double().numpy(), stats.truncexpon(4).cdf).pvalue > P_VALUE


@every_kind
@precisions
def test_no_draw_is_at_an_end(
    draw: Callable[..., Tensor],
    distribution: stats.rv_frozen,
    dtype: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
    rng: Generator,
) -> None:
    """Where a logarithm or a normal draw would be infinite: not of the words that come closest either."""
    words = np.int32 if dtype == torch.float32 else np.int64
    extremes = np.array([np.iinfo(words).min, -1, 0, np.iinfo(words).max], words)

    class Extremes:
        def __init__(self, seed: int) -> None: ...

        def random_raw(self, size: int) -> np.ndarray:
            assert size * 8 == extremes.nbytes
            return extremes.view(np.uint64)

    monkeypatch.setattr(noise.np.random, "SFC64", Extremes)
    monkeypatch.setattr(noise, "FEW", 0)
    found = draw((4,), torch.zeros(1, dtype=dtype), rng)
    assert found.isfinite().all()
    low, high = distribution.support()
    assert low < found.min()
    assert found.max() < high
    assert len(found.unique()) >= 3
