"""Sampling rules: the fast backward pass against the plain one, and each rule against its definition ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from vscbench.coders.amortised import Amortised
from vscbench.objectives import RULES, Loss, squared_error
from vscbench.objectives.iwae import log_mean_exp
from vscbench.objectives.rejection import accepted
from vscbench.testing.models import BATCH, make_coder, within
from vscbench.testing.specs import POSTERIOR_SPECS, Spec, name

if TYPE_CHECKING:
    from vscbench.coders import Noise

J = 6

every_posterior = pytest.mark.parametrize("spec", POSTERIOR_SPECS, ids=name)


def make(spec: Spec, **objective: object) -> tuple[Amortised, Tensor]:
    coder, x = make_coder(spec, torch.float64, **objective)
    assert isinstance(coder, Amortised)
    coder.set_step(1, 10)  # while things still ramp
    return coder, x


def loss_and_gradients(spec: Spec, seed: int = 0, **objective: object) -> tuple[Loss, dict[str, Tensor]]:
    """Of encoder, heads and dictionary, from the noise of `seed`."""
    coder, x = make(spec, **objective)
    loss = coder.loss(x, Generator().manual_seed(seed))
    loss.value.mean().backward()
    parameters = dict(coder.named_parameters())
    return loss, {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}


def same(a: tuple[Loss, dict[str, Tensor]], b: tuple[Loss, dict[str, Tensor]]) -> None:
    for field, one, other in zip(Loss._fields, a[0], b[0], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13, msg=lambda m, f=field: f"{f}: {m}")
    assert a[1].keys() == b[1].keys()
    assert any(gradient.any() for gradient in a[1].values())
    for parameter, gradient in a[1].items():
        torch.testing.assert_close(gradient, b[1][parameter], rtol=1e-9, atol=1e-13)


@every_posterior
def test_selected_backward_is_the_backward_through_all(spec: Spec) -> None:
    """Transporting the winner's noise alone gives the loss and the gradients of transporting all J."""
    rule = {"sampling": "max_elbo", "samples": J, "kl_weight": 0.02}
    same(*(loss_and_gradients(spec, **rule, backward=backward) for backward in ("selected", "all")))


@every_posterior
def test_one_sample_is_the_same_under_every_rule(spec: Spec) -> None:
    """But under iwae, which counts the divergence of the draw."""
    plain = loss_and_gradients(spec, sampling="average", samples=1)
    for rule in ("max_elbo", "iwae_published", "rejection"):
        same(plain, loss_and_gradients(spec, sampling=rule, samples=1))


def losses_of_each_draw(coder: Amortised, x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (J, B, K), and the loss (J, B) of each one alone, from the noise that the coder's loss draws first."""
    params = coder.params(x)
    noise = coder.family.noise(params, J, Generator().manual_seed(0))
    alone = [{name: draws[s : s + 1] for name, draws in noise.items()} for s in range(J)]
    codes = torch.cat([coder.family.codes(params, each) for each in alone])
    kl = coder.family.kl(params).sum(-1)
    losses = [(coder.decode(z) - x).square().mean(-1) + coder.objective.kl_weight * kl for z in codes]
    return codes, torch.stack(losses)


@every_posterior
def test_average_is_the_mean_of_single_losses(spec: Spec) -> None:
    loss, gradients = loss_and_gradients(spec, sampling="average", samples=J, kl_weight=0.02)
    coder, x = make(spec, sampling="average", samples=J, kl_weight=0.02)
    codes, losses = losses_of_each_draw(coder, x)
    torch.testing.assert_close(loss.value, losses.mean(0))
    torch.testing.assert_close(loss.codes, codes)
    losses.mean().backward()
    for key, parameter in coder.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[key])


def draws(coder: Amortised, x: Tensor, samples: int = J) -> tuple[Tensor, Tensor, Noise]:
    """mse (J, B), divergence (B,) and noise of the draws that the coder's loss makes first."""
    params = coder.params(x)
    noise = coder.family.noise(params, samples, Generator().manual_seed(0))
    mse = (coder.decode(coder.family.codes(params, noise)) - x).square().mean(-1)
    return mse, coder.family.kl(params).sum(-1), noise


@every_posterior
def test_iwae_is_the_log_mean_of_the_weights(spec: Spec) -> None:
    """The plain mean of p(x, z)/q(z|x) over the draws, and the gradient of its logarithm."""
    rule = {"sampling": "iwae", "samples": J, "kl_weight": 0.3}
    loss, gradients = loss_and_gradients(spec, **rule)
    coder, x = make(spec, **rule)
    mse, _, noise = draws(coder, x)
    ratio = coder.family.log_ratio(coder.params(x), noise).sum(-1)
    weights = torch.exp(ratio - mse / 0.3)
    expected = -0.3 * weights.mean(0).log()
    torch.testing.assert_close(loss.value, expected)
    torch.testing.assert_close(loss.value, loss.mse + 0.3 * loss.kl)
    by_weight = weights / weights.sum(0)
    torch.testing.assert_close(loss.mse, (by_weight * mse).sum(0))
    of_weights = (by_weight * (by_weight * J).log()).sum(0)
    torch.testing.assert_close(loss.kl, of_weights - (by_weight * ratio).sum(0))
    assert loss.codes.shape[0] == J
    expected.mean().backward()
    for key, parameter in coder.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[key])


@every_posterior
def test_iwae_of_one_draw_is_the_evidence_bound_of_that_draw(spec: Spec) -> None:
    loss, _ = loss_and_gradients(spec, sampling="iwae", samples=1, kl_weight=0.3)
    coder, x = make(spec, kl_weight=0.3)
    mse, _, noise = draws(coder, x, 1)
    torch.testing.assert_close(loss.mse, mse[0])
    torch.testing.assert_close(loss.kl, -coder.family.log_ratio(coder.params(x), noise)[0].sum(-1))


def test_iwae_gradient_against_finite_differences() -> None:
    """Of the dense Gaussian, whose codes are differentiable in every head: each of the heads' biases."""
    coder, x = make({"family": "gaussian"}, sampling="iwae", samples=J, kl_weight=0.3)

    def value() -> Tensor:
        return coder.loss(x, Generator().manual_seed(0)).value.mean()

    (gradient,) = torch.autograd.grad(value(), coder.heads.bias)
    found, h = torch.zeros_like(gradient), 1e-5
    with torch.no_grad():
        for index in range(len(gradient)):
            for sign in (1, -1):
                coder.heads.bias[index] += sign * h
                found[index] += sign * value() / (2 * h)
                coder.heads.bias[index] -= sign * h
    torch.testing.assert_close(found, gradient, rtol=1e-6, atol=1e-9)


@every_posterior
def test_iwae_is_the_bound_that_is_measured(spec: Spec) -> None:
    coder, x = make(spec, sampling="iwae", samples=J, kl_weight=0.3)
    log_weights = coder.log_weights(x, J, Generator().manual_seed(0))
    loss = coder.loss(x, Generator().manual_seed(0))
    torch.testing.assert_close(-0.3 * log_mean_exp(log_weights), loss.value.detach())


@every_posterior
def test_published_iwae_is_the_softmax_weighted_loss(spec: Spec) -> None:
    """The weights carry a gradient: it is that of Σ_j l_j e^{-l_j} / Σ_j e^{-l_j}."""
    rule = {"sampling": "iwae_published", "samples": J, "kl_weight": 0.3}
    loss, gradients = loss_and_gradients(spec, **rule)
    coder, x = make(spec, **rule)
    mse, kl, _ = draws(coder, x)
    each = mse + 0.3 * kl
    expected = (each * torch.exp(-each)).sum(0) / torch.exp(-each).sum(0)
    torch.testing.assert_close(loss.value, expected)
    torch.testing.assert_close(loss.value, loss.mse + 0.3 * loss.kl)
    expected.mean().backward()
    for key, parameter in coder.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[key])


@every_posterior
def test_rejection_is_the_mean_loss_of_what_is_accepted(spec: Spec) -> None:
    rule = {"sampling": "rejection", "samples": J, "kl_weight": 0.3}
    loss, gradients = loss_and_gradients(spec, **rule)
    coder, x = make(spec, **rule)
    rng = Generator().manual_seed(0)
    noise = coder.family.noise(coder.params(x), J, rng)
    mse = (coder.decode(coder.family.codes(coder.params(x), noise)) - x).square().mean(-1)
    each = mse + 0.3 * coder.family.kl(coder.params(x)).sum(-1)
    chosen = accepted(each.detach(), rng).bool()
    means = torch.stack([each[chosen[:, point], point].mean() for point in range(BATCH)])
    torch.testing.assert_close(loss.value, means)
    torch.testing.assert_close(loss.value, loss.mse + 0.3 * loss.kl)
    means.mean().backward()
    for key, parameter in coder.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[key])


def test_draws_are_accepted_at_their_rate(rng: Generator) -> None:
    """1/(1 + exp(loss_j - r)), r the 90 % quantile by numpy; where none is, the likeliest."""
    loss = torch.tensor([0.3, 2.0, 5.0, 9.0], dtype=torch.float64)
    count = 50_000
    found = accepted(loss[:, None].expand(4, count), rng)
    rate = 1 / (1 + np.exp(loss.numpy() - np.quantile(loss.numpy(), 0.9)))
    within(found.T[:, 1:], torch.from_numpy(rate)[1:])
    none = np.prod(1 - rate[1:]) * (1 - rate[0])  # the first is the likeliest
    within(found.T[:, :1], torch.tensor([rate[0] + none]))
    assert (found.sum(0) > 0).all()


@pytest.mark.parametrize("samples", [1, 5, 20, 100])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_takes_any_number_of_draws(rule: str, samples: int) -> None:
    loss, gradients = loss_and_gradients({"family": "spike_slab"}, sampling=rule, samples=samples, kl_weight=0.1)
    torch.testing.assert_close(loss.value, loss.mse + 0.1 * loss.kl)
    assert all(gradient.isfinite().all() for gradient in gradients.values())
    assert loss.codes.shape[0] == (1 if rule == "max_elbo" else samples)


@pytest.mark.parametrize("backward", ["selected", "all"])
@every_posterior
def test_max_elbo_counts_the_draw_of_smallest_loss(spec: Spec, backward: str) -> None:
    loss, _ = loss_and_gradients(spec, sampling="max_elbo", samples=J, kl_weight=0.02, backward=backward)
    codes, losses = losses_of_each_draw(*make(spec, samples=J, kl_weight=0.02))
    best = losses.argmin(0)
    torch.testing.assert_close(loss.value, losses.min(0).values)
    torch.testing.assert_close(loss.codes[0], codes[best, torch.arange(BATCH)])
    assert loss.codes.shape[0] == 1


def test_loss_is_the_weighted_sum_of_its_parts(rng: Generator) -> None:
    """mean_d (x_d - x̂_d)² + kl_weight Σ_k KL_k."""
    coder, x = make({"family": "gaussian"}, samples=1, kl_weight=0.3)
    loss = coder.loss(x, rng)
    torch.testing.assert_close(loss.value, loss.mse + 0.3 * loss.kl)
    torch.testing.assert_close(loss.mse, (x - loss.codes[0] @ coder.atoms.T).square().mean(-1))
    torch.testing.assert_close(loss.kl, coder.kl(x).sum(-1))


def test_squared_error_is_a_mean_over_all_pixels() -> None:
    x = torch.zeros(2, 3, 4, 4)
    x_hat = torch.ones(5, 2, 3, 4, 4)
    x_hat[:, 1] = 2
    assert squared_error(x, x_hat).tolist() == [[1.0, 4.0]] * 5


def test_more_samples_lower_the_best_loss() -> None:
    """The best of J can only improve with J, in expectation: here over many data points."""
    coder, x = make({"family": "gaussian"})
    x = x.repeat(400, 1)
    means = []
    for samples in (1, 4, 20):
        coder.objective = coder.objective.with_samples(samples)
        with torch.no_grad():
            means.append(coder.loss(x, Generator().manual_seed(0)).value.mean().item())
    assert means[0] > means[1] > means[2]
