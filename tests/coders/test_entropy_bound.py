"""The bound of entropies against the evidence bound itself, by draws and by search."""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy import stats
from torch import Generator, Tensor
from torch.distributions import Laplace, Normal

from vscbench.coders.entropy_bound import EntropyBound, LaplacePrior, mean_absolute
from vscbench.methods import METHODS
from vscbench.model import build_coder
from vscbench.testing.models import PIXELS, draw_params, make_coder, run_spec, within


def make() -> tuple[Any, Tensor]:
    return make_coder({"family": "entropy_bound"})


def evidence_bound(coder: Any, x: Tensor, scales: Tensor, variance: Tensor, draws: int = 20_000) -> Tensor:
    """log p(x, z) - log q(z|x) of draws, by torch.distributions: (S, B)."""
    params = coder.params(x)
    q = Normal(params["loc"], (params["log_variance"] / 2).exp())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        z = q.sample((draws,))
    likelihood = Normal(coder.decode(z), variance.sqrt()).log_prob(x).sum(-1)
    return likelihood + (Laplace(0.0, scales).log_prob(z) - q.log_prob(z)).sum(-1)


def test_mean_absolute_is_that_of_a_folded_normal() -> None:
    params = draw_params(LaplacePrior(), spread=1.5)
    sigma = (params["log_variance"] / 2).exp()
    expected = stats.foldnorm((params["loc"].abs() / sigma).numpy(), scale=sigma.numpy()).mean()
    torch.testing.assert_close(mean_absolute(params), torch.from_numpy(expected))


def test_loss_is_the_evidence_bound_at_the_best_scales_and_variance() -> None:
    """-2/P of it with its constant; the same as the sum of entropies; worse at any others."""
    coder, x = make()
    with torch.no_grad():
        loss, params = coder.loss(x, None), coder.params(x)
        scales, variance = mean_absolute(params).mean(0), loss.mse.mean()
        found = -PIXELS / 2 * (loss.value.mean() + math.log(2 * math.pi) + 1)
        within(evidence_bound(coder, x, scales, variance).mean(1, keepdim=True), found.reshape(1))
        entropy = Normal(params["loc"], (params["log_variance"] / 2).exp()).entropy().sum(-1).mean()
        of_noise = PIXELS / 2 * (2 * math.pi * math.e * variance).log()
        torch.testing.assert_close(found, entropy - (2 * math.e * scales).log().sum() - of_noise)
        for factor in (0.8, 1.25):
            for other in ((scales * factor, variance), (scales, variance * factor)):
                assert evidence_bound(coder, x, *other).mean() < found - 0.01


def test_gradient_is_that_of_the_sum_of_entropies() -> None:
    """λ and s² are at their optimum: leaving out their gradient changes nothing."""
    coder, x = make()
    parameters = list(coder.parameters())
    found = torch.autograd.grad(coder.loss(x, None).value.mean(), parameters)
    params = coder.params(x)
    mse = (x - params["loc"] @ coder.atoms.T).square().sum(-1) + params[
        "log_variance"
    ].exp() @ coder.atoms.square().sum(0)
    entropies = 0.5 * params["log_variance"].sum(-1).mean() - mean_absolute(params).mean(0).log().sum()
    value = (mse.mean() / PIXELS).log() - 2 / PIXELS * entropies
    for one, other in zip(found, torch.autograd.grad(value, parameters), strict=True):
        torch.testing.assert_close(one, other)


def test_scale_of_an_atom_and_its_code_is_free() -> None:
    """Atoms three times as long, codes a third: the same loss."""
    coder, x = make()
    with torch.no_grad():
        before = coder.loss(x, None).value
        coder.generator.atoms.mul_(3)
        latents = coder.latents
        coder.heads.weight[:latents] /= 3
        coder.heads.bias[:latents] /= 3
        coder.heads.bias[latents:] -= 2 * math.log(3)
        torch.testing.assert_close(coder.loss(x, None).value, before)


def test_prior_follows_the_codes_in_training_alone(rng: Generator) -> None:
    coder, x = make()
    start = coder.scales.clone()
    coder.eval()
    coder.loss(x, None)
    assert torch.equal(coder.scales, start)
    coder.train()
    for _ in range(2000):
        coder.loss(x, None)
    torch.testing.assert_close(coder.scales, mean_absolute(coder.params(x)).mean(0).detach(), rtol=1e-4, atol=1e-6)
    within(coder.sample_prior(40_000, rng).abs(), coder.scales)
    q = coder.posterior(x)
    ratio = coder.family.log_ratio(q.params, coder.family.noise(q.params, 40_000, rng)).detach()
    within(-ratio, coder.kl(x))


def test_only_of_a_dictionary() -> None:
    assert EntropyBound.unfit({}, linear=False)
    assert not EntropyBound.unfit({}, linear=True)


def test_method() -> None:
    assert isinstance(build_coder(run_spec(METHODS["entropy_bound"]().settings), (9,)), EntropyBound)
