"""The locally competitive algorithm: at rest against the lasso's optimum and the fixed points of hard thresholds."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from vscbench.coders.fista import fista
from vscbench.coders.lca import lca
from vscbench.networks.dictionary import Dictionary

BATCH, PIXELS, LATENTS = 12, 16, 24


@pytest.fixture
def problem(rng: Generator) -> tuple[Tensor, Tensor]:
    """Data (B, P) and unit atoms (P, K), more atoms than pixels."""
    atoms = torch.randn(PIXELS, LATENTS, generator=rng, dtype=torch.float64)
    return 3 * torch.randn(BATCH, PIXELS, generator=rng, dtype=torch.float64), atoms / atoms.norm(dim=0)


@pytest.mark.parametrize("length", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("penalty", [0.3, 1.0])
def test_at_rest_soft_units_solve_the_lasso(problem: tuple[Tensor, Tensor], penalty: float, length: float) -> None:
    x, atoms = problem[0], length * problem[1]
    expected = fista(x, atoms, penalty, max_iterations=20_000, tolerance=1e-10).codes
    assert expected.any()
    torch.testing.assert_close(lca(x, atoms, penalty, iterations=30_000, step=0.1), expected, rtol=0, atol=1e-6)


def test_at_rest_hard_units_are_a_regression_on_those_that_are_active(problem: tuple[Tensor, Tensor]) -> None:
    """aᵀ(x - Az) = 0 where active; elsewhere a unit's drive is below λ."""
    x, atoms = problem
    codes = lca(x, atoms, 1.5, "hard", iterations=30_000, step=0.1)
    left = (x - codes @ atoms.T) @ atoms
    on = codes != 0
    assert on.any()
    assert left[on].abs().max() < 1e-8
    assert (left[~on].abs() <= 1.5).all()
    assert codes[on].abs().min() > 1.5


def test_trajectory_is_eulers(problem: tuple[Tensor, Tensor]) -> None:
    """Unit by unit, as Rozell et al. write it."""
    x, atoms = problem
    state = torch.zeros(BATCH, LATENTS, dtype=torch.float64)
    inhibition = atoms.T @ atoms - torch.eye(LATENTS, dtype=torch.float64)
    for _ in range(7):
        codes = state.sign() * (state.abs() - 0.5).clamp(min=0)
        state = state + 0.05 * (x @ atoms - state - codes @ inhibition)
    expected = state.sign() * (state.abs() - 0.5).clamp(min=0)
    torch.testing.assert_close(lca(x, atoms, 0.5, iterations=7, step=0.05), expected)


def test_large_steps_and_long_atoms_do_not_blow_up(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    codes = lca(x, 10 * atoms, 0.5, iterations=500, step=5.0)
    assert ((x - 10 * codes @ atoms.T).square().sum(1) < x.square().sum(1)).all()


def test_a_dictionary_that_diverged_has_no_codes() -> None:
    dictionary = Dictionary((4,), 3)
    atoms = torch.full_like(dictionary.atoms, torch.inf)
    assert lca(torch.ones(2, 4), atoms, 1.0).isnan().all()
