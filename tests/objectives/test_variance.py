"""A learned noise variance against the likelihood, its own optimum, and a fixed weight of the divergence."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator

from vscbench.coders.amortised import Amortised
from vscbench.config import study
from vscbench.model import build_coder
from vscbench.objectives.variance import NoiseVariance
from vscbench.settings import made
from vscbench.testing.models import PIXELS, run_spec
from vscbench.violations import ViolationsError

SPEC = {"family": "gaussian"}
X = torch.randn(50, PIXELS, generator=Generator().manual_seed(0), dtype=torch.float64)


def coder_of(kind: str, sampling: str = "average", **objective: object) -> Amortised:
    spec = run_spec(SPEC, sampling=sampling, samples=3, kl_weight=0.2, variance=kind, **objective)
    coder = build_coder(spec, (PIXELS,)).double()
    assert isinstance(coder, Amortised)
    return coder


@pytest.mark.parametrize("kind", ["learned", "batch"])
def test_loss_is_the_negative_bound_by_torch_distributions(kind: str) -> None:
    """2/P times -log N(x; x̂, s²I) + KL, but for the constant."""
    coder = coder_of(kind)
    codes = coder.loss(X, Generator().manual_seed(1)).codes
    loss = coder.loss(X, Generator().manual_seed(1))
    assert coder.variance is not None
    squares = (coder.decode(codes) - X).square()
    variance = squares.mean() if kind == "batch" else coder.variance.variance
    likelihood = torch.distributions.Normal(coder.decode(codes), variance.sqrt()).log_prob(X).sum(-1).mean(0)
    kl = coder.kl(X).sum(-1)
    expected = (kl - likelihood) * 2 / PIXELS - math.log(2 * math.pi)
    torch.testing.assert_close(loss.value, expected)


def test_gradients_are_those_of_the_fixed_weight_over_the_variance() -> None:
    """With s² where kl_weight has it, all else moves as before, 1/s² times as fast; and s² towards the optimum."""
    fixed, learned = coder_of("fixed"), coder_of("learned")
    for coder in (fixed, learned):
        coder.loss(X, Generator().manual_seed(1)).value.mean().backward()
    variance = 0.2 * PIXELS / 2
    for name, parameter in fixed.named_parameters():
        torch.testing.assert_close(learned.get_parameter(name).grad, parameter.grad / variance)  # type: ignore[operator]
    mse = fixed.loss(X, Generator().manual_seed(1)).mse.mean()
    gradient = learned.get_parameter("variance.log_variance").grad
    torch.testing.assert_close(gradient, 1 - mse.detach() / variance)


def test_gradients_at_the_optimum_of_the_batch_are_those_of_the_profiled_bound() -> None:
    """log mean ‖x - x̂‖²/P + (2/P) KL, differentiated through the optimum."""
    coder = coder_of("batch")
    found = torch.autograd.grad(coder.loss(X, Generator().manual_seed(1)).value.mean(), coder.heads.weight)[0]
    loss = coder.loss(X, Generator().manual_seed(1))
    profiled = loss.mse.mean().log() + 2 / PIXELS * loss.kl.mean()
    torch.testing.assert_close(found, torch.autograd.grad(profiled, coder.heads.weight)[0])


@pytest.mark.parametrize("kind", ["learned", "batch"])
def test_it_becomes_the_mean_squared_error(kind: str) -> None:
    """Errors that do not change: s² ends at their mean, from ten times as much."""
    variance = NoiseVariance((8,), kind, kl_weight=10 / 4)  # type: ignore[arg-type]
    mse = torch.tensor([[0.5, 1.5]])
    optimizer = torch.optim.Adam(variance.parameters(), lr=0.05) if kind == "learned" else None
    for _ in range(1000):
        s2 = variance.at(mse)
        if optimizer is not None:
            optimizer.zero_grad()
            variance.bound(mse[0], s2).mean().backward()
            optimizer.step()
    assert variance.variance.item() == pytest.approx(1.0, rel=1e-3)
    assert torch.equal(variance.eval().at(10 * mse), variance.variance)


def test_importance_weights_are_those_of_the_learned_likelihood() -> None:
    """What is minimised is -2/P times the bound of the same weights."""
    coder = coder_of("learned", "iwae")
    value = coder.loss(X, Generator().manual_seed(1)).value
    log_weights = coder.log_weights(X, 3, Generator().manual_seed(1))
    assert coder.variance is not None
    bound = log_weights.logsumexp(0) - math.log(3) - PIXELS / 2 * coder.variance.log_variance
    torch.testing.assert_close(value, -2 / PIXELS * bound)


@pytest.mark.parametrize("sampling", ["max_elbo", "average", "iwae", "rejection"])
@pytest.mark.parametrize("kind", ["learned", "batch"])
def test_every_rule_goes_with_it(kind: str, sampling: str) -> None:
    coder = coder_of(kind, sampling)
    coder.loss(X, Generator().manual_seed(0)).value.mean().backward()
    for name, parameter in coder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert "variance.log_variance" in coder.state_dict()


def test_it_cannot_start_at_zero() -> None:
    with pytest.raises(ViolationsError, match="needs a kl_weight above 0"):
        made(study.Objective, {"variance": "learned", "kl_weight": 0})
