"""Distances from the prior against plain loops, closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor

from vscbench.coders import DISTANCES
from vscbench.coders.distances import MaximumMeanDiscrepancy, SlicedWasserstein
from vscbench.methods import METHODS
from vscbench.model import build_coder
from vscbench.testing.models import make_coder, run_spec


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def test_discrepancy_against_a_plain_loop() -> None:
    codes, prior = normal(2, 6, 3, seed=0), normal(6, 3, seed=1)
    squares = [float((a - b).square().sum()) for i, a in enumerate(prior) for j, b in enumerate(prior) if i != j]
    spread = np.mean(squares)

    def kernel(a: Tensor, b: Tensor) -> float:
        square = float((a - b).square().sum())
        return float(np.mean([s * spread / (s * spread + square) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10)]))

    expected = []
    for each in codes:
        value = -2 * np.mean([kernel(a, b) for a in each for b in prior])
        for both in (each, prior):
            value += np.mean([kernel(a, b) for i, a in enumerate(both) for j, b in enumerate(both) if i != j])
        expected.append(value)
    found = MaximumMeanDiscrepancy().between(codes, prior, None)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_discrepancy_is_zero_in_the_mean_at_the_prior_and_grows_away_from_it() -> None:
    distance = MaximumMeanDiscrepancy()
    null = torch.stack(
        [distance.between(normal(1, 60, 4, seed=k), normal(60, 4, seed=-k - 1), None) for k in range(300)]
    )
    assert null.mean().abs() < 4 * null.std() / 300**0.5
    away = [
        float(distance.between(shift + normal(1, 300, 4, seed=1), normal(300, 4, seed=2), None))
        for shift in (0.3, 1, 3)
    ]
    assert 4 * float(null.std()) * 60 / 300 < away[0] < away[1] < away[2]


def test_sliced_distance_of_one_latent_is_scipys() -> None:
    """W₂² of equal samples is the mean square of differences of order statistics; scipy's W₁ bounds it."""
    codes, prior = normal(1, 200, 1, seed=0), 1.5 * normal(200, 1, seed=1) + 0.3
    found = SlicedWasserstein(directions=1).between(codes, prior, None)
    exact = (np.sort(codes.numpy().ravel()) - np.sort(prior.numpy().ravel())) ** 2
    assert found.item() == pytest.approx(exact.mean())
    first = stats.wasserstein_distance(codes.numpy().ravel(), prior.numpy().ravel())
    assert first**2 < found.item() < 4 * first**2


def test_sliced_distance_of_a_shift_is_its_square_over_the_latents() -> None:
    """W₂² of a shift by m is (mᵀθ)², whose mean over unit θ is ‖m‖²/K."""
    codes = normal(1, 50, 4, seed=0)
    shift = torch.tensor([1.0, -2, 0, 0.5], dtype=torch.float64)
    distance = SlicedWasserstein(directions=20_000)
    found = distance.between(codes + shift, codes[0], Generator().manual_seed(0))
    assert found.item() == pytest.approx(float(shift.square().sum()) / 4, rel=0.03)


@pytest.mark.parametrize("distance", [MaximumMeanDiscrepancy(), SlicedWasserstein(directions=5)], ids=str)
def test_gradients(distance: MaximumMeanDiscrepancy | SlicedWasserstein) -> None:
    codes = normal(2, 5, 3, seed=0).requires_grad_()
    prior = normal(5, 3, seed=1)
    assert torch.autograd.gradcheck(lambda z: distance.between(z, prior, Generator().manual_seed(0)), [codes])


@pytest.mark.parametrize("kind", DISTANCES)
def test_it_takes_the_place_of_the_divergence(kind: str) -> None:
    """In the loss alone: the same for all data points of a batch, by its weight; `kl` is still the posterior's."""
    spec = {"family": "gaussian", "distance": {"kind": kind, "weight": 7.0}}
    coder, x = make_coder(spec, sampling="average", samples=3, kl_weight=0.5)
    loss = coder.loss(x, Generator().manual_seed(0))
    assert (loss.kl == loss.kl[0]).all()
    torch.testing.assert_close(loss.value, loss.mse + 0.5 * loss.kl)
    plain, _ = make_coder({"family": "gaussian"})
    torch.testing.assert_close(coder.kl(x), plain.kl(x))
    half, _ = make_coder(spec | {"distance": {"kind": kind, "weight": 3.5}}, sampling="average", samples=3)
    torch.testing.assert_close(half.loss(x, Generator().manual_seed(0)).kl * 2, loss.kl)


@pytest.mark.parametrize("name", ["gaussian_mmd", "gaussian_sliced_wasserstein"])
def test_methods(name: str) -> None:
    assert (
        type(build_coder(run_spec(METHODS[name]().settings), (9,)).distance).__module__ == "vscbench.coders.distances"
    )
