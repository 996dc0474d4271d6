"""Learned ISTA: before it learns against ISTA, after it against the lasso's optimum."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softshrink

from vscbench.coders.fista import fista
from vscbench.coders.lista import Lista
from vscbench.data.synthetic import Synthetic
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives.lasso import lasso_objective
from vscbench.ramps import Ramp
from vscbench.training.optimizer import inference_parameters
from vscbench.training.two_rates import TwoRates

PIXELS, LATENTS, PENALTY = 16, 24, 0.3
MODES = ("supervised", "unrolled")


def lista(dictionary: Dictionary, **constants: Any) -> Lista:
    return Lista(dictionary, PENALTY, **constants).double()


def ista(x: Tensor, atoms: Tensor, penalty: float, steps: int) -> Tensor:
    """Proximal gradient steps from zero."""
    size = torch.linalg.matrix_norm(atoms, 2) ** 2
    codes = torch.zeros(len(x), atoms.shape[1], dtype=x.dtype)
    for _ in range(steps):
        codes = softshrink(codes - (codes @ atoms.T - x) @ atoms / size, float(penalty / size))
    return codes


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("layers", [1, 2, 16])
def test_untrained_it_is_ista(problem: tuple[Tensor, Dictionary], layers: int, tied: bool, mode: Any) -> None:
    """At every stage of the warm-up of λ."""
    x, dictionary = problem
    coder = lista(dictionary, layers=layers, tied=tied, mode=mode, penalty_warmup=Ramp(0.1, 1.0))
    for step, multiplier in ((0, 0.1), (5, 0.55), (10, 1.0)):
        coder.set_step(step, 10)
        expected = ista(x, dictionary.atoms.detach(), multiplier * PENALTY, layers)
        # L is computed in the precision of the weights, single.
        torch.testing.assert_close(coder.encode(x), expected, rtol=0, atol=2e-6)
        assert (coder.encode(x) == 0).any()


@pytest.mark.parametrize("mode", MODES)
def test_many_untrained_layers_solve_the_lasso(problem: tuple[Tensor, Dictionary], mode: Any) -> None:
    x, dictionary = problem
    codes = lista(dictionary, layers=2000, mode=mode).encode(x)
    torch.testing.assert_close(
        codes, fista(x, dictionary.atoms.detach(), PENALTY, 20_000, 1e-9).codes, atol=1e-4, rtol=0
    )


def test_supervised_loss_and_its_gradients(problem: tuple[Tensor, Dictionary]) -> None:
    """The dictionary learns from FISTA's codes alone, the network from their distance to its own alone."""
    x, dictionary = problem
    coder = lista(dictionary, layers=4)
    atoms = dictionary.atoms.detach().clone()
    target = fista(x, atoms, PENALTY).codes
    loss = coder.loss(x, None)
    residual = x - target @ atoms.T
    distance = (coder.encode(x) - target).square().sum(-1)
    torch.testing.assert_close(loss.value, residual.square().mean(-1) + distance / PIXELS)
    loss.value.mean().backward()
    torch.testing.assert_close(dictionary.atoms.grad, -2 / PIXELS * residual.T @ target / len(x))
    network = inference_parameters(coder)
    expected = torch.autograd.grad(distance.mean() / PIXELS, network)
    for parameter, gradient in zip(network, expected, strict=True):
        assert gradient.any()
        torch.testing.assert_close(parameter.grad, gradient)


def test_unrolled_loss_is_the_lasso_objective_of_its_own_codes(problem: tuple[Tensor, Dictionary]) -> None:
    """In units of the squared error per pixel; the gradient of the dictionary is that of its codes as if given."""
    x, dictionary = problem
    coder = lista(dictionary, layers=4, mode="unrolled")
    loss = coder.loss(x, None)
    codes, atoms = loss.codes[0].detach(), dictionary.atoms.detach()
    objective = lasso_objective(x, codes @ atoms.T, codes, PENALTY)
    torch.testing.assert_close(loss.value, 2 / PIXELS * objective)
    torch.testing.assert_close(loss.mse, (x - codes @ atoms.T).square().mean(-1))
    loss.value.mean().backward()
    torch.testing.assert_close(dictionary.atoms.grad, -2 / PIXELS * (x - codes @ atoms.T).T @ codes / len(x))
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in coder.parameters())


@pytest.mark.parametrize("mode", MODES)
def test_training_closes_most_of_the_gap_to_fista(mode: Any) -> None:
    """On a dictionary that stays, in the training loop's optimiser: 4 layers come nearer than 4 steps of ISTA."""
    x = torch.from_numpy(Synthetic(train=2000, validation=1, test=1, pixels=PIXELS, latents=LATENTS).load().train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dictionary = Dictionary((PIXELS,), LATENTS)
    coder = Lista(dictionary, PENALTY, layers=4, mode=mode)
    optimiser = TwoRates(coder, PIXELS, Ramp(0.05, 0.005), Ramp(1e-9, 1e-9), dictionary_decay=0.0, clip_norm=None)
    assert [group["name"] for group in optimiser.optimizer.param_groups] == ["dictionary", "encoder"]

    @torch.no_grad()
    def gap() -> float:
        atoms = dictionary.atoms.detach()
        found, optimum = (
            lasso_objective(x, codes @ atoms.T, codes, PENALTY).mean()
            for codes in (coder.encode(x), fista(x, atoms, PENALTY).codes)
        )
        return float(found - optimum)

    before = gap()
    for step in range(150):
        optimiser.set_rates(step, 150)
        loss = coder.loss(x[step % 40 :: 40], None)
        optimiser.step(loss.value.mean())
    assert 0 < gap() < 0.5 * before
