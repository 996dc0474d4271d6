"""Thresholded samples: moments, mass and density against integrals, gradients against finite differences and them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch import Generator, Tensor

from vscbench.coders.gaussian import Gaussian
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.sample_threshold import GammaSampleThreshold, SampleThreshold
from vscbench.methods import METHODS
from vscbench.model import build_posterior
from vscbench.testing.models import draw_params, leaves, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from vscbench.coders import Base, Params

BASES = {"gaussian": Gaussian, "laplacian": Laplacian}
LEVEL = 0.3
every_base = pytest.mark.parametrize("base", BASES)


def density(base: str, loc: float, head: float) -> Callable[[float], float]:
    """The density of the sample."""
    scale = math.exp(head / 2 if base == "gaussian" else head)
    if base == "gaussian":
        return lambda s: math.exp(-0.5 * ((s - loc) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return lambda s: math.exp(-abs(s - loc) / scale) / (2 * scale)


def integral(base: str, params: Params, of: Callable[[float], float], cuts: tuple[float, ...]) -> Tensor:
    """E[of(s)] of each latent by adaptive quadrature, cut at the mean and where `of` has kinks: (B, K)."""
    found = []
    for loc, head in zip(*(params[name].flatten().tolist() for name in BASES[base].heads), strict=True):
        q = density(base, loc, head)
        ends = sorted({-300.0, -20.0, loc - 1, loc, loc + 1, *cuts, 20.0, 300.0})
        found.append(sum(quad(lambda s, q=q: of(s) * q(s), *part, epsabs=1e-11)[0] for part in pairwise(ends)))
    return torch.tensor(found, dtype=torch.float64).view(params["loc"].shape)


def shrunk(s: float) -> float:
    return math.copysign(max(abs(s) - LEVEL, 0), s)


@every_base
def test_moments_and_mass_are_integrals(base: str) -> None:
    """P(z ≠ 0), E[z], E[z²] and P(z = 0), also for |μ| far beyond λ and within it."""
    posterior = SampleThreshold(BASES[base](), value=LEVEL)
    params = draw_params(posterior, 3, 4, spread=1.5)
    zero = posterior.log_prob_at(params, torch.zeros(1, 3, 4).double())[0]
    for value, of in (
        (posterior.active_prob(params), lambda s: float(abs(s) > LEVEL)),
        (posterior.mean(params), shrunk),
        (posterior.second_moment(params), lambda s: shrunk(s) ** 2),
        (zero.exp(), lambda s: float(abs(s) <= LEVEL)),
    ):
        torch.testing.assert_close(value, integral(base, params, of, (-LEVEL, LEVEL)), rtol=1e-7, atol=1e-9)


@every_base
@pytest.mark.parametrize("power", [0, 1, 2])
def test_partial_moments_are_differentiable_integrals(base: str, power: int) -> None:
    """E[(e - t)₊^p] on both sides of 0, with gradients by finite differences."""
    posterior: Base = BASES[base]()
    params = draw_params(posterior, 2, 2) | {"loc": torch.zeros(2, 2).double()}
    for t in (-0.7, 0.0, 0.4, 2.0):
        beyond = torch.full((2, 2), t).double()
        expected = integral(base, params, lambda e, t=t: (e > t) * (e - t) ** power, (t,))
        torch.testing.assert_close(posterior.partial_moment(params, beyond, power), expected, rtol=1e-7, atol=1e-9)
    heads = [params[head].requires_grad_() for head in posterior.heads]

    def moment(t: Tensor, *values: Tensor) -> Tensor:
        return posterior.partial_moment(dict(zip(posterior.heads, values, strict=True)), t, power)

    for t in (-0.7, 0.4):
        assert torch.autograd.gradcheck(moment, [torch.full((2, 2), t).double().requires_grad_(), *heads])


@every_base
def test_log_within_far_out(base: str) -> None:
    """Where P(|s| ≤ λ) underflows, and where it is nearly one, in single precision, with finite gradients."""
    posterior: Base = BASES[base]()
    head = posterior.heads[1]
    params = leaves({"loc": torch.tensor([[9.0, 0.0, 0.01, 5.0]]), head: torch.tensor([[-6.0, -8.0, 9.0, 0.3]])})
    found = posterior.log_within(params, LEVEL)
    exact = posterior.log_within({name: value.detach().double() for name, value in params.items()}, LEVEL)
    torch.testing.assert_close(found.double(), exact, rtol=2e-4, atol=1e-6)
    if base == "laplacian":  # e^{-(|μ| - λ)/b}/2
        b = math.exp(-6)
        assert exact[0, 0].item() == pytest.approx(-(9 - LEVEL) / b - math.log(2) + math.log1p(-math.exp(-0.6 / b)))
    for gradient in torch.autograd.grad(found.sum(), list(params.values())):
        assert gradient.isfinite().all()


@every_base
@pytest.mark.parametrize("kind", ["sample", "sample_gamma"])
def test_codes_differentiate_exactly(base: str, kind: str, rng: Generator) -> None:
    """z is continuous in all that it depends on: no estimator, the derivative by finite differences."""
    posterior = build_posterior({"family": base, "threshold": {"kind": kind, "value": LEVEL}})
    params = draw_params(posterior, 4, 3)
    noise = posterior.noise(params, 3, rng)
    heads = [head for head in posterior.heads if head != "log_threshold_shape"]  # its draw depends on it implicitly

    def codes(*values: Tensor) -> Tensor:
        return posterior.codes(params | dict(zip(heads, values, strict=True)), noise)

    with torch.no_grad():
        assert 0.1 < codes(*(params[head] for head in heads)).ne(0).double().mean() < 0.9
    assert torch.autograd.gradcheck(codes, [params[head].requires_grad_() for head in heads], eps=1e-7, atol=1e-6)


@every_base
def test_mean_gradient_is_that_of_the_moments(base: str) -> None:
    """E[dz²/dθ] by draws is d E[z²]/dθ of the closed form, so that the pathwise gradient is unbiased."""
    posterior = SampleThreshold(BASES[base](), value=LEVEL)
    params = {head: value[:1] for head, value in draw_params(posterior).items()}
    exact = leaves(params)
    expected = torch.autograd.grad(posterior.second_moment(exact).sum(), list(exact.values()))
    each = {head: value.expand(20_000, -1).clone().requires_grad_() for head, value in params.items()}
    codes = posterior.codes(each, posterior.noise(each, 1, Generator().manual_seed(0)))
    for one, other in zip(torch.autograd.grad(codes.square().sum(), list(each.values())), expected, strict=True):
        within(one, other[0])


@every_base
def test_gradient_of_the_mean_log_density_is_that_of_the_entropy(base: str) -> None:
    """Of the codes alone, through the jumps at both sides of the mass at zero: against an integral."""
    posterior = SampleThreshold(BASES[base](), value=LEVEL)
    params = draw_params(posterior, 1, 4, spread=0.3)
    exact = leaves(params)
    zero = torch.zeros(1, 1, 4).double()
    grid = torch.linspace(-1, 1, 100_001, dtype=torch.float64).pow(3)[:, None, None] * 20
    entropy = posterior.log_prob_at(exact, zero)[0]
    entropy = (entropy.exp() * entropy).sum()
    for inside in (grid[grid > 0].view(-1, 1, 1), grid[grid < 0].view(-1, 1, 1)):
        log_q = posterior.log_prob_at(exact, inside)
        entropy = entropy + torch.trapezoid(log_q.exp() * log_q, inside, dim=0).sum()
    expected = torch.autograd.grad(entropy, list(exact.values()))
    each = {head: value.expand(40_000, 4).clone().requires_grad_() for head, value in params.items()}
    draw = posterior.draw(each, posterior.noise(each, 1, Generator().manual_seed(0)))
    found = torch.autograd.grad(posterior.log_prob(each, draw).sum(), list(each.values()))
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 1e-2
        within(one, other[0])


@every_base
@pytest.mark.parametrize("shape", [0.3, 3.0, 60.0])
def test_moments_of_a_drawn_threshold_are_means_over_thresholds(base: str, shape: float) -> None:
    """The quadrature over s against means of the closed forms over quantiles of λ."""
    posterior = GammaSampleThreshold(BASES[base](), value=LEVEL)
    params = draw_params(posterior, 3, 4, spread=1.0)
    params["log_threshold_shape"] = torch.full((3, 4), math.log(shape)).double()
    params["log_threshold_rate"] = torch.full((3, 4), math.log(shape / LEVEL)).double()
    q = stats.gamma(shape, scale=LEVEL / shape)
    levels = torch.from_numpy(q.ppf((np.arange(40_000) + 0.5) / 40_000))
    for found, name in (
        (posterior.active_prob(params), "active_prob"),
        (posterior.mean(params), "mean"),
        (posterior.second_moment(params), "second_moment"),
    ):
        given = SampleThreshold(BASES[base](), value=1.0)
        given.level = levels[:, None, None]  # type: ignore[assignment]
        expected = getattr(given, name)(params).mean(0)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=3e-4)


def test_a_threshold_on_the_sample_follows_its_mean() -> None:
    """P(z ≠ 0|x) goes to 1 with |μ| at a price of μ²/2s² nats, where the paper's stays as it is."""
    density = {"density": 0.1}
    sample, fixed = (
        build_posterior({"family": "gaussian", "threshold": {"kind": kind} | density}) for kind in ("sample", "fixed")
    )
    at = {"loc": torch.tensor([[0.0, 1.04, 2.0]]), "log_variance": torch.full((1, 3), math.log(0.1))}
    torch.testing.assert_close(sample.active_prob(at)[0, 0].item(), 0.1, rtol=1e-5, atol=0)
    assert sample.active_prob(at)[0, 1:].tolist() == pytest.approx([0.95, 1.0], abs=1e-2)
    assert fixed.active_prob(at).tolist()[0] == pytest.approx([0.1] * 3)
    assert sample.kl(at)[0, 2].item() == pytest.approx(20.0)
    assert sample.prior_density == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["gaussian", "laplacian"])
@pytest.mark.parametrize("suffix", ["", "_gamma"])
def test_methods(name: str, suffix: str) -> None:
    settings = METHODS[f"{name}_sample_thresh{suffix}"](density=0.05).settings
    posterior = build_posterior(settings)
    assert isinstance(posterior, GammaSampleThreshold if suffix else SampleThreshold)
    assert posterior.prior_density == pytest.approx(0.05)
