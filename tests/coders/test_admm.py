"""ADMM against FISTA and against scikit-learn's coordinate descent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Generator, Tensor

from vscbench.coders.admm import Admm, admm, ridge_inverse
from vscbench.coders.fista import fista
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives.lasso import lasso_objective
from vscbench.ramps import Ramp

BATCH, PIXELS = 12, 16
TIGHT = {"max_iterations": 20_000, "tolerance": 1e-9}


@pytest.fixture(params=[24, 10], ids=["overcomplete", "undercomplete"])
def problem(request: pytest.FixtureRequest, rng: Generator) -> tuple[Tensor, Tensor]:
    """Data (B, P) and atoms (P, K) of unit length, more of them than pixels or fewer."""
    x = 3 * torch.randn(BATCH, PIXELS, generator=rng, dtype=torch.float64)
    atoms = torch.randn(PIXELS, request.param, generator=rng, dtype=torch.float64)
    return x, atoms / atoms.norm(dim=0)


def objective(x: Tensor, atoms: Tensor, codes: Tensor, penalty: float) -> Tensor:
    return lasso_objective(x, codes @ atoms.T, codes, penalty)


@pytest.mark.parametrize("rho", [0.01, 1.0, 10.0])
def test_inverse_from_either_factor(problem: tuple[Tensor, Tensor], rho: float) -> None:
    _, atoms = problem
    latents = atoms.shape[1]
    ridge = atoms.T @ atoms + rho * torch.eye(latents, dtype=torch.float64)
    torch.testing.assert_close(ridge_inverse(atoms, rho) @ ridge, torch.eye(latents, dtype=torch.float64))


@pytest.mark.parametrize("rho", [0.3, 1.0])
@pytest.mark.parametrize("penalty", [0.05, 0.5, 2.0])
def test_optimum_is_scikit_learns_and_fistas(problem: tuple[Tensor, Tensor], penalty: float, rho: float) -> None:
    """Also in which codes are exactly zero."""
    x, atoms = problem
    codes = admm(x, atoms, penalty, rho, **TIGHT).codes
    reference = Lasso(alpha=penalty / PIXELS, fit_intercept=False, tol=1e-9, max_iter=100_000)
    expected = torch.from_numpy(np.stack([reference.fit(atoms.numpy(), row.numpy()).coef_ for row in x]))
    ours, theirs = objective(x, atoms, codes, penalty), objective(x, atoms, expected, penalty)
    assert ((ours - theirs).abs() < 1e-6 * theirs).all()
    other = fista(x, atoms, penalty, **TIGHT).codes
    torch.testing.assert_close(codes, other, rtol=0, atol=1e-5)
    assert torch.equal(codes == 0, other == 0)


def test_default_tolerance_is_near_the_optimum(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    near = objective(x, atoms, admm(x, atoms, 0.5, rho=1.0).codes, 0.5)
    assert (near < 1.001 * objective(x, atoms, fista(x, atoms, 0.5, **TIGHT).codes, 0.5)).all()


def test_codes_do_not_depend_on_the_rest_of_the_batch(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    x = torch.cat([x, 100 * x[:3], torch.zeros(2, PIXELS)])
    together = admm(x, atoms, 0.5, 1.0, **TIGHT)
    alone = torch.cat([admm(row[None], atoms, 0.5, 1.0, **TIGHT).codes for row in x])
    torch.testing.assert_close(together.codes, alone, rtol=1e-7, atol=1e-7)
    assert len(together.iterations.unique()) > 1


def test_large_penalty_gives_zero_without_an_iteration(problem: tuple[Tensor, Tensor]) -> None:
    """Zero is the solution from λ = max |Aᵀx| on, and not before."""
    x, atoms = problem
    largest = (x @ atoms).abs().max().item()
    solution = admm(x, atoms, 1.0001 * largest)
    assert not solution.codes.any()
    assert not solution.iterations.any()
    assert admm(x, atoms, 0.99 * largest, 1.0, **TIGHT).codes.any()


@pytest.mark.parametrize("limit", [1, 3, 5, 12])
def test_iterations_are_limited(problem: tuple[Tensor, Tensor], limit: int) -> None:
    x, atoms = problem
    solution = admm(x, atoms, 0.01, max_iterations=limit, tolerance=0.0)
    assert (solution.iterations == limit).all()
    if limit == 1:  # the ridge regression, over-relaxed and shrunk
        ridge = torch.linalg.solve(atoms.T @ atoms + 10 * torch.eye(atoms.shape[1]), atoms.T @ x.T).T
        torch.testing.assert_close(solution.codes, torch.nn.functional.softshrink(1.6 * ridge, 0.001))


def test_nothing_to_solve() -> None:
    """Atoms of zero, data of zero, no data: zero codes."""
    assert not admm(torch.ones(3, 4), torch.zeros(4, 5), 0.5).codes.any()
    assert not admm(torch.zeros(3, 4), torch.ones(4, 5), 0.5).codes.any()
    assert admm(torch.zeros(0, 4), torch.ones(4, 5), 0.5).codes.shape == (0, 5)


def test_dictionary_that_diverged_gives_no_code(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    broken = atoms.clone()
    broken[0, 0] = torch.inf
    assert admm(x, broken, 0.5).codes.isnan().all()


def test_as_a_coder_it_scales_its_penalty_while_warming_up(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    dictionary = Dictionary((PIXELS,), atoms.shape[1]).double()
    dictionary.atoms.data = atoms
    coder = Admm(dictionary, penalty=2.0, penalty_warmup=Ramp(0.1, 1.0), rho=0.7, max_iterations=33, tolerance=0.0)
    for step, penalty in ((0, 0.2), (5, 1.1), (10, 2.0)):
        coder.set_step(step, 10)
        torch.testing.assert_close(coder.encode(x), admm(x, atoms, penalty, 0.7, 33, 0.0).codes)
