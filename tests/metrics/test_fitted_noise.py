"""Bounds at the noise variance that suits them best, against a model whose evidence is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Normal

from vscbench.metrics.fitted_noise import bound_at, fitted_bound
from vscbench.objectives.iwae import log_mean_exp

P = 4
TRAINED = 0.5
"""The s² for which the posterior is right."""


def draws(rng: Generator, samples: int, n: int = 200, true: float = 0.2) -> tuple[Tensor, Tensor, Tensor]:
    """Data x = a z + noise of variance `true`, and draws of the exact posterior at TRAINED: x, squares, log-ratios."""
    a = torch.linspace(0.5, 1.5, P).double()
    x = torch.randn(n, 1, generator=rng).double() * a + true**0.5 * torch.randn(n, P, generator=rng).double()
    precision = 1 + a @ a / TRAINED
    q = Normal(x @ a / TRAINED / precision, precision**-0.5)
    z = q.mean + q.stddev * torch.randn(samples, n, generator=rng).double()
    squares = (x - z[..., None] * a).square().sum(2)
    return x, squares, Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)


def evidence(x: Tensor, variance: float) -> Tensor:
    """log N(x; 0, a aᵀ + s²I)."""
    a = torch.linspace(0.5, 1.5, P).double()
    covariance = torch.outer(a, a) + variance * torch.eye(P)
    return torch.distributions.MultivariateNormal(torch.zeros(P).double(), covariance).log_prob(x)


def test_the_bound_is_the_evidence_where_the_posterior_is_exact(rng: Generator) -> None:
    x, squares, log_ratio = draws(rng, 6)
    for group in (1, 3, 6):
        torch.testing.assert_close(bound_at(TRAINED, squares, log_ratio, P, group), evidence(x, TRAINED))
    assert (bound_at(0.1, squares, log_ratio, P).mean() < evidence(x, 0.1).mean()).all()


def test_groups_are_disjoint() -> None:
    squares, log_ratio = torch.rand(4, 5).double(), torch.randn(4, 5).double()
    log_w = log_ratio - squares / 2 - P / 2 * math.log(2 * math.pi)
    expected = (log_mean_exp(log_w[:2]) + log_mean_exp(log_w[2:])) / 2
    torch.testing.assert_close(bound_at(1.0, squares, log_ratio, P, 2), expected)


@pytest.mark.parametrize("group", [1, 4, 20])
def test_no_variance_on_a_grid_is_better(rng: Generator, group: int) -> None:
    _, squares, log_ratio = draws(rng, 20)
    found = fitted_bound(squares, log_ratio, P, group)
    top = found.values.mean()
    torch.testing.assert_close(found.values, bound_at(found.variance, squares, log_ratio, P, group))
    for variance in torch.logspace(-3, 2, 500).tolist():
        assert bound_at(variance, squares, log_ratio, P, group).mean() <= top + 1e-9
    # The condition of a maximum: s² is the mean of ‖x - x̂‖²/P under the weights within a group.
    log_w = (log_ratio - squares / (2 * found.variance)).unflatten(0, (-1, group))
    mean = (log_w.softmax(1) * squares.unflatten(0, (-1, group))).sum(1).mean() / P
    assert mean.item() == pytest.approx(found.variance, rel=1e-3)


def test_many_draws_find_the_noise_of_the_evidence(rng: Generator) -> None:
    """Trained at 0.5, the data have 0.2: the IWAE bound peaks where the evidence does, and is close to it there."""
    x, squares, log_ratio = draws(rng, 2000)
    grid = torch.linspace(0.1, 0.4, 301).tolist()
    best = max(grid, key=lambda variance: float(evidence(x, variance).mean()))
    found = fitted_bound(squares, log_ratio, P, 2000)
    assert found.variance == pytest.approx(best, rel=0.02)
    assert found.values.mean().item() == pytest.approx(evidence(x, best).mean().item(), abs=0.02)
    assert found.values.mean() > evidence(x, TRAINED).mean() + 0.2


def test_a_perfect_draw_is_no_infinite_bound() -> None:
    squares = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    assert fitted_bound(squares, torch.zeros(2, 2), P, 2).values.isfinite().all()
