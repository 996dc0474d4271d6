"""Analytic LISTA: its weights against their optimality, its layers against a loop, and what learning them gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from vscbench.coders.alista import Alista, analytic_weights
from vscbench.coders.fista import fista
from vscbench.networks.dictionary import Dictionary
from vscbench.ramps import Ramp
from vscbench.training.optimizer import inference_parameters

PIXELS, LATENTS, PENALTY = 16, 24, 0.3


@pytest.mark.parametrize("latents", [5, 16, 40])
def test_weights_are_least_coherent_with_the_atoms(latents: int, rng: Generator) -> None:
    """No other W with w_kᵀa_k = 1 has a smaller ‖WᵀA‖: its gradient, off the constraint, is zero."""
    atoms = torch.randn(PIXELS, latents, generator=rng, dtype=torch.float64)
    weights = analytic_weights(atoms)
    torch.testing.assert_close((weights * atoms).sum(0), torch.ones(latents, dtype=torch.float64))
    gradient = 2 * atoms @ atoms.T @ weights
    along = (gradient * atoms).sum(0) / atoms.square().sum(0)
    torch.testing.assert_close(gradient, atoms * along)
    norm = torch.linalg.matrix_norm(weights.T @ atoms)
    for _ in range(20):
        other = torch.randn(PIXELS, latents, generator=rng, dtype=torch.float64)
        other -= atoms * (other * atoms).sum(0) / atoms.square().sum(0)
        assert torch.linalg.matrix_norm((weights + 0.1 * other).T @ atoms) >= norm


@pytest.mark.parametrize("mode", ["supervised", "unrolled"])
@pytest.mark.parametrize("layers", [1, 4])
def test_layers_are_shrinkage_steps(problem: tuple[Tensor, Dictionary], layers: int, mode: Any) -> None:
    x, dictionary = problem
    coder = Alista(dictionary, PENALTY, Ramp(0.1, 1.0), layers, mode=mode).double()
    coder.log_step.data += torch.arange(layers) / 10
    coder.log_threshold.data -= torch.arange(layers) / 5
    atoms = dictionary.atoms.detach()
    weights = analytic_weights(atoms)
    for step, multiplier in ((0, 0.1), (10, 1.0)):
        coder.set_step(step, 10)
        codes = torch.zeros(200, LATENTS, dtype=torch.float64)
        for layer in range(layers):
            moved = codes - coder.log_step[layer].exp() * (codes @ atoms.T - x) @ weights
            threshold = multiplier * coder.log_threshold[layer].exp()
            codes = moved.sign() * (moved.abs() - threshold).clamp(min=0)
        torch.testing.assert_close(coder.encode(x), codes)
    assert len(inference_parameters(coder)) == 2


def test_atoms_that_are_no_more_than_pixels_take_one_step(rng: Generator) -> None:
    """With WᵀA = I the first layer, at γ = 1, shrinks the least-squares codes."""
    dictionary = Dictionary((PIXELS,), 10)
    dictionary.double()
    x = torch.randn(7, PIXELS, generator=rng, dtype=torch.float64)
    coder = Alista(dictionary, PENALTY, layers=1).double()
    regression = torch.linalg.lstsq(dictionary.atoms.detach(), x.T).solution.T
    # 1/‖WᵀA‖ is computed in the precision of the weights.
    torch.testing.assert_close(coder.encode(x), torch.nn.functional.softshrink(regression, PENALTY))


def test_learning_brings_it_near_the_lassos_codes(problem: tuple[Tensor, Dictionary]) -> None:
    """A fifth of the error of ISTA of as many steps, which is what no learning at all gives."""
    x, dictionary = problem
    atoms = dictionary.atoms.detach()
    optimum = fista(x, atoms, PENALTY, 5000, 1e-8).codes
    coder = Alista(dictionary, PENALTY, layers=8).double()
    size = torch.linalg.matrix_norm(atoms, 2) ** 2
    ista = torch.zeros_like(optimum)
    for _ in range(8):
        ista = torch.nn.functional.softshrink(ista - (ista @ atoms.T - x) @ atoms / size, float(PENALTY / size))
    optimizer = torch.optim.Adam(inference_parameters(coder), lr=0.04)
    for _ in range(150):
        optimizer.zero_grad()
        (coder.encode(x) - optimum).square().sum(1).mean().backward()
        optimizer.step()
    assert (coder.encode(x) - optimum).square().sum() < 0.2 * (ista - optimum).square().sum()
