"""The rectified Gaussian against scipy's rectified and truncated normals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from scipy import stats
from torch import Generator, Tensor
from torch.distributions import Normal, kl_divergence

from vscbench.coders.rectified_gaussian import RectifiedGaussian
from vscbench.methods import METHODS
from vscbench.model import build_posterior
from vscbench.testing.models import draw_params, leaves, within

if TYPE_CHECKING:
    from vscbench.coders import Params


def scales(params: Params) -> tuple[Tensor, Tensor]:
    return params["loc"], (params["log_variance"] / 2).exp()


def test_moments_are_those_of_a_truncated_normal() -> None:
    """E[z^p] = P(s > 0) E[s^p | s > 0], the latter by scipy."""
    posterior, params = RectifiedGaussian(), draw_params(RectifiedGaussian(), 5, 6, spread=1.5)
    loc, scale = (value.numpy() for value in scales(params))
    truncated = stats.truncnorm(-loc / scale, math.inf, loc, scale)
    on = stats.norm(loc, scale).sf(0)
    for found, expected in (
        (posterior.active_prob(params), on),
        (posterior.mean(params), on * truncated.mean()),
        (posterior.second_moment(params), on * (truncated.var() + truncated.mean() ** 2)),
    ):
        torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-6, atol=1e-10)


def test_density_has_a_mass_at_zero_and_nothing_below() -> None:
    posterior, params = RectifiedGaussian(), draw_params(RectifiedGaussian())
    codes = torch.tensor([0.4, 0.0, -0.1], dtype=torch.float64).view(3, 1, 1)
    found = posterior.log_prob_at(params, codes)
    q = Normal(*scales(params))
    torch.testing.assert_close(found[0], q.log_prob(codes[0]))
    torch.testing.assert_close(found[1].exp(), q.cdf(torch.zeros(())))
    assert (found[2] == -torch.inf).all()


def test_divergence_is_that_of_the_sample_and_the_priors_mean_gives_the_density() -> None:
    posterior = RectifiedGaussian(prior_scale=0.5, density=0.07)
    params = draw_params(posterior)
    prior = Normal(torch.tensor(stats.norm.ppf(0.07) * 0.5).double(), 0.5)
    torch.testing.assert_close(posterior.kl(params), kl_divergence(Normal(*scales(params)), prior))
    assert posterior.prior_density == pytest.approx(0.07)


def test_pathwise_gradients_are_those_of_the_closed_forms() -> None:
    """Of E[z²], of E[log q(z)] through its jump at 0 and of the divergence, from draws."""
    posterior = RectifiedGaussian()
    params = draw_params(posterior, 1, 4, spread=0.4)
    exact = leaves(params)
    grid = torch.linspace(1e-9, 12, 100_001, dtype=torch.float64).view(-1, 1, 1)
    log_q, off = posterior.log_prob_at(exact, grid), posterior.log_prob_at(exact, torch.zeros(1, 1, 4).double())
    entropy = torch.trapezoid(log_q.exp() * log_q, grid, dim=0) + off.exp() * off
    each = {head: value.expand(20_000, -1).clone().requires_grad_() for head, value in params.items()}
    noise = posterior.noise(each, 1, Generator().manual_seed(0))
    for drawn, closed in (
        (posterior.codes(each, noise).square(), posterior.second_moment(exact)),
        (posterior.log_prob(each, posterior.draw(each, noise)), entropy),
        (-posterior.log_ratio(each, noise), posterior.kl(exact)),
    ):
        expected = torch.autograd.grad(closed.sum(), list(exact.values()), retain_graph=True)
        found = torch.autograd.grad(drawn.sum(), list(each.values()))
        for one, other in zip(found, expected, strict=True):
            assert other.abs().max() > 1e-2
            within(one, other[0])


def test_method() -> None:
    posterior = build_posterior(METHODS["rectified_gaussian"](density=0.05).settings)
    assert posterior.prior_density == pytest.approx(0.05)
