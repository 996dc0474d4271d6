"""What a posterior is: a map from noise to codes with a gradient, moments, a density and a divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Generator

from vscbench.coders import Distribution
from vscbench.model import build_posterior
from vscbench.testing.models import (
    BATCH,
    LATENTS,
    SAMPLES,
    draw_codes,
    draw_params,
    extreme_outputs,
    leaves,
    make_posterior,
    within,
)

if TYPE_CHECKING:
    from vscbench.testing.specs import Spec

DRAWS = 40_000
STAGES = (1, 2)
"""Steps of 2: while things still ramp, and at the end."""

every_stage = pytest.mark.parametrize("step", STAGES)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_shapes_and_dtypes(posterior_spec: Spec, dtype: torch.dtype, rng: Generator) -> None:
    posterior = build_posterior(posterior_spec)
    params = draw_params(posterior, dtype=dtype)
    noise = posterior.noise(params, SAMPLES, rng)
    assert len(set(posterior.heads)) == len(posterior.heads)
    assert noise
    for part, draws in noise.items():
        assert (draws.shape, draws.dtype) == ((SAMPLES, BATCH, LATENTS), dtype), part
    codes = posterior.codes(params, noise)
    assert (codes.shape, codes.dtype) == ((SAMPLES, BATCH, LATENTS), dtype)
    assert codes.isfinite().all()
    log_prob = posterior.log_prob(params, posterior.draw(params, noise))
    assert (log_prob.shape, log_prob.dtype) == (codes.shape, dtype)
    for value in (posterior.kl(params), posterior.mean(params), posterior.active_prob(params)):
        assert (value.shape, value.dtype) == ((BATCH, LATENTS), dtype)
        assert value.isfinite().all()


def test_noise_without_parameters_in_it(posterior_spec: Spec, rng: Generator) -> None:
    """The noise of one sample can be transported alone, and with a graph gives the codes that it gave without."""
    posterior, params = make_posterior(posterior_spec)
    params = leaves(params)
    noise = posterior.noise(params, SAMPLES, rng)
    assert not any(draws.requires_grad for draws in noise.values())
    with torch.no_grad():
        codes = posterior.codes(params, noise)
    again = posterior.codes(params, {part: draws[1:2] for part, draws in noise.items()})
    assert again.requires_grad
    torch.testing.assert_close(again.detach(), codes[1:2], rtol=1e-12, atol=0)
    assert torch.equal(again == 0, codes[1:2] == 0)


def test_codes_differentiate_in_every_head(posterior_spec: Spec, rng: Generator) -> None:
    """Through the codes alone, without the divergence; at the start of training and at its end."""
    posterior, params = make_posterior(posterior_spec)
    params = leaves(params)
    for step in (0, 1):
        posterior.set_step(step, 1)
        codes = posterior.codes(params, posterior.noise(params, 50, rng))
        gradients = torch.autograd.grad(codes.square().sum(), list(params.values()))
        for head, gradient in zip(params, gradients, strict=True):
            assert gradient.isfinite().all(), head
            assert gradient.any(), head


def test_extreme_parameters_stay_finite(posterior_spec: Spec, rng: Generator) -> None:
    """Heads of ±10, e^±10 times the usual spread: codes, divergence, density and gradients in float32."""
    posterior = build_posterior(posterior_spec)
    outputs = extreme_outputs(posterior)
    params = posterior.clamp(outputs)
    noise = posterior.noise(params, SAMPLES, rng)
    for value in (posterior.codes(params, noise), posterior.kl(params), posterior.log_ratio(params, noise)):
        assert value.isfinite().all()
        for gradient in torch.autograd.grad(value.sum(), list(outputs.values()), retain_graph=True, allow_unused=True):
            assert gradient is None or gradient.isfinite().all()
    for value in (posterior.mean(params), posterior.active_prob(params)):
        assert value.isfinite().all()


@every_stage
def test_moments_are_those_of_the_codes(posterior_spec: Spec, step: int) -> None:
    """The mean, and P(z ≠ 0); a gate that training relaxes is hard in its draws."""
    posterior, params = make_posterior(posterior_spec)
    posterior.set_step(step, 2)
    with torch.no_grad():
        codes = posterior.draw(params, posterior.noise(params, DRAWS, Generator().manual_seed(0))).codes
    within(codes, posterior.mean(params))
    within(codes.ne(0).double(), posterior.active_prob(params))


@every_stage
def test_density_is_that_of_the_draws(posterior_spec: Spec, step: int) -> None:
    """E_q[r(z)/q(z)] = 1 for a density r close by: codes and, where it is learned, threshold together."""
    posterior, params = make_posterior(posterior_spec)
    posterior.set_step(step, 2)
    near = {head: value - 0.1 * torch.tanh(value) for head, value in params.items()}
    with torch.no_grad():
        draw = posterior.draw(params, posterior.noise(params, DRAWS // 2, Generator().manual_seed(0)))
        ratio = posterior.log_prob(near, draw) - posterior.log_prob(params, draw)
    within(ratio.exp(), torch.ones_like(ratio[0]))
    assert (ratio.std(0) > 1e-3)[posterior.active_prob(params) > 0.02].all()  # of which there are draws enough


@every_stage
def test_density_is_normalised(posterior_spec: Spec, step: int) -> None:
    """E_q[1{z in a box}/(|box| q(z))] = 1 of any box, and P(z = 0)/q(0) = 1; if λ is drawn, times a box of log λ.

    Of counts P(z = n)/q(n) = 1.
    """
    posterior, params = make_posterior(posterior_spec)
    posterior.set_step(step, 2)
    with torch.no_grad():
        draw = posterior.draw(params, posterior.noise(params, DRAWS, Generator().manual_seed(0)))
        log_prob = posterior.log_prob(params, draw)
        active = posterior.active_prob(params)
    if posterior.discrete:
        for count in (0, 1, 2):
            found = torch.where(draw.codes == count, torch.exp(-log_prob), 0.0)
            common = (draw.codes == count).double().mean(0) > 0.02
            assert common.any()
            within(found[:, common], torch.ones_like(active[common]))
        return
    axes = [draw.codes]
    if draw.threshold is not None:
        axes, log_prob = [draw.codes, draw.threshold.log()], log_prob + draw.threshold.log()  # dλ = λ d log λ
    dense = (active == 1).all()
    parts = [(draw.codes != 0, axes, active)]
    parts += [] if dense else [(draw.codes == 0, axes[1:], 1 - active)]
    half = DRAWS // 2  # the boxes are of draws that are not averaged
    for part, coordinates, probability in parts:
        inside, log_size = part, torch.zeros_like(active)
        for axis in coordinates:
            low, high = axis[:half].where(part[:half], torch.nan).nanquantile(active.new_tensor([0.25, 0.75]), dim=0)
            inside, log_size = inside & (low < axis) & (axis < high), log_size + (high - low).log()
        common = probability > 0.02  # of which there are draws enough
        assert common.any()
        found = torch.where(inside, (-log_prob - log_size).exp(), 0.0)[half:]
        within(found[:, common], torch.ones_like(active[common]))


def test_distribution_is_the_posterior_at_its_parameters(posterior_spec: Spec) -> None:
    """What `Coder.posterior` returns: the family's own numbers, and codes with a gradient to every head."""
    posterior, params = make_posterior(posterior_spec)
    params = leaves(params)
    q = Distribution(posterior, params)
    noise = posterior.noise(params, SAMPLES, Generator().manual_seed(0))
    draw = posterior.draw(params, noise)
    codes = q.rsample((SAMPLES,), Generator().manual_seed(0))
    assert torch.equal(codes, posterior.codes(params, noise))
    assert torch.equal(codes.detach(), q.sample((SAMPLES,), Generator().manual_seed(0)))
    assert torch.equal(q.log_prob(draw.codes, draw.threshold), posterior.log_prob(params, draw))
    for found, expected in ((q.mean, posterior.mean), (q.active_prob, posterior.active_prob), (q.kl(), posterior.kl)):
        assert torch.equal(found, expected(params))
    for head, gradient in zip(params, torch.autograd.grad(codes.square().sum(), list(params.values())), strict=True):
        assert gradient.isfinite().all(), head


def test_kl_is_not_negative_and_zero_at_the_prior(posterior_spec: Spec) -> None:
    posterior, params = make_posterior(posterior_spec)
    assert (posterior.kl(params) >= 0).all()
    prior = {head: torch.full((1, 4), value, dtype=torch.float64) for head, value in posterior.prior().items()}
    torch.testing.assert_close(posterior.kl(prior), torch.zeros(1, 4, dtype=torch.float64), rtol=0, atol=1e-10)


def test_kl_is_the_mean_log_ratio_of_the_densities(consistent_spec: Spec) -> None:
    posterior, params = make_posterior(consistent_spec)
    with torch.no_grad():
        ratio = posterior.log_ratio(params, posterior.noise(params, DRAWS, Generator().manual_seed(0)))
    within(-ratio, posterior.kl(params))


def test_density_of_the_prior(posterior_spec: Spec) -> None:
    """The fraction of non-zeros of codes drawn from the prior; of a learned threshold λ is at its mean there."""
    posterior = build_posterior(posterior_spec)
    prior = {head: torch.full((1, 1), value, dtype=torch.float64) for head, value in posterior.prior().items()}
    noise = posterior.noise(prior, DRAWS, Generator().manual_seed(0))
    if "gamma" in noise:
        noise["gamma"] = torch.full_like(noise["gamma"], 3.0)
    active = posterior.codes(prior, noise).ne(0).double()
    within(active, torch.tensor(posterior.prior_density, dtype=torch.float64))


def test_end_of_training_is_the_evaluation_state(posterior_spec: Spec, rng: Generator) -> None:
    """What a posterior was built as, `set_step(1, 1)` restores, and so does the end of any training."""
    posterior, params = make_posterior(posterior_spec)
    noise = posterior.noise(params, SAMPLES, rng)
    with torch.no_grad():
        fresh = posterior.codes(params, noise)
        for end in (1, 37):
            posterior.set_step(0, 1000)
            assert torch.equal(posterior.at_final_schedule().codes(params, noise), fresh)
            posterior.set_step(end, end)
            assert torch.equal(posterior.codes(params, noise), fresh)


def test_draws_are_a_function_of_the_generator_state(posterior_spec: Spec) -> None:
    posterior, params = make_posterior(posterior_spec)
    first, again, other = (draw_codes(posterior, params, SAMPLES, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
