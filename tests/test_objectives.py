"""Sampling rules: the fast backward pass against the plain one, and each rule against its definition (spec 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Generator, Tensor

from battery import BATCH, POSTERIOR_SPECS, Spec, make_coder, name
from vscbench.coders import Amortised
from vscbench.objectives import Loss, Objective, squared_error

if TYPE_CHECKING:
    from vscbench.generators import Dictionary

J = 6

every_posterior = pytest.mark.parametrize("spec", POSTERIOR_SPECS, ids=name)


def make(spec: Spec, **objective: object) -> tuple[Amortised, Dictionary, Tensor]:
    coder, dictionary, x = make_coder(spec, torch.float64, **objective)
    assert isinstance(coder, Amortised)
    coder.at(1, 10)  # while things still ramp
    return coder, dictionary, x


def loss_and_gradients(spec: Spec, seed: int = 0, **objective: object) -> tuple[Loss, dict[str, Tensor]]:
    """Of encoder, heads and dictionary, from the noise of `seed`."""
    coder, dictionary, x = make(spec, **objective)
    loss = coder.loss(x, dictionary, Generator().manual_seed(seed))
    loss.value.mean().backward()
    parameters = dict(coder.named_parameters()) | dict(dictionary.named_parameters())
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
    same(*(loss_and_gradients(spec, sampling=rule, samples=1) for rule in ("max_elbo", "average")))


def losses_of_each_draw(coder: Amortised, dictionary: Dictionary, x: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (J, B, K), and the loss (J, B) of each one alone, from the noise that the coder's loss draws first."""
    params = coder.encode(x)
    noise = coder.posterior.noise(params, J, Generator().manual_seed(0))
    alone = [{name: draws[s : s + 1] for name, draws in noise.items()} for s in range(J)]
    codes = torch.cat([coder.posterior.codes(params, each) for each in alone])
    kl = coder.posterior.kl(params).sum(-1)
    losses = [(dictionary(z) - x).square().mean(-1) + coder.objective.kl_weight * kl for z in codes]
    return codes, torch.stack(losses)


@every_posterior
def test_average_is_the_mean_of_single_losses(spec: Spec) -> None:
    loss, gradients = loss_and_gradients(spec, sampling="average", samples=J, kl_weight=0.02)
    coder, dictionary, x = make(spec, sampling="average", samples=J, kl_weight=0.02)
    codes, losses = losses_of_each_draw(coder, dictionary, x)
    torch.testing.assert_close(loss.value, losses.mean(0))
    torch.testing.assert_close(loss.codes, codes)
    losses.mean().backward()
    for key, parameter in (*coder.named_parameters(), *dictionary.named_parameters()):
        torch.testing.assert_close(parameter.grad, gradients[key])


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
    """mean_d (x_d - x̂_d)² + kl_weight Σ_k KL_k (spec 1)."""
    coder, dictionary, x = make({"family": "gaussian"}, samples=1, kl_weight=0.3)
    loss = coder.loss(x, dictionary, rng)
    torch.testing.assert_close(loss.value, loss.mse + 0.3 * loss.kl)
    torch.testing.assert_close(loss.mse, (x - loss.codes[0] @ dictionary.atoms.T).square().mean(-1))
    torch.testing.assert_close(loss.kl, coder.kl(x).sum(-1))


def test_squared_error_is_a_mean_over_all_pixels() -> None:
    x = torch.zeros(2, 3, 4, 4)
    x_hat = torch.ones(5, 2, 3, 4, 4)
    x_hat[:, 1] = 2
    assert squared_error(x, x_hat).tolist() == [[1.0, 4.0]] * 5


def test_more_samples_lower_the_best_loss() -> None:
    """The best of J can only improve with J, in expectation: here over many data points."""
    coder, dictionary, x = make({"family": "gaussian"})
    x = x.repeat(400, 1)
    means = []
    for samples in (1, 4, 20):
        coder.objective = Objective(samples=samples)
        with torch.no_grad():
            means.append(coder.loss(x, dictionary, Generator().manual_seed(0)).value.mean().item())
    assert means[0] > means[1] > means[2]
