"""The duality gap against a solver of another's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Generator, Tensor

from vscbench.coders.duality import duality_gap, gap_of_products, relative_gap
from vscbench.coders.fista import fista

PENALTY = 0.5


def problem(rng: Generator, common: float = 1.0) -> tuple[Tensor, Tensor]:
    """Data and correlated unit atoms, in double precision."""
    x = torch.randn(20, 16, generator=rng, dtype=torch.float64)
    atoms = torch.randn(16, 32, generator=rng, dtype=torch.float64)
    atoms += common * torch.randn(16, 1, generator=rng, dtype=torch.float64)
    return x, atoms / atoms.norm(dim=0)


def optimum(x: Tensor, atoms: Tensor, penalty: float) -> Tensor:
    """Codes by long coordinate descent; its objective is ours over P."""
    solver = Lasso(alpha=penalty / len(atoms), fit_intercept=False, max_iter=1_000_000, tol=1e-14)
    return torch.from_numpy(np.stack([solver.fit(atoms.numpy(), row).coef_.copy() for row in x.numpy()]))


def test_the_gap_bounds_what_is_lost_and_is_zero_at_the_optimum(rng: Generator) -> None:
    x, atoms = problem(rng)
    best = duality_gap(x, atoms, optimum(x, atoms, PENALTY), PENALTY)
    assert best.gap.max() < 1e-8
    guesses = [torch.randn(20, 32, generator=rng, dtype=torch.float64), torch.zeros(20, 32, dtype=torch.float64)]
    guesses += [fista(x, atoms, PENALTY, n, 0.0).codes for n in (1, 3, 10, 30, 100, 1000)]
    for codes in guesses:
        found = duality_gap(x, atoms, codes, PENALTY)
        lost = found.primal - best.primal
        assert (found.gap >= lost - 1e-9).all()
        assert (found.dual <= best.primal + 1e-9).all()
        assert (lost <= found.relative * found.primal + 1e-9).all()
    assert lost.max() < 1e-8  # the last of them is converged
    assert found.gap.max() < 1e-6


def test_the_primal_is_the_objective_and_the_dual_point_is_feasible(rng: Generator) -> None:
    x, atoms = problem(rng)
    codes = torch.randn(20, 32, generator=rng, dtype=torch.float64)
    residual = x - codes @ atoms.T
    found = duality_gap(x, atoms, codes, PENALTY)
    torch.testing.assert_close(found.primal, 0.5 * residual.square().sum(1) + PENALTY * codes.abs().sum(1))
    # The best feasible multiple of the residual, by search.
    edge = PENALTY / (residual @ atoms).abs().amax(1)
    multiples = torch.linspace(-1, 1, 20001, dtype=torch.float64)[:, None, None] * edge[:, None] * residual
    dual = 0.5 * x.square().sum(1) - 0.5 * (x - multiples).square().sum(2)
    torch.testing.assert_close(found.dual, dual.amax(0), rtol=1e-6, atol=1e-6)


def test_the_zero_code_is_optimal_at_a_penalty_that_allows_no_other(rng: Generator) -> None:
    x, atoms = problem(rng)
    zero = torch.zeros(20, 32, dtype=torch.float64)
    highest = (x @ atoms).abs().amax(1)
    found = torch.stack(
        [duality_gap(row[None], atoms, zero[:1], float(p)).gap[0] for row, p in zip(x, highest, strict=True)]
    )
    assert found.max() < 1e-10
    assert (duality_gap(x, atoms, zero, 0.9 * float(highest.min())).gap > 1e-3).all()


def test_data_of_zero_and_perfect_reconstructions_are_no_division_by_zero() -> None:
    zero = torch.zeros(1, 2)
    assert relative_gap(zero, torch.eye(2), zero, 1.0).item() == 0
    x = torch.tensor([[3.0, -1.0]])
    assert duality_gap(x, torch.eye(2), x, 1.0).gap.item() == 4  # the dual of a residual of 0 is 0


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_from_products_it_is_the_same(rng: Generator, dtype: torch.dtype, tolerance: float) -> None:
    x, atoms = problem(rng)
    codes = fista(x, atoms, PENALTY, 20, 0.0).codes
    exact = duality_gap(x, atoms, codes, PENALTY)
    given = (x.square().sum(1), x @ atoms, atoms.T @ atoms, codes)
    found = gap_of_products(*(each.to(dtype) for each in given), PENALTY)
    for part in ("primal", "dual"):
        difference = (getattr(found, part) - getattr(exact, part)).abs() / x.square().sum(1)
        assert difference.max() < tolerance


def test_a_small_change_of_the_codes_is_no_optimum(rng: Generator) -> None:
    """Stopping by change leaves several percent of the gap, and of correlated atoms real loss; the gap sees it."""
    x, atoms = problem(rng, common=5.0)
    best = duality_gap(x, atoms, optimum(x, atoms, 0.1), 0.1).primal
    stopped = duality_gap(x, atoms, fista(x, atoms, 0.1, tolerance=1e-3).codes, 0.1)
    assert (stopped.primal / best - 1).max() > 0.01
    assert stopped.relative.max() > 0.05
    longer = duality_gap(x, atoms, fista(x, atoms, 0.1, 20_000, tolerance=0.0).codes, 0.1)
    assert longer.relative.max() < 1e-4


def test_codes_that_diverged_never_pass_for_converged() -> None:
    x = torch.ones(2, 2)
    codes = torch.tensor([[torch.nan, 0.0], [torch.inf, 0.0]])
    assert not (relative_gap(x, torch.eye(2), codes, 1.0) <= 0.01).any()
