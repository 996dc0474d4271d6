"""The Poisson posterior against scipy and torch.distributions, and the limit of its relaxation."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Generator, Tensor
from torch.distributions import Poisson as TorchPoisson
from torch.distributions import kl_divergence

from vscbench.coders.poisson import Poisson
from vscbench.methods import METHODS
from vscbench.model import build_posterior
from vscbench.testing.models import draw_codes, within

RATES = (0.02, 0.5, 3.0, 40.0)


def params_at(posterior: Poisson, rows: int = 1) -> dict[str, Tensor]:
    return {"log_rate_ratio": (torch.tensor(RATES).double() / posterior.rate).log().repeat(rows, 1)}


def test_counts_are_poisson() -> None:
    """By a chi-squared test against scipy, also where the rate is high."""
    posterior = Poisson()
    codes = draw_codes(posterior, params_at(posterior), 20_000)[:, 0]
    assert torch.equal(codes, codes.round())
    for rate, counts in zip(RATES, codes.T.long(), strict=True):
        most = int(stats.poisson(rate).ppf(0.999))
        found = torch.bincount(counts.clamp(max=most + 1), minlength=most + 2).double().numpy()
        pmf = stats.poisson(rate).pmf(range(most + 1))
        expected = 20_000 * torch.tensor([*pmf, 1 - pmf.sum()]).numpy()
        likely = expected > 5
        grouped = [[*each[likely], each[~likely].sum() + 1e-9] for each in (found, expected)]
        assert stats.chisquare(*grouped, sum_check=False).pvalue > 1e-4


def test_density_moments_and_divergence_are_torchs() -> None:
    posterior = Poisson()
    params = params_at(posterior)
    q = TorchPoisson(torch.tensor([RATES]).double())
    counts = torch.tensor([0.0, 1, 4, 37]).double().view(4, 1, 1)
    torch.testing.assert_close(posterior.log_prob_at(params, counts), q.log_prob(counts))
    torch.testing.assert_close(posterior.kl(params), kl_divergence(q, TorchPoisson(torch.tensor(posterior.rate))))
    torch.testing.assert_close(posterior.mean(params), q.mean)
    torch.testing.assert_close(posterior.second_moment(params), q.variance + q.mean.square())
    torch.testing.assert_close(posterior.active_prob(params), 1 - torch.exp(-q.mean))
    assert posterior.prior_density == pytest.approx(0.1)


def test_relaxation_tends_to_the_count_and_is_differentiated_exactly(rng: Generator) -> None:
    posterior = Poisson()
    params = params_at(posterior)
    noise = posterior.noise(params, 200, rng)
    count = posterior.draw(params, noise).codes
    posterior.set_step(1, 2)
    off = []
    for posterior.current_temperature in (1e-5, 1.0):
        off.append((posterior.codes(params, noise) - count).abs().mean())
    assert off[0] < 0.01
    assert off[1] > 0.1
    few = {name: gap[:2] for name, gap in noise.items()}
    head = params["log_rate_ratio"].requires_grad_()
    assert torch.autograd.gradcheck(lambda value: posterior.codes({"log_rate_ratio": value}, few), [head])


def test_bias_of_the_gradient_falls_with_the_temperature() -> None:
    """∂E[z²]/∂ log δ = λ + 2λ² against that of the relaxation, as is used at the end of training."""
    bias = []
    for temperature in (1.0, 0.2, 0.05):
        posterior = Poisson()
        posterior.current_temperature = temperature
        head = params_at(posterior, 20_000)["log_rate_ratio"][:, 1:3].requires_grad_()
        params = {"log_rate_ratio": head}
        codes = posterior.codes(params, posterior.noise(params, 1, Generator().manual_seed(0)))
        (found,) = torch.autograd.grad(codes.square().sum(), head)
        exact = torch.tensor([0.5 + 2 * 0.25, 3 + 2 * 9]).double()
        bias.append(((found.mean(0) - exact) / exact).abs())
    assert (bias[2] < bias[0] / 2).all()
    assert (bias[2] < 0.06).all()


def test_log_ratio_is_that_of_the_densities(rng: Generator) -> None:
    posterior = Poisson()
    params = params_at(posterior)
    noise = posterior.noise(params, 50, rng)
    with torch.no_grad():
        codes = posterior.codes(params, noise)
        prior = {"log_rate_ratio": torch.zeros(()).double()}
        expected = posterior.log_prob_at(prior, codes) - posterior.log_prob_at(params, codes)
        torch.testing.assert_close(posterior.log_ratio(params, noise), expected)


def test_rates_are_bounded() -> None:
    clamped = Poisson().clamp({"log_rate_ratio": torch.tensor([[50.0, -3.0]])})["log_rate_ratio"]
    assert Poisson().rates({"log_rate_ratio": clamped})[0, 0].item() == pytest.approx(math.exp(5))
    assert clamped[0, 1] == -3


def test_relaxed_in_training_and_whole_at_the_end() -> None:
    posterior = Poisson()
    params = params_at(posterior)
    for step, whole in ((0, False), (9, False), (10, True)):
        posterior.set_step(step, 10)
        codes = draw_codes(posterior, params, 5)
        assert torch.equal(codes, codes.round()) == whole
    within(draw_codes(posterior, params, 20_000), posterior.mean(params))


def test_method() -> None:
    assert build_posterior(METHODS["poisson"](density=0.05).settings).prior_density == pytest.approx(0.05)


@pytest.mark.parametrize("log_ratio", [-20.0, -44.0, -60.0, -100.0, 20.0])
def test_gradients_are_finite_at_any_rate(log_ratio: float, rng: Generator) -> None:
    """Adam had every run on photographs at rates of 10⁻²⁰, where 1/r² overflows, within 500 steps."""
    posterior = Poisson()
    posterior.set_step(1, 2)
    outputs = {"log_rate_ratio": torch.full((2, 3), log_ratio, requires_grad=True)}
    params = posterior.clamp(outputs)
    value = posterior.codes(params, posterior.noise(params, 5, rng)).sum() + posterior.kl(params).sum()
    (gradient,) = torch.autograd.grad(value, list(outputs.values()))
    assert gradient.isfinite().all()
