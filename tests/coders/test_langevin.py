"""Draws of the exact posterior against quadrature, against the conjugate Gaussian, and for calibration."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import softshrink

from vscbench.coders.langevin import Empirical, Langevin, Model, langevin
from vscbench.networks.dictionary import Dictionary

BASES = ["gaussian", "laplacian"]


def log_prior(u: Tensor, base: str, scale: float) -> Tensor:
    kind = torch.distributions.Normal if base == "gaussian" else torch.distributions.Laplace
    return kind(0.0, scale).log_prob(u)


def by_quadrature(x: Tensor, model: Model) -> tuple[Tensor, Tensor, Tensor]:
    """E[z], E[z zᵀ] and P(z ≠ 0) of two latents, on a grid over u."""
    line = torch.linspace(-9, 9, 1201, dtype=torch.float64)
    u = torch.cartesian_prod(line, line)
    z = softshrink(u, model.threshold)
    log_p = log_prior(u, model.base, model.scale).sum(1)
    log_p = log_p - 0.5 * (x - z @ model.atoms.T).square().sum(1) / model.variance
    p = log_p.softmax(0).unsqueeze(1)
    return (p * z).sum(0), (p * z).T @ z, (p * (z != 0)).sum(0)


@pytest.mark.parametrize("base", BASES)
def test_moments_and_supports_are_those_of_quadrature(base: Any, rng: Generator) -> None:
    """Two correlated atoms; 2,000 chains of the same data point, 20 draws of each."""
    atoms = torch.tensor([[1.0, 0.6], [0.0, 0.8], [0.2, 0.1]], dtype=torch.float64)
    model = Model(atoms, variance=0.3, threshold=0.8, scale=1.2, base=base)
    x = torch.tensor([1.2, -0.3, 0.4], dtype=torch.float64)
    mean, second, active = by_quadrature(x, model)
    draws, accepted = langevin(x.expand(2000, 3), model, 20, burn_in=400, thin=10, rng=rng)
    chains = draws.mean(0)  # (2000, 2), independent
    for found, expected in (
        (chains, mean),
        (draws.ne(0).double().mean(0), active),
        (torch.einsum("sbi,sbj->bij", draws, draws) / len(draws), second),
    ):
        error = found.std(0) / len(found) ** 0.5
        assert ((found.mean(0) - expected).abs() < 4.5 * error).all()
    assert 0.45 < float(accepted.mean()) < 0.7
    assert (active > 0.05).all()
    assert (active < 0.95).all()


def test_without_a_threshold_it_is_the_conjugate_gaussian(rng: Generator) -> None:
    atoms = torch.randn(5, 4, generator=rng, dtype=torch.float64)
    model = Model(atoms, variance=0.5, threshold=0.0, scale=1.5)
    x = torch.randn(5, generator=rng, dtype=torch.float64)
    precision = atoms.T @ atoms / 0.5 + torch.eye(4, dtype=torch.float64) / 1.5**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ atoms.T @ x / 0.5
    draws = langevin(x.expand(1500, 5), model, 1, burn_in=600, thin=1, rng=rng).codes[0]
    assert ((draws.mean(0) - mean).abs() < 4.5 * (covariance.diagonal() / 1500).sqrt()).all()
    torch.testing.assert_close(torch.cov(draws.T), covariance, rtol=0.2, atol=0.03)


@pytest.mark.parametrize("base", BASES)
def test_it_is_calibrated(base: Any, rng: Generator) -> None:
    """Of data drawn from the model: the code that made a data point is one more draw, whatever statistic is looked at.

    So P(z ≠ 0) predicts supports without bias, and the truth is as often below as above a draw.
    """
    atoms = torch.nn.functional.normalize(torch.randn(8, 6, generator=rng, dtype=torch.float64), dim=0)
    model = Model(atoms, variance=0.2, threshold=2.0, scale=1.5, base=base)
    u = model.sample((1000, 6), atoms, rng)
    truth = softshrink(u, 2.0)
    x = truth @ atoms.T + 0.2**0.5 * torch.randn(1000, 8, generator=rng, dtype=torch.float64)
    draws = langevin(x, model, 150, burn_in=400, thin=10, rng=rng).codes
    active, on = Empirical(draws).active_prob, truth.ne(0).double()
    for low, high in ((0.0, 1.0), (0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        among = (low <= active) & (active <= high)
        expected = active[among]
        spread = float((expected * (1 - expected)).sum().sqrt()) + 0.01 * len(expected)  # draws are finite too
        assert len(expected) > 100
        assert abs(float((on[among] - expected).sum())) < 4 * spread
    other = langevin(x, model, 5, burn_in=1000, thin=100, rng=rng).codes
    found, expected = ((each - draws.mean(0)).square().mean().item() for each in (truth, other))
    assert found == pytest.approx(expected, rel=0.15)


def test_the_same_seed_gives_the_same_chain_and_another_another(rng: Generator) -> None:
    model = Model(torch.eye(3), variance=0.1, threshold=0.3)
    x = torch.randn(2, 3, generator=rng)
    first, again, other = (langevin(x, model, 3, 10, 2, Generator().manual_seed(s)).codes for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_density_of_the_prior_is_that_which_is_asked_for(rng: Generator) -> None:
    for base in BASES:
        coder = Langevin(Dictionary((5,), 4), base=base, prior_scale=2.0, density=0.2)  # type: ignore[arg-type]
        assert coder.sample_prior(20_000, rng).ne(0).float().mean().item() == pytest.approx(0.2, abs=0.01)


def test_draws_of_an_empirical_posterior_are_its_draws(rng: Generator) -> None:
    q = Empirical(torch.tensor([[[0.0, 1.0]], [[0.0, 3.0]]]))
    assert q.mean.tolist() == [[0.0, 2.0]]
    assert q.active_prob.tolist() == [[0.0, 1.0]]
    assert set(q.sample((100,), rng)[:, 0, 1].tolist()) == {1.0, 3.0}
