"""Scales of the prior that are learned: the same posteriors in other units."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from vscbench.coders.scaled import Scaled
from vscbench.errors import UserError
from vscbench.model import build_coder, build_posterior
from vscbench.testing.models import LATENTS, draw_params, make_coder, run_spec, within
from vscbench.testing.specs import name
from vscbench.training.stacked import stack

MULTIPLIERS = torch.linspace(0.3, 3, LATENTS, dtype=torch.float64)
SPECS: list[dict[str, Any]] = [
    {"family": "gaussian"},
    {"family": "laplacian"},
    {"family": "spike_slab"},
    *({"family": "gaussian", "threshold": {"kind": kind, "density": 0.3}} for kind in ("sample", "sample_gamma")),
    {"family": "laplacian", "threshold": {"kind": "sample", "density": 0.3}},
    {"family": "gaussian", "threshold": {"kind": "fixed", "density": 0.3}},
]
every_spec = pytest.mark.parametrize("spec", SPECS, ids=name)


def make(spec: dict[str, Any]) -> Scaled:
    """The posterior of `spec` with a scale for each latent."""
    posterior = build_posterior(spec | {"prior_scale": "learned"}, LATENTS)
    assert isinstance(posterior, Scaled)
    posterior.double()
    posterior.log_multiplier.data = MULTIPLIERS.log()
    return posterior


@every_spec
def test_at_the_start_it_is_the_posterior_with_a_scale_of_one(spec: dict[str, Any]) -> None:
    learned, fixed = (
        build_posterior(spec | {"prior_scale": "learned"}, LATENTS),
        build_posterior(spec | {"prior_scale": 1.0}),
    )
    params = draw_params(fixed)
    noise = fixed.noise(params, 3, Generator().manual_seed(0))
    draw, other = learned.draw(params, noise), fixed.draw(params, noise)
    assert torch.equal(draw.codes, other.codes)
    assert torch.equal(learned.log_prob(params, draw), fixed.log_prob(params, other))
    assert torch.equal(learned.kl(params), fixed.kl(params))


@every_spec
def test_each_latent_is_that_of_the_family_with_a_prior_of_its_scale(spec: dict[str, Any]) -> None:
    """Mean, divergence and densities of a family whose `prior_scale` is m_k s, its parameters in units of the codes."""
    learned = make(spec)
    params = draw_params(learned)
    noise = learned.noise(params, 200, Generator().manual_seed(0))
    draw = learned.draw(params, noise)
    for k, multiplier in enumerate(MULTIPLIERS.tolist()):
        fixed = build_posterior(spec | {"prior_scale": multiplier})
        own = {name: value[:, k : k + 1].clone() for name, value in params.items()}
        own["loc"] *= multiplier
        for head, power in (("log_variance", 2), ("log_scale", 1), ("log_threshold_rate", -1)):
            if head in own:
                own[head] += power * math.log(multiplier)
        codes, threshold = draw.codes[..., k : k + 1], draw.threshold
        threshold = None if threshold is None else threshold[..., k : k + 1] * multiplier
        torch.testing.assert_close(fixed.codes(own, {n: v[..., k : k + 1] for n, v in noise.items()}), codes)
        found = learned.log_prob_at(params, draw.codes, draw.threshold)[..., k : k + 1]
        # The density of a threshold that is drawn is in units of m, too.
        found = found - (0 if threshold is None else math.log(multiplier))
        torch.testing.assert_close(found, fixed.log_prob_at(own, codes, threshold))
        torch.testing.assert_close(learned.mean(params)[:, k : k + 1], fixed.mean(own))
        torch.testing.assert_close(learned.kl(params)[:, k : k + 1], fixed.kl(own))
        assert fixed.prior_density == pytest.approx(learned.prior_density)


@every_spec
def test_divergence_and_density_by_monte_carlo(spec: dict[str, Any]) -> None:
    """E_q[log q - log p] is the divergence where that is of the codes; P(z ≠ 0) under the prior is what was asked."""
    learned = make(spec)
    params = draw_params(learned)
    with torch.no_grad():
        noise = learned.noise(params, 20_000, Generator().manual_seed(0))
        if spec.get("threshold", {}).get("kind") != "fixed":
            within(-learned.log_ratio(params, noise), learned.kl(params))
        if "threshold" not in spec:
            draw, prior = learned.draw(params, noise), learned.prior_params(params["loc"])
            ratio = learned.log_prob(params, draw) - learned.log_prob(prior, draw)
            within(ratio, learned.kl(params))
        prior = {name: value.expand(1, LATENTS) for name, value in learned.prior_params(params["loc"]).items()}
        draws = learned.noise(prior, 20_000, Generator().manual_seed(1))
        if "gamma" not in draws:
            within(learned.codes(prior, draws).ne(0).double(), torch.full((1, LATENTS), learned.prior_density).double())
    assert learned.prior_density == pytest.approx(build_posterior(spec).prior_density)
    if spec.get("threshold", {}).get("kind") in ("sample", "fixed"):
        assert learned.prior_density == pytest.approx(0.3)


@pytest.mark.parametrize("sampling", ["average", "iwae"])
@every_spec
def test_gradient_in_the_scales_against_finite_differences(spec: dict[str, Any], sampling: str) -> None:
    coder, x = make_coder(spec | {"prior_scale": "learned"}, sampling=sampling, samples=3)
    scales: Any = coder.get_parameter("family.log_multiplier")
    scales.data = 0.3 * MULTIPLIERS.log()

    def value() -> Tensor:
        return coder.loss(x, Generator().manual_seed(0)).value.mean()

    (found,) = torch.autograd.grad(value(), scales)
    for k in range(LATENTS):
        ends = []
        for shift in (-1e-6, 1e-6):
            with torch.no_grad():
                scales[k] += shift
                ends.append(value())
                scales[k] -= shift
        torch.testing.assert_close((ends[1] - ends[0]) / 2e-6, found[k], rtol=1e-4, atol=1e-7)
    assert found.ne(0).all()


def test_at_its_optimum_a_scale_is_the_root_mean_square_of_the_codes() -> None:
    """Of the bound of a Gaussian in m, q being held where it is in the units of the codes: m² = E[z²]."""
    learned = make({"family": "gaussian"})
    params = draw_params(learned)
    own = {"loc": params["loc"] * MULTIPLIERS, "log_variance": params["log_variance"] + 2 * MULTIPLIERS.log()}
    best = (own["loc"].square() + own["log_variance"].exp()).mean(0).sqrt()
    log_multiplier = best.log().requires_grad_()
    moved = {
        "loc": own["loc"] * torch.exp(-log_multiplier),
        "log_variance": own["log_variance"] - 2 * log_multiplier,
    }
    (gradient,) = torch.autograd.grad(learned.kl(moved).mean(0).sum(), log_multiplier)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("estimator", ["leave_one_out", "disarm", "relax"])
def test_gates_have_it_too(estimator: str) -> None:
    spec = {"family": "spike_slab_gates", "gate_estimator": estimator, "prior_scale": "learned"}
    coder, x = make_coder(spec, sampling="average", samples=2)
    scales: Any = coder.get_parameter("family.log_multiplier")
    before = coder.loss(x, Generator().manual_seed(0)).codes
    scales.data += 1
    after = coder.loss(x, Generator().manual_seed(0))
    torch.testing.assert_close(after.codes, before * torch.e)
    (found,) = torch.autograd.grad(after.value.mean(), scales)
    assert found.ne(0).all()


def test_it_is_learned_for_each_latent_and_by_each_run_alone() -> None:
    spec = run_spec({"family": "gaussian", "prior_scale": "learned"})
    coders = [build_coder(spec | {"seed": seed}, (5,)) for seed in (0, 1)]
    assert dict(coders[0].named_parameters())["family.log_multiplier"].shape == (LATENTS,)
    with pytest.raises(UserError, match="prior and variance fixed"):
        stack(coders)


@pytest.mark.parametrize("value", [-1.0, 0.0, "lerned"])
def test_what_is_no_scale_is_refused(value: object) -> None:
    with pytest.raises(UserError, match="prior_scale"):
        build_posterior({"family": "gaussian", "prior_scale": value})
    with pytest.raises(UserError, match="prior_scale"):
        build_posterior({"family": "hard_concrete", "prior_scale": "learned"})
