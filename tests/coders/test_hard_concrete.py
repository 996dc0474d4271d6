"""Hard concrete gates against integrals by scipy, the authors' formulas, and draws."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch import Generator, Tensor

from vscbench.coders.hard_concrete import HardConcrete, logistic_kl
from vscbench.methods import METHODS
from vscbench.model import build_posterior
from vscbench.testing.models import draw_codes, draw_params, leaves, within

LOGITS = (-4.0, -1.5, 0.3, 3.0)


def params_at(loc: float = 0.6, log_variance: float = -2.0) -> dict[str, Tensor]:
    logit = torch.tensor([LOGITS], dtype=torch.float64)
    return {
        "loc": torch.full_like(logit, loc),
        "log_variance": torch.full_like(logit, log_variance),
        "gate_logit": logit,
    }


def gate(u: float, logit: float, beta: float = 2 / 3) -> float:
    """The authors' equations 10 and 11."""
    s = 1 / (1 + math.exp(-(math.log(u) - math.log(1 - u) + logit) / beta))
    return min(1.0, max(0.0, s * 1.2 - 0.1))


def test_moments_are_integrals_over_the_uniform() -> None:
    posterior, params = HardConcrete(), params_at()
    for power, found in ((1, posterior.mean(params) / 0.6), (2, posterior.second_moment(params))):
        scale = 1.0 if power == 1 else 0.36 + math.exp(-2)
        for logit, value in zip(LOGITS, (found / scale)[0].tolist(), strict=True):
            ends = sorted(stats.logistic.cdf([-logit - 2 / 3 * math.log(11), -logit + 2 / 3 * math.log(11)]))
            expected = quad(lambda u, a=logit, p=power: gate(u, a) ** p, 1e-15, 1 - 1e-15, points=ends, limit=200)[0]
            assert value == pytest.approx(expected, rel=1e-5)
    on = [1 - stats.logistic.cdf(2 / 3 * math.log(0.1 / 1.1) - logit) for logit in LOGITS]
    assert posterior.active_prob(params)[0].tolist() == pytest.approx(on)
    codes = draw_codes(posterior, params, 40_000)
    within(codes.ne(0).double(), posterior.active_prob(params))
    within(codes.square(), posterior.second_moment(params))


def test_density_integrates_to_the_mass_that_is_not_at_zero() -> None:
    posterior, params = HardConcrete(), params_at()
    log_size = torch.linspace(-45, 2, 4001, dtype=torch.float64).view(-1, 1, 1)
    total = posterior.log_prob_at(params, torch.zeros(1, 1, 4).double()).exp()[0]
    for sign in (1, -1):
        density = posterior.log_prob_at(params, sign * log_size.exp()).exp() * log_size.exp()
        total = total + torch.trapezoid(density, log_size, dim=0)
    torch.testing.assert_close(total, torch.ones(1, 4).double(), rtol=0, atol=1e-3)


def test_density_is_the_mixture_over_gates() -> None:
    """P(g = 1) N(z) + ∫ p(g) N(z/g)/g dg over the uniform between the gate's ends."""
    posterior, params = HardConcrete(), params_at()
    for code in (-0.3, 0.05, 0.6, 1.4):
        found = posterior.log_prob_at(params, torch.full((1, 1, 4), code).double()).exp()[0, 0]
        for logit, value in zip(LOGITS, found.tolist(), strict=True):
            low, high = stats.logistic.cdf([-logit - 2 / 3 * math.log(11), -logit + 2 / 3 * math.log(11)])
            slab = stats.norm(0.6, math.exp(-1))

            def inner(u: float, a: float = logit, z: float = code, q: object = slab) -> float:
                return q.pdf(z / gate(u, a)) / gate(u, a) if gate(u, a) > 0 else 0.0  # type: ignore[attr-defined, no-any-return]

            expected = (1 - high) * slab.pdf(code) + quad(inner, low, high, limit=300)[0]
            assert value == pytest.approx(expected, rel=1e-3)


def test_divergence_of_logistics_is_an_integral() -> None:
    for distance in (-6.0, -0.5, 0.01, 0.03, 2.0, 9.0):
        q, p = stats.logistic(), stats.logistic(distance)
        expected = quad(lambda t, q=q, p=p: q.pdf(t) * (q.logpdf(t) - p.logpdf(t)), -60, 60, limit=200)[0]
        assert logistic_kl(torch.tensor(distance).double()).item() == pytest.approx(expected, rel=1e-4, abs=1e-9)
    t = torch.tensor([-3.0, 0.005, 0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(logistic_kl, [t])


def test_gradients_of_draws_are_those_of_the_closed_forms() -> None:
    """Of E[z²] and of the divergence, in all heads: also that of the gate, through its probability to open."""
    posterior, exact = HardConcrete(), leaves(params_at())
    each = {head: value.expand(40_000, -1).clone().requires_grad_() for head, value in params_at().items()}
    noise = posterior.noise(each, 1, Generator().manual_seed(0))
    for drawn, closed in (
        (posterior.codes(each, noise).square(), posterior.second_moment(exact)),
        (-posterior.log_ratio(each, noise), posterior.kl(exact)),
    ):
        expected = torch.autograd.grad(closed.sum(), list(exact.values()))
        found = torch.autograd.grad(drawn.sum(), list(each.values()))
        for one, other in zip(found, expected, strict=True):
            assert other.abs().max() > 1e-2
            within(one, other[0])


def test_codes_differentiate_exactly(rng: Generator) -> None:
    posterior = HardConcrete()
    params = draw_params(posterior, 3, 2)
    noise = posterior.noise(params, 3, rng)

    def codes(*values: Tensor) -> Tensor:
        return posterior.codes(dict(zip(posterior.heads, values, strict=True)), noise)

    assert torch.autograd.gradcheck(codes, [value.requires_grad_() for value in params.values()])


def test_method() -> None:
    posterior = build_posterior(METHODS["hard_concrete"](density=0.05).settings)
    assert posterior.prior_density == pytest.approx(0.05)
