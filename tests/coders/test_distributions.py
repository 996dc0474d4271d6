"""The distributions that codes and thresholds are claimed to have, against scipy and torch.distributions."""

from __future__ import annotations

from math import exp, log, log1p
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special, stats
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Gamma, Laplace, Normal, kl_divergence

from vscbench.coders.divergences import gamma_kl, gaussian_kl, laplace_kl, spike_slab_kl
from vscbench.coders.gamma import Threshold, standard_gamma
from vscbench.coders.gaussian import Gaussian
from vscbench.coders.laplacian import Laplacian
from vscbench.coders.spike_slab import SpikeSlab
from vscbench.coders.threshold import FixedThreshold, GammaThreshold
from vscbench.testing.models import draw_codes, within

if TYPE_CHECKING:
    from collections.abc import Callable

DRAWS = 20_000
P_VALUE = 1e-4
"""The seeds are fixed: a test that passes goes on passing, and a wrong distribution is rejected at this many draws."""


def constant(**values: float) -> dict[str, Tensor]:
    """The same parameters for every one of `DRAWS` data points and one latent: (B, 1)."""
    return {name: torch.full((DRAWS, 1), value, dtype=torch.float64) for name, value in values.items()}


def same_distribution(draws: Tensor, expected: stats.rv_frozen | str) -> None:
    cdf = expected if isinstance(expected, str) else expected.cdf
    assert stats.kstest(draws.flatten().numpy(), cdf).pvalue > P_VALUE


# ------------------------------------------------------------------------- slabs


@pytest.mark.parametrize("warmup", [0.1, 0.6, 1.0])
def test_slab_while_the_noise_warms_up(warmup: float, rng: Generator) -> None:
    """The slab N(w μ, (w σ + √(1 - w))²)."""
    posterior = SpikeSlab()
    posterior.warmup = warmup
    params = constant(loc=0.8, log_variance=2 * log(0.4), log_active=log1p(-1e-6))
    with torch.no_grad():
        codes = posterior.codes(params, posterior.noise(params, 1, rng))
    slab = codes[codes != 0]
    assert len(slab) > 0.99 * DRAWS
    same_distribution(slab, stats.norm(0.8 * warmup, 0.4 * warmup + (1 - warmup) ** 0.5))


# ---------------------------------------------------------------- thresholds


@pytest.mark.parametrize("warmup", [0.5, 1.0])
@pytest.mark.parametrize("loc", [0.0, -0.7])
@pytest.mark.parametrize(("scale", "threshold"), [(0.1, 0.25), (0.3, 0.25), (1.0, 0.25), (0.2, 1e-3)])
def test_thresholded_laplacian_is_spike_and_slab(scale: float, threshold: float, loc: float, warmup: float) -> None:
    """z ~ γ Laplace(μ, w b) + (1 - γ) δ₀ with γ = exp(-λ/(w b)), exactly."""
    base = Laplacian()
    base.warmup = warmup
    codes = draw_codes(FixedThreshold(base, value=threshold), constant(loc=loc, log_scale=log(scale)), 5)
    active = codes[codes != 0]
    gamma = exp(-threshold / (scale * warmup))
    assert stats.binomtest(len(active), codes.numel(), gamma).pvalue > P_VALUE
    same_distribution(active, stats.laplace(loc, scale * warmup))


@pytest.mark.parametrize(("deviation", "threshold"), [(0.3, 0.52), (1.0, 0.52), (0.05, 0.01)])
def test_thresholded_gaussian(deviation: float, threshold: float) -> None:
    """Active with probability γ = 2Φ(-λ/σ), and then |z - μ| + λ is the tail of a half-normal beyond λ."""
    loc = 0.4
    codes = draw_codes(
        FixedThreshold(Gaussian(), value=threshold),
        constant(loc=loc, log_variance=2 * log(deviation)),
        5,
    )
    active = codes[codes != 0]
    gamma = 2 * stats.norm.cdf(-threshold / deviation)
    assert stats.binomtest(len(active), codes.numel(), gamma).pvalue > P_VALUE
    beyond = (active - loc).abs() + threshold
    survival = stats.norm(scale=deviation).sf(beyond.numpy()) * 2 / gamma
    assert stats.kstest(survival, "uniform").pvalue > P_VALUE
    assert stats.binomtest(int((active > loc).sum()), len(active)).pvalue > P_VALUE


def test_threshold_acts_on_the_deviation() -> None:
    """A code whose deviation stays within ±λ is exactly zero, wherever its mean is; others are pulled towards μ."""
    posterior = FixedThreshold(Gaussian(), value=0.5)
    params = {"loc": torch.tensor([[2.0]]), "log_variance": torch.tensor([[0.0]])}
    deviation = torch.tensor([-1.5, -0.5, -0.2, 0.0, 0.5, 0.75]).view(-1, 1, 1)
    codes = posterior.codes(params, {"normal": deviation})
    assert codes.flatten().tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 2.25]


@pytest.mark.parametrize(
    ("base", "spread", "table"),
    [
        (Gaussian(), {"log_variance": log(0.1)}, {0.62: 0.05, 0.52: 0.10, 0.405: 0.20, 0.213: 0.50}),
        (Laplacian(), {"log_scale": log(0.1)}, {0.2996: 0.05, 0.23: 0.10, 0.161: 0.20, 0.0693: 0.50}),
    ],
    ids=["gaussian", "laplacian"],
)
def test_threshold_for_a_density_under_the_prior(
    base: Gaussian | Laplacian, spread: dict[str, float], table: dict[float, float]
) -> None:
    """Both ways, against rounded values."""
    prior = constant(loc=0.0, **spread)
    for threshold, density in table.items():
        assert base.tail(prior, threshold)[0].item() == pytest.approx(density, abs=1.5e-3)
        assert base.threshold_for(density) == pytest.approx(threshold, rel=1e-2)
        assert base.tail(prior, base.threshold_for(density))[0].item() == pytest.approx(density, rel=1e-9)
        assert FixedThreshold(base, density=density).prior_density == pytest.approx(density, rel=1e-9)
        assert GammaThreshold(base, density=density).prior_density == pytest.approx(density, rel=1e-9)


@pytest.mark.parametrize(("shape", "rate"), [(0.3, 0.5), (1.0, 2.0), (3.0, 12.0), (40.0, 100.0)])
@pytest.mark.parametrize("base", [Gaussian(), Laplacian()], ids=["gaussian", "laplacian"])
def test_gamma_tail(base: Gaussian | Laplacian, shape: float, rate: float, rng: Generator) -> None:
    """P(|e| > λ) with both drawn, against as many draws as there are data points."""
    params = constant(loc=0.0, log_variance=log(0.3), log_scale=log(0.3))
    drawn = torch.from_numpy(np.random.default_rng(0).gamma(shape, 1 / rate, (20, DRAWS, 1)))
    exceeds = base.deviation(params, base.noise(params, 20, rng)).abs() > drawn
    alpha, beta = constant(alpha=shape, beta=rate).values()
    probability = base.gamma_tail(params, alpha, beta)[:1]
    within(exceeds.double().view(-1, 1), probability, errors=4)


@pytest.mark.parametrize("scale", [0.02, 0.3, 3.0])
@pytest.mark.parametrize("shape", [0.05, 0.3, 1.0, 3.0, 100.0])
def test_gaussian_gamma_tail_is_accurate(shape: float, scale: float) -> None:
    """The quadrature against an adaptive one."""
    rate = shape  # a mean threshold of 1
    params = {"loc": torch.zeros(1, 1), "log_variance": torch.full((1, 1), 2 * log(scale)).double()}
    found = Gaussian().gamma_tail(params, torch.full((1, 1), shape).double(), torch.full((1, 1), rate).double())
    quantiles = (np.arange(200_000) + 0.5) / 200_000
    expected = special.gammainc(shape, rate * scale * stats.halfnorm.ppf(quantiles)).mean()
    assert found.item() == pytest.approx(expected, abs=2e-3)


# ----------------------------------------------------------------------- gates


@pytest.mark.parametrize("gamma", [0.02, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("gate", ["logit", "published"])
def test_probability_of_an_open_gate(gate: str, gamma: float) -> None:
    posterior = SpikeSlab(gate=gate)  # type: ignore[arg-type]
    params = constant(loc=0.3, log_variance=0.0, log_active=log(gamma))
    codes = draw_codes(posterior, params, 5)
    expected = gamma if gate == "logit" else gamma / (1 + gamma)
    assert posterior.active_prob(params)[0].item() == pytest.approx(expected, rel=1e-9)
    assert stats.binomtest(int(codes.ne(0).sum()), codes.numel(), expected).pvalue > P_VALUE


# ----------------------------------------------------------------------- Gamma

SHAPES = [0.05, 0.3, 0.99, 1.0, 1.7, 3.0, 50.0, 5e3]


@pytest.mark.parametrize("shape", SHAPES)
def test_standard_gamma(shape: float, rng: Generator) -> None:
    draws = standard_gamma(torch.full((4, DRAWS // 40), shape, dtype=torch.float64), 10, rng)
    same_distribution(draws, stats.gamma(shape))


def test_standard_gamma_of_mixed_shapes(rng: Generator) -> None:
    """Each draw follows its own shape, also those that had to be proposed again."""
    shape = torch.tensor(SHAPES, dtype=torch.float64).repeat(3, 1)
    draws = standard_gamma(shape, DRAWS // len(SHAPES), rng)
    assert draws.shape == (DRAWS // len(SHAPES), *shape.shape)
    same_distribution(torch.from_numpy(stats.gamma(shape.numpy()).cdf(draws.numpy())), "uniform")


def test_standard_gamma_of_any_layout() -> None:
    """The draws follow the values of α, not the memory that they lie in."""
    shape = torch.tensor(SHAPES, dtype=torch.float64).repeat(3, 1)
    draws = [
        standard_gamma(each, 50, Generator().manual_seed(0))
        for each in (shape, shape.T.contiguous().T, shape[:1].expand(3, -1), shape.repeat(1, 2)[:, : len(SHAPES)])
    ]
    assert all(torch.equal(draws[0], each) for each in draws[1:])


@pytest.mark.parametrize("shape", [1e-6, 1e-2, 1e6])
def test_standard_gamma_is_positive_and_finite(shape: float, rng: Generator) -> None:
    draws = standard_gamma(torch.full((10,), shape), DRAWS, rng)
    assert draws.isfinite().all()
    assert (draws > 0).all()


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("broken", [torch.nan, torch.inf], ids=["nan", "inf"])
def test_standard_gamma_of_a_diverged_encoder_ends(broken: float, rng: Generator) -> None:
    """What has no distribution has no finite draw; the others keep theirs."""
    draws = standard_gamma(torch.tensor([1.0, broken, 0.3]), 100, rng)
    assert torch.equal(draws.isfinite(), torch.tensor([True, False, True]).expand(100, 3))


def test_threshold_gradient_is_torchs_own() -> None:
    """That of a reparameterised λ ~ Gamma(α, β), summed over draws, also where a part of them asks for one."""
    log_shape = torch.tensor([0.05, 0.5, 1.0, 3.0, 40.0], dtype=torch.float64).log().requires_grad_()
    log_rate = torch.linspace(-1, 1, 5, dtype=torch.float64).requires_grad_()
    torch.manual_seed(0)
    expected = Gamma(log_shape.exp(), log_rate.exp()).rsample(torch.Size([100]))
    found = Threshold.apply(log_shape, log_rate, (expected * log_rate.exp()).detach())
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    weights = random(100, 5)
    weights[weights.abs() < 0.5] = 0
    for ours, theirs in zip(
        *(torch.autograd.grad((weights * each).sum(), (log_shape, log_rate)) for each in (found, expected)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=0)


def test_threshold_gradient_keeps_the_quantile(rng: Generator) -> None:
    """The definition: dλ/dα moves λ so that its place in the distribution stays."""
    shape = torch.tensor([0.3, 1.0, 3.0, 40.0], dtype=torch.float64).repeat(50, 1)
    log_shape = shape.log().requires_grad_()
    draws = standard_gamma(shape, 1, rng)
    (found,) = torch.autograd.grad(Threshold.apply(log_shape, torch.zeros_like(shape), draws).sum(), log_shape)
    alpha, h = shape.numpy(), 1e-5
    quantile = special.gammainc(alpha, draws[0].numpy())
    inside = quantile < 1 - 1e-3  # scipy inverts the upper tail less well
    up, down = (special.gammaincinv(alpha + sign * h, quantile) for sign in (1, -1))
    expected = alpha * (up - down) / (2 * h)
    np.testing.assert_allclose(found.numpy()[inside], expected[inside], rtol=1e-3)


@pytest.mark.parametrize(
    ("posterior", "bounded", "limits"),
    [
        (GammaThreshold(Gaussian(), value=0.5), ("log_threshold_shape", "log_threshold_rate"), (log(1e-6), log(1e6))),
        (SpikeSlab(head="rectified"), ("log_active",), (log(1e-6), log1p(-1e-6))),
    ],
    ids=["gamma", "spike_slab"],
)
def test_parameters_stay_where_all_can_be_computed(
    posterior: GammaThreshold | SpikeSlab, bounded: tuple[str, ...], limits: tuple[float, float]
) -> None:
    """α and β in [1e-6, 1e6], γ in [1e-6, 1 - 1e-6], without a gradient beyond; the others are left alone."""
    heads = {name: torch.tensor([[-50.0, -0.5, 50.0]], requires_grad=True) for name in posterior.heads}
    clipped = posterior.clamp(heads)
    for name in bounded:
        torch.testing.assert_close(clipped[name], torch.tensor([[limits[0], -0.5, limits[1]]]))
        (gradient,) = torch.autograd.grad(clipped[name].sum(), heads[name])
        assert gradient.tolist() == [[0, 1, 0]]
    assert clipped["loc"] is heads["loc"]
    at_the_limits = {name: value.detach() for name, value in clipped.items()} | {"loc": torch.zeros(1, 3)}
    assert posterior.kl(at_the_limits).isfinite().all()


@pytest.mark.parametrize("gate", ["logit", "published"])
def test_no_gate_is_stuck(gate: str) -> None:
    """γ = sigmoid(h): a gate that is open has a gradient as one that is shut, and the logit of γ is h."""
    posterior = SpikeSlab(gate=gate)  # type: ignore[arg-type]
    heads = {name: torch.tensor([[-8.0, -1.0, 0.0, 1.0, 8.0]]) for name in posterior.heads}
    heads["log_active"].requires_grad_()
    params = posterior.clamp(heads)
    torch.testing.assert_close(params["log_active"].exp(), heads["log_active"].sigmoid())
    (gradient,) = torch.autograd.grad(posterior.gate_logit(params).sum(), heads["log_active"])
    expected = torch.ones(1, 5) if gate == "logit" else 1 - heads["log_active"].sigmoid()
    torch.testing.assert_close(gradient, expected)


def test_learned_threshold_is_gamma_distributed(rng: Generator) -> None:
    params = constant(loc=0.0, log_scale=0.0, log_threshold_shape=log(0.7), log_threshold_rate=log(4.0))
    posterior = GammaThreshold(Laplacian(), value=0.25)
    draws = posterior.threshold(params, posterior.noise(params, 1, rng))
    same_distribution(draws, stats.gamma(0.7, scale=1 / 4.0))


# ----------------------------------------------------------------- divergences


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


ZERO = torch.tensor(0.0, dtype=torch.float64)


def torchs_gaussian(loc: Tensor, log_variance: Tensor) -> Tensor:
    return kl_divergence(Normal(loc, (log_variance / 2).exp()), Normal(ZERO, 0.1**0.5))


def torchs_laplace(loc: Tensor, log_scale: Tensor) -> Tensor:
    return kl_divergence(Laplace(loc, log_scale.exp()), Laplace(ZERO, 0.1))


def torchs_gamma(log_shape: Tensor, log_rate: Tensor) -> Tensor:
    return kl_divergence(Gamma(log_shape.exp(), log_rate.exp()), Gamma(ZERO + 3, ZERO + 12))


def torchs_spike_slab(loc: Tensor, log_variance: Tensor, log_spike: Tensor) -> Tensor:
    spike = log_spike.exp()
    return kl_divergence(Bernoulli(spike), Bernoulli(ZERO + 0.2)) + spike * torchs_gaussian(loc, log_variance)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda *params: gaussian_kl(*params, 0.1**0.5), torchs_gaussian),
        (lambda *params: laplace_kl(*params, 0.1), torchs_laplace),
        (lambda *params: gamma_kl(*params, 3.0, 12.0), torchs_gamma),
        (lambda *params: spike_slab_kl(*params, 0.1**0.5, 0.2), torchs_spike_slab),
    ],
    ids=["gaussian", "laplace", "gamma", "spike_slab"],
)
def test_divergence_is_torchs(found: Callable[..., Tensor], expected: Callable[..., Tensor]) -> None:
    """Values and derivatives."""
    heads = 3 if expected is torchs_spike_slab else 2
    params = list(2 * torch.randn(heads, 1000, generator=Generator().manual_seed(0), dtype=torch.float64))
    if heads == 3:  # probabilities of 1e-6 to 1 - 1e-6
        params[2] = F.logsigmoid(7 * params[2]).clamp(log(1e-6), log1p(-1e-6))
    params = [param.requires_grad_() for param in params]
    ours, theirs = found(*params), expected(*params)
    torch.testing.assert_close(ours, theirs)
    weight = random(1000, seed=1)
    gradients = (torch.autograd.grad((weight * value).sum(), params) for value in (ours, theirs))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [
        (Gaussian(prior_scale=0.1**0.5), {"loc": 0.0, "log_variance": log(0.1)}),
        (Laplacian(prior_scale=0.1), {"loc": 0.0, "log_scale": log(0.1)}),
        (
            SpikeSlab(prior_scale=0.1**0.5, prior_active=0.2),
            {"loc": 0.0, "log_variance": log(0.1), "log_active": log(0.2)},
        ),
        (
            GammaThreshold(Laplacian(), value=0.25),
            {
                "loc": 0.0,
                "log_scale": log(0.1),
                "log_threshold_shape": log(3),
                "log_threshold_rate": log(12),
            },
        ),
    ],
    ids=["gaussian", "laplacian", "spike_slab", "gamma"],
)
def test_kl_vanishes_at_the_prior(
    posterior: Gaussian | Laplacian | SpikeSlab | GammaThreshold, prior: dict[str, float]
) -> None:
    torch.testing.assert_close(posterior.kl(constant(**prior)), torch.zeros(DRAWS, 1).double())


@pytest.mark.parametrize("shape", [50, 99, 101, 1e3, 1e5, 1e6])
def test_divergence_of_a_gamma_in_single_precision(shape: float) -> None:
    """Where αψ(α) - log Γ(α) - α is small against its terms: value and derivatives to six digits or so."""
    at = [torch.tensor(log(shape), dtype=torch.float64), torch.tensor(log(1.2 * shape), dtype=torch.float64)]
    found, expected = [], []
    for kind, to in ((torch.float32, found), (torch.float64, expected)):
        params = [value.to(kind).requires_grad_() for value in at]
        value = gamma_kl(*params, 3.0, 12.0) if kind == torch.float32 else torchs_gamma(*params)
        to += [each.item() for each in (value, *torch.autograd.grad(value, params))]
    assert found == pytest.approx(expected, rel=2e-5, abs=2e-4)


@pytest.mark.parametrize(("base", "head"), [(Gaussian(), "log_variance"), (Laplacian(), "log_scale")])
@pytest.mark.parametrize("threshold", [0.5, 1e3, 1e6])
def test_a_threshold_far_above_the_noise(base: Gaussian | Laplacian, head: str, threshold: float) -> None:
    """Codes that are never active: the jump of the log-density there is -∞ in single precision, its weight 0."""
    params = {"loc": torch.full((1, 5), 0.3), head: torch.full((1, 5), -80.0)}
    params = {name: value.requires_grad_() for name, value in params.items()}
    posterior = FixedThreshold(base, value=threshold)
    draw = posterior.draw(params, posterior.noise(params, 3, Generator().manual_seed(0)))
    value = posterior.log_prob(params, draw)
    torch.testing.assert_close(value, torch.zeros(3, 1, 5))
    for gradient in torch.autograd.grad(value.sum(), list(params.values())):
        assert gradient.isfinite().all()
