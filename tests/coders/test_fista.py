"""FISTA against the optimality conditions of the lasso and against scikit-learn's coordinate descent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Generator, Tensor

from vscbench.coders.duality import duality_gap
from vscbench.coders.fista import Fista, Prepared, fista
from vscbench.coders.published_fista import published_fista
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives.lasso import lasso_objective
from vscbench.ramps import Ramp

BATCH, PIXELS, LATENTS = 12, 16, 24
TIGHT = {"max_iterations": 20_000, "tolerance": 1e-9}


def dictionary_of(rng: Generator) -> Dictionary:
    """A dictionary with atoms of unit length."""
    dictionary = Dictionary((PIXELS,), LATENTS)
    atoms = torch.randn(PIXELS, LATENTS, generator=rng)
    dictionary.atoms.data = atoms / atoms.norm(dim=0)
    return dictionary


@pytest.fixture
def problem(rng: Generator) -> tuple[Tensor, Tensor]:
    """Data (B, P) and atoms (P, K), more atoms than pixels."""
    x = 3 * torch.randn(BATCH, PIXELS, generator=rng, dtype=torch.float64)
    return x, dictionary_of(rng).atoms.detach().double()


def objective(x: Tensor, atoms: Tensor, codes: Tensor, penalty: float) -> Tensor:
    return lasso_objective(x, codes @ atoms.T, codes, penalty)


@pytest.mark.parametrize("penalty", [0.05, 0.5, 2.0])
def test_optimum_is_scikit_learns(problem: tuple[Tensor, Tensor], penalty: float) -> None:
    x, atoms = problem
    codes = fista(x, atoms, penalty, **TIGHT).codes
    reference = Lasso(alpha=penalty / PIXELS, fit_intercept=False, tol=1e-9, max_iter=100_000)
    expected = torch.from_numpy(np.stack([reference.fit(atoms.numpy(), row.numpy()).coef_ for row in x]))
    ours, theirs = objective(x, atoms, codes, penalty), objective(x, atoms, expected, penalty)
    assert ((ours - theirs).abs() < 1e-6 * theirs).all()


@pytest.mark.parametrize("penalty", [0.05, 0.5, 2.0])
def test_optimality_conditions(problem: tuple[Tensor, Tensor], penalty: float) -> None:
    """aₖᵀ(x - A z) = λ sign(zₖ) where zₖ ≠ 0, and |aₖᵀ(x - A z)| ≤ λ elsewhere."""
    x, atoms = problem
    codes = fista(x, atoms, penalty, **TIGHT).codes
    correlation = (x - codes @ atoms.T) @ atoms
    active = codes != 0
    assert active.any()
    assert not active.all()
    torch.testing.assert_close(correlation[active], penalty * codes[active].sign(), rtol=0, atol=1e-6)
    assert (correlation[~active].abs() <= penalty + 1e-6).all()


def test_default_tolerance_is_near_the_optimum(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    near, optimum = (objective(x, atoms, fista(x, atoms, 0.5, **k).codes, 0.5) for k in ({}, TIGHT))
    assert (near < 1.001 * optimum).all()


@pytest.mark.parametrize("tolerance", [1e-3, 1e-10])
def test_codes_do_not_depend_on_the_rest_of_the_batch(problem: tuple[Tensor, Tensor], tolerance: float) -> None:
    """A hard data point in the batch neither stops the others early nor moves them."""
    x, atoms = problem
    x = torch.cat([x, 100 * x[:3], torch.zeros(2, PIXELS)])
    limits = {"max_iterations": 20_000, "tolerance": tolerance}
    together = fista(x, atoms, 0.5, **limits).codes
    alone = torch.cat([fista(row[None], atoms, 0.5, **limits).codes for row in x])
    scale = 1 + alone.norm(dim=-1, keepdim=True)
    assert ((together - alone) / scale).abs().max() < 10 * tolerance


def test_order_of_the_batch_does_not_matter(problem: tuple[Tensor, Tensor], rng: Generator) -> None:
    x, atoms = problem
    order = torch.randperm(BATCH, generator=rng)
    solution, permuted = fista(x, atoms, 0.5), fista(x[order], atoms, 0.5)
    torch.testing.assert_close(permuted.codes, solution.codes[order])
    assert torch.equal(permuted.iterations, solution.iterations[order])


def test_no_penalty_gives_least_squares(problem: tuple[Tensor, Tensor]) -> None:
    """Exact reconstruction by an overcomplete dictionary, the regression by an undercomplete one."""
    x, atoms = problem
    codes = fista(x, atoms, 0.0, **TIGHT).codes
    torch.testing.assert_close(codes @ atoms.T, x, rtol=0, atol=1e-6)
    few = atoms[:, :5]
    expected = torch.linalg.lstsq(few, x.T).solution.T
    torch.testing.assert_close(fista(x, few, 0.0, **TIGHT).codes, expected, rtol=0, atol=1e-6)


def test_large_penalty_gives_zero(problem: tuple[Tensor, Tensor]) -> None:
    """Zero is the solution from λ = max |Aᵀx| on, and not before."""
    x, atoms = problem
    largest = (x @ atoms).abs().max().item()
    assert not fista(x, atoms, 1.0001 * largest).codes.any()
    assert fista(x, atoms, 0.99 * largest).codes.any()


@pytest.mark.parametrize("limit", [1, 3, 5, 12])
def test_iterations_are_limited(problem: tuple[Tensor, Tensor], limit: int) -> None:
    x, atoms = problem
    solution = fista(x, atoms, 0.01, max_iterations=limit, tolerance=0.0)
    assert (solution.iterations == limit).all()
    assert solution.codes.any()
    if limit == 1:  # one proximal gradient step from zero
        step = 1 / torch.linalg.matrix_norm(atoms, 2) ** 2
        target = step * x @ atoms
        torch.testing.assert_close(solution.codes, target - target.clamp(-0.01 * step, 0.01 * step))


def test_more_iterations_for_a_smaller_tolerance(problem: tuple[Tensor, Tensor]) -> None:
    x, atoms = problem
    loose, tight = (fista(x, atoms, 0.5, tolerance=tolerance).iterations for tolerance in (1e-2, 1e-4))
    assert (loose <= tight).all()
    assert (loose < tight).any()
    assert tight.max() < 500


def test_scale_of_the_atoms_does_not_matter(problem: tuple[Tensor, Tensor]) -> None:
    """Atoms of any length: scaling them by c and the penalty by c scales the codes by 1/c."""
    x, atoms = problem
    for scale in (1e-3, 1e3):
        scaled = fista(x, scale * atoms, 0.5 * scale, **TIGHT).codes
        torch.testing.assert_close(scaled * scale, fista(x, atoms, 0.5, **TIGHT).codes, rtol=0, atol=1e-6)


def test_nothing_to_solve() -> None:
    """Atoms of zero, data of zero, no data: zero codes."""
    assert not fista(torch.ones(3, 4), torch.zeros(4, 5), 0.5).codes.any()
    assert not fista(torch.zeros(3, 4), torch.ones(4, 5), 0.5).codes.any()
    assert fista(torch.zeros(0, 4), torch.ones(4, 5), 0.5).codes.shape == (0, 5)


def test_dictionary_that_diverged_gives_no_code(problem: tuple[Tensor, Tensor]) -> None:
    """So that the run ends as diverged, with its step, instead of a crash."""
    x, atoms = problem
    for value in (torch.inf, torch.nan):
        broken = atoms.clone()
        broken[0, 0] = value
        assert not fista(x, broken, 0.5).codes.isfinite().all()


@pytest.mark.parametrize("gap", [None, 1e-6])
def test_a_dictionary_of_many_atoms_is_taken_as_two_factors(rng: Generator, gap: float | None) -> None:
    """More than two atoms a pixel: the same codes as by the Gram matrix, and the gap that was asked for."""
    x, atoms = torch.randn(20, 8, generator=rng).double(), torch.randn(8, 40, generator=rng).double()
    gram = atoms.T @ atoms
    step = 1 / torch.linalg.eigvalsh(gram)[-1]
    by_gram = Prepared(atoms, gram, step, torch.eye(40).double() - gram * step)
    wide = Prepared.of(atoms)
    assert wide is not None
    assert wide.gram is None
    found, expected = (fista(x, atoms, 0.5, 5000, 1e-9, gap=gap, prepared=each).codes for each in (wide, by_gram))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    if gap:
        assert duality_gap(x, atoms, found, 0.5).relative.max() <= gap


def test_solver_scales_its_penalty_while_warming_up(problem: tuple[Tensor, Tensor], rng: Generator) -> None:
    x, atoms = problem
    dictionary = dictionary_of(rng)
    dictionary.atoms.data = atoms
    coder = Fista(dictionary, penalty=2.0, penalty_warmup=Ramp(0.1, 1.0))
    for step, penalty in ((0, 0.2), (5, 1.1), (10, 2.0)):
        coder.set_step(step, 10)
        torch.testing.assert_close(coder.encode(x), fista(x, atoms, penalty, gap=1e-2).codes)


@pytest.mark.parametrize("penalty", [0.1, 0.5])
def test_codes_are_optimal_to_the_stated_gap(problem: tuple[Tensor, Tensor], penalty: float) -> None:
    """By an optimum that is found without it, for atoms that are nearly alike."""
    x, atoms = problem
    atoms = atoms[:, :1] + 0.3 * atoms
    least = objective(x, atoms, fista(x, atoms, penalty, 10_000, 1e-8).codes, penalty)
    for gap in (1e-1, 1e-2, 1e-4):
        found = fista(x, atoms, penalty, 10_000, gap=gap)
        assert (found.iterations < 10_000).all()
        assert (objective(x, atoms, found.codes, penalty) <= least / (1 - gap) * (1 + 1e-6)).all()


def test_a_small_change_does_not_mean_optimal(problem: tuple[Tensor, Tensor]) -> None:
    """What the gap is for: with correlated atoms the rule of small changes stops too early, and says nothing."""
    x, atoms = problem
    alike = atoms[:, :1] + 0.3 * atoms
    least = objective(x, alike, fista(x, alike, 0.1, 10_000, 1e-8).codes, 0.1)
    by_change, by_gap = fista(x, alike, 0.1), fista(x, alike, 0.1, 20_000, gap=1e-2)
    assert (by_change.iterations < 500).all()
    assert (objective(x, alike, by_change.codes, 0.1) / least).max() > 1.05
    assert (objective(x, alike, by_gap.codes, 0.1) / least).max() < 1.0102


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3])
def test_published_solver(problem: tuple[Tensor, Tensor], tolerance: float) -> None:
    """From Aᵀx by steps of 1/‖A‖², until ‖Z - Z_old‖ ≤ tolerance · ‖Z_old‖ of the batch: the equations in NumPy."""
    x, atoms = problem
    a, y = atoms.numpy(), x.numpy().T
    step = 1 / np.linalg.norm(a, 2) ** 2
    z = w = a.T @ y
    t, iteration, done = 1.0, 0, False
    while not done:
        iteration += 1
        moved = w - step * a.T @ (a @ w - y)
        new = np.sign(moved) * np.maximum(np.abs(moved) - step * 0.5, 0)
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
        change, size = np.linalg.norm(new - z), np.linalg.norm(z)
        w, z, t = new + (t - 1) / t_new * (new - z), new, t_new
        done = change / size <= tolerance
    found = published_fista(x, atoms, 0.5, 500, tolerance)
    np.testing.assert_allclose(found.codes.numpy(), z.T, rtol=0, atol=1e-9)
    assert (found.iterations == iteration).all()
    assert 1 < iteration < 500
    coder = Fista(dictionary_of(Generator().manual_seed(0)).double(), 0.5, tolerance=tolerance, stop="published")
    coder.generator.atoms.data = atoms  # type: ignore[union-attr]
    assert torch.equal(coder.encode(x), found.codes)


def test_published_solver_stops_for_the_batch_together(problem: tuple[Tensor, Tensor]) -> None:
    """A data point a hundred times as large decides when the others stop; the suite's own rule is each one's."""
    x, atoms = problem
    alone, among = (published_fista(rows, atoms, 0.5).codes[1:] for rows in (x, torch.cat([100 * x[:1], x[1:]])))
    assert not torch.allclose(alone, among, rtol=1e-4)
    assert published_fista(x, atoms, 0.5, max_iterations=3).iterations.tolist() == [3] * BATCH
    assert not published_fista(x, atoms * torch.nan, 0.5).codes.isfinite().any()


def test_gradient_of_the_solvers_loss_is_that_of_fixed_codes(problem: tuple[Tensor, Tensor], rng: Generator) -> None:
    """The dictionary learns as if the codes were given: -(2/P) mean_b (x - A z) zᵀ."""
    x, atoms = problem
    dictionary = dictionary_of(rng).double()
    dictionary.atoms.data = atoms
    loss = Fista(dictionary, penalty=0.5).loss(x, None)
    loss.value.mean().backward()
    codes = loss.codes[0]
    expected = -2 / PIXELS * (x - codes @ atoms.T).T @ codes / len(x)
    torch.testing.assert_close(dictionary.atoms.grad, expected)
