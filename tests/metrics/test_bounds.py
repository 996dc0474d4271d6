"""Evidence bounds: the order they are in, a model whose evidence is known, and what has none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Generator, nn
from torch.distributions import MultivariateNormal

from metrics.runs import CODERS, SOLVERS, evaluation, made_up, spec_of
from vscbench.coders.amortised import Amortised
from vscbench.coders.gaussian import Gaussian
from vscbench.metrics import bounds
from vscbench.model import build_coder
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives import Objective
from vscbench.objectives.iwae import log_mean_exp

if TYPE_CHECKING:
    from vscbench.coders import Coder

BOUNDED = [name for name in CODERS if name not in (*SOLVERS, "classifier")]


def coder_of(name: str, kl_weight: float) -> Coder:
    spec = spec_of(CODERS[name])
    spec["objective"]["kl_weight"] = kl_weight
    coder = build_coder(spec, (16,)).double()
    coder.set_step(1, 1)
    return coder


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_lie_where_they_must(name: str, rng: Generator) -> None:
    """max - log K ≤ IWAE_K ≤ max for each data point and group, and the mean grows with K."""
    coder = coder_of(name, 0.3)
    assert isinstance(coder, Amortised)
    x = torch.randn(20, 16, generator=rng, dtype=torch.float64)
    e = evaluation(coder, made_up(x))
    log_w = bounds.log_weights(e, coder, 500)
    assert log_w.shape == (100, len(x))
    for k in bounds.GROUPS:
        groups = log_w.unflatten(0, (k, -1))
        bound, top = log_mean_exp(groups), groups.max(0).values
        assert (bound <= top + 1e-12).all()
        assert (bound >= top - math.log(k) - 1e-12).all()
    found = bounds.measure(e)
    assert list(found) == ["elbo", "iwae_5", "iwae_20", "iwae_100"]
    assert np.all(np.diff(list(found.values())) > 0)
    assert found["iwae_100"] == pytest.approx(float(log_w.exp().mean(0).log().mean()))


class Linear(nn.Identity):
    """Features that are the data."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.features = size


def exact_posterior(pixels: int, latents: int, kl_weight: float) -> tuple[Amortised, Dictionary, float]:
    """A dictionary of orthonormal atoms, whose posterior N(v Aᵀx/s², v), 1/v = 1/s₀ + 1/s², is what the heads say."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dictionary = Dictionary((pixels,), latents).double()
        objective = Objective.of({"kl_weight": kl_weight})
        coder = Amortised(Linear(pixels), dictionary, Gaussian(prior_scale=0.5**0.5), objective).double()
    noise = kl_weight * pixels / 2
    variance = 1 / (1 / 0.5 + 1 / noise)
    with torch.no_grad():
        dictionary.atoms.copy_(torch.linalg.qr(dictionary.atoms).Q)
        coder.heads.weight.zero_()
        coder.heads.bias.zero_()
        coder.heads.weight[:latents] = variance / noise * dictionary.atoms.T
        coder.heads.bias[latents:] = math.log(variance)
    return coder, dictionary, noise


def test_every_bound_of_an_exact_posterior_is_the_evidence(rng: Generator) -> None:
    """log N(x; 0, s₀AAᵀ + s²I), by torch: the weights have no variance left."""
    coder, dictionary, noise = exact_posterior(9, 4, 0.2)
    x = torch.randn(30, 9, generator=rng, dtype=torch.float64)
    found = bounds.measure(evaluation(coder, made_up(x)), points=20)
    covariance = 0.5 * dictionary.atoms @ dictionary.atoms.T + noise * torch.eye(9, dtype=torch.float64)
    evidence = MultivariateNormal(torch.zeros(9, dtype=torch.float64), covariance).log_prob(x[:20]).mean().item()
    for value in found.values():
        assert value == pytest.approx(evidence, rel=1e-10)


def test_bounds_of_a_wrong_posterior_stay_below_the_evidence(rng: Generator) -> None:
    """And come near it with K."""
    coder, dictionary, noise = exact_posterior(9, 4, 0.2)
    x = torch.randn(500, 9, generator=rng, dtype=torch.float64)
    covariance = 0.5 * dictionary.atoms @ dictionary.atoms.T + noise * torch.eye(9, dtype=torch.float64)
    evidence = MultivariateNormal(torch.zeros(9, dtype=torch.float64), covariance).log_prob(x).mean().item()
    with torch.no_grad():
        coder.heads.bias += 0.3
    gaps = [evidence - value for value in bounds.measure(evaluation(coder, made_up(x))).values()]
    assert gaps[0] > 0.1
    assert gaps == sorted(gaps, reverse=True)
    assert 0 < gaps[-1] < 0.1 * gaps[0]


def test_what_has_no_bound_is_left_out() -> None:
    """A solver, a likelihood without variance, and a prior that looks at the data."""
    for name, weight in (("fista", 0.1), ("gaussian", 0.0), ("classifier", 0.1)):
        assert bounds.measure(evaluation(coder_of(name, weight), made_up(torch.zeros(3, 16).double()))) == {}
