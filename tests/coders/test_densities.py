"""Log-densities of codes, masses at zero included: against integrals, draws, torch.distributions and closed forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Gamma, Laplace, kl_divergence

from vscbench.coders import Draw
from vscbench.model import build_posterior
from vscbench.testing.models import SAMPLES, draw_params, leaves, make_posterior, within
from vscbench.testing.specs import POSTERIOR_SPECS, Spec, name

if TYPE_CHECKING:
    from vscbench.coders import Params, Posterior

DRAWS = 20_000
MOMENTS = [1, 2]
"""Steps of 2: while the noise warms up, and at the end."""

# A density knows no estimator of gradients. Families whose divergence is not that of their codes are tested by
# themselves: thresholded samples, rectified ones, and those that come after the paper.
FAMILIES = ("gaussian", "laplacian", "spike_slab")
SPECS = [
    s
    for s in POSTERIOR_SPECS
    if s["family"] in FAMILIES
    and s.get("threshold", {}).get("estimator", "straight_through") == "straight_through"
    and "sample" not in s.get("threshold", {}).get("kind", "")
]


def threshold_of(spec: Spec) -> str | None:
    """The kind of its threshold; None where it has none."""
    kind: str | None = spec.get("threshold", {}).get("kind")
    return kind


every_posterior = pytest.mark.parametrize("spec", SPECS, ids=name)


def grid(loc: Tensor, reach: float = 80.0, points: int = 40_001) -> Tensor:
    """Codes to integrate over, finest around the kink at μ: (G, B, K)."""
    t = torch.linspace(-1, 1, points, dtype=torch.float64)
    return loc + reach * t.pow(3)[:, None, None]


def conditional(posterior: Posterior, params: Params, codes: Tensor, threshold: Tensor | None) -> Tensor:
    """The log-density of codes alone: that of a learned threshold taken off by torch."""
    value = posterior.log_prob_at(params, codes, threshold)
    if threshold is None:
        return value
    shape, rate = params["log_threshold_shape"].exp(), params["log_threshold_rate"].exp()
    return value - Gamma(shape, rate).log_prob(threshold)


@pytest.mark.parametrize("step", MOMENTS)
@every_posterior
def test_mass_and_density_add_up_to_one(spec: Spec, step: int) -> None:
    """And the mass at zero is 1 - P(z ≠ 0), also for one learned threshold after the other."""
    posterior, params = make_posterior(spec)
    posterior.set_step(step, 2)
    loc = params["loc"]
    thresholds = [torch.full_like(loc, v) for v in (0.02, 0.3, 2.0)] if threshold_of(spec) == "gamma" else [None]
    for threshold in thresholds:
        codes = grid(loc * getattr(posterior, "warmup", 1.0))
        codes[codes == 0] = 1e-12
        density = conditional(posterior, params, codes, threshold).exp()
        continuous = torch.trapezoid(density, codes, dim=0)
        mass = torch.zeros_like(loc)
        if "threshold" in spec or spec["family"] == "spike_slab":
            mass = conditional(posterior, params, torch.zeros_like(codes[:1]), threshold).exp()[0]
        torch.testing.assert_close(continuous + mass, torch.ones_like(mass), rtol=0, atol=2e-5)
        active = posterior.active_prob(params) if threshold is None else posterior.base.tail(params, threshold)
        torch.testing.assert_close(1 - mass, active, rtol=0, atol=1e-9)


def laplace_kl_by_torch(params: Params, spread: float, threshold: Tensor | float) -> Tensor:
    """KL(Bern γ ‖ Bern γ₀) + γ KL(Laplace ‖ Laplace₀)."""
    b, b0 = params["log_scale"].exp(), torch.tensor(spread, dtype=torch.float64)
    gate, gate0 = torch.exp(-threshold / b), torch.exp(-threshold / b0)
    gates = kl_divergence(Bernoulli(gate), Bernoulli(gate0))
    return gates + gate * kl_divergence(Laplace(params["loc"], b), Laplace(torch.zeros_like(b), b0))


def laplace_gamma_kl(params: Params, spread: float, mean: float) -> Tensor:
    """KL of code and learned threshold: that of the Gammas, and the mean over λ of that of the codes given λ."""
    q = Gamma(params["log_threshold_shape"].exp(), params["log_threshold_rate"].exp())
    prior = Gamma(torch.tensor(3.0).double(), torch.tensor(3 / mean).double())
    log_threshold = torch.linspace(-30, 5, 4000, dtype=torch.float64)[:, None, None]
    threshold = log_threshold.exp()
    weight = (q.log_prob(threshold) + log_threshold).exp()
    b, b0 = params["log_scale"].exp(), spread
    slabs = kl_divergence(Laplace(params["loc"], b), Laplace(torch.zeros_like(b), torch.full_like(b, b0)))
    x, x0 = threshold / b, threshold / b0
    inside, inside0 = -torch.expm1(-x), -torch.expm1(-x0)
    given = torch.exp(-x) * (x0 - x + slabs) + inside * (inside.log() - inside0.log())
    return kl_divergence(q, prior) + torch.trapezoid(weight * given, log_threshold, dim=0)


def integrated_kl(posterior: Posterior, params: Params) -> Tensor:
    """KL of the fixed threshold's codes by an integral over them."""
    codes = grid(params["loc"].detach(), reach=30.0, points=20_001)
    prior = {head: torch.full_like(params["loc"], value) for head, value in posterior.prior().items()}
    q, p = (posterior.log_prob_at(each, codes) for each in (params, prior))
    zero = torch.zeros_like(codes[:1])
    q0, p0 = (posterior.log_prob_at(each, zero)[0] for each in (params, prior))
    return torch.trapezoid(q.exp() * (q - p), codes, dim=0) + q0.exp() * (q0 - p0)


def divergence(spec: Spec, posterior: Posterior, params: Params) -> Tensor:
    """KL(q(z[, λ]|x) ‖ p(z[, λ])): (B, K)."""
    threshold, family = threshold_of(spec), spec["family"]
    if threshold is None:
        return posterior.kl(params)
    if family == "laplacian":
        if threshold == "fixed":
            return laplace_kl_by_torch(params, posterior.base.prior_scale, posterior.level)
        return laplace_gamma_kl(params, posterior.base.prior_scale, posterior.level)
    return integrated_kl(posterior, params)


# The published gate is on less often than its divergence assumes; a thresholded Gaussian has no closed form given λ.
KNOWN = [
    spec
    for spec in SPECS
    if spec.get("gate") != "published" and (spec["family"], threshold_of(spec)) != ("gaussian", "gamma")
]


@pytest.mark.parametrize("spec", KNOWN, ids=name)
def test_mean_log_ratio_is_the_divergence(spec: Spec) -> None:
    posterior, params = make_posterior(spec)
    with torch.no_grad():
        ratio = posterior.log_ratio(params, posterior.noise(params, DRAWS, Generator().manual_seed(0)))
    within(-ratio, divergence(spec, posterior, params))


@pytest.mark.parametrize("spec", KNOWN, ids=name)
def test_gradient_of_the_mean_log_ratio_is_that_of_the_divergence(spec: Spec) -> None:
    """In every head: also those that a gate or a threshold depends on, through the jump between mass and density."""
    posterior, params = make_posterior(spec)
    params = {head: value.flatten()[:4].view(1, 4) for head, value in params.items()}
    exact = leaves(params)
    kl = divergence(spec, posterior, posterior.clamp(exact)).sum()
    expected = torch.autograd.grad(kl, list(exact.values()))
    draws = 20_000
    each = {head: value.expand(draws, 4).clone().requires_grad_() for head, value in params.items()}
    clamped = posterior.clamp(each)
    ratio = posterior.log_ratio(clamped, posterior.noise(clamped, 1, Generator().manual_seed(0)))
    found = torch.autograd.grad(-ratio.sum(), list(each.values()))
    for head, one, other in zip(params, found, expected, strict=True):
        assert other.abs().max() > 1e-3, head
        within(one, other[0])


@every_posterior
def test_prior_is_at_the_end_of_its_ramps(spec: Spec) -> None:
    """At the prior's parameters q is p when nothing ramps any more, and not before."""
    posterior = build_posterior(spec)
    params = {head: torch.full((1, 4), value, dtype=torch.float64) for head, value in posterior.prior().items()}
    noise = posterior.noise(params, 40, Generator().manual_seed(0))
    torch.testing.assert_close(posterior.log_ratio(params, noise), torch.zeros(40, 1, 4).double())
    if "noise_warmup" in spec:
        posterior.set_step(0, 2)
        assert posterior.log_ratio(params, noise).abs().max() > 0.04


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "threshold" in spec], ids=name)
def test_kl_of_a_thresholded_posterior_is_that_of_its_base(spec: Spec) -> None:
    """As published: with, where the threshold is drawn, a tenth of its own; `exact` is that of the codes instead."""
    posterior, params = make_posterior(spec)
    expected = posterior.base.kl(params)
    if spec["threshold"].get("divergence") == "exact":
        expected = divergence(spec, posterior, params)
    if threshold_of(spec) == "gamma":
        q = Gamma(params["log_threshold_shape"].exp(), params["log_threshold_rate"].exp())
        prior = Gamma(torch.tensor(3.0).double(), torch.tensor(3 / spec["threshold"]["value"]).double())
        expected = expected + 0.1 * kl_divergence(q, prior)
    torch.testing.assert_close(posterior.kl(params), expected, rtol=1e-10, atol=1e-10)


def test_published_gate_has_the_divergence_of_the_corrected_one() -> None:
    published, params = make_posterior({"family": "spike_slab", "gate": "published"})
    corrected = build_posterior({"family": "spike_slab", "gate": "logit"})
    assert torch.equal(published.kl(params), corrected.kl(params))


def test_thresholded_laplacian_is_spike_and_slab() -> None:
    """γ Laplace(μ, b) + (1 - γ) δ₀ with γ = e^{-λ/b}, in single precision also where 1 - γ is tiny or γ is."""
    posterior = build_posterior({"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.25}})
    for log_scale in (-6.0, -1.0, 0.0, 12.0):
        params = {"loc": torch.tensor([[0.4]]), "log_scale": torch.tensor([[log_scale]])}
        exact = {head: value.double() for head, value in params.items()}
        codes = torch.tensor([-1.0, 0.1, 0.7]).view(-1, 1, 1)
        gate = -0.25 / exact["log_scale"].exp()
        expected = gate + Laplace(exact["loc"], exact["log_scale"].exp()).log_prob(codes.double())
        torch.testing.assert_close(posterior.log_prob_at(params, codes).double(), expected, rtol=1e-5, atol=1e-5)
        off = torch.log(-torch.expm1(gate))
        zero = posterior.log_prob_at(params, torch.zeros(1, 1, 1)).double()
        torch.testing.assert_close(zero[0], off, rtol=1e-5, atol=1e-6)


def test_exact_divergence_of_thresholded_codes_is_no_more_than_that_of_their_base() -> None:
    """Thresholding can only lose information; at the prior both vanish, and far from it single precision is exact."""
    fixed = {"kind": "fixed", "value": 0.25}
    exact, base = (
        build_posterior({"family": "laplacian", "threshold": fixed | {"divergence": each}})
        for each in ("exact", "base")
    )
    params = draw_params(exact, 100, 10, spread=3.0)
    assert (exact.kl(params) <= base.kl(params) + 1e-9).all()
    single = {head: value.float() for head, value in params.items()}
    torch.testing.assert_close(exact.kl(single).double(), exact.kl(params), rtol=1e-4, atol=1e-5)
    prior = {head: torch.full((1, 1), value, dtype=torch.float64) for head, value in exact.prior().items()}
    assert exact.kl(prior).abs().max() < 1e-12


def test_jump_has_no_value() -> None:
    posterior, params = make_posterior({"family": "spike_slab"})
    params = leaves(params)
    draw = posterior.draw(params, posterior.noise(params, SAMPLES, Generator().manual_seed(0)))
    assert draw.active_prob is not None
    assert torch.equal(posterior.log_prob(params, draw), posterior.log_prob(params, Draw(draw.codes)))
