"""Orthogonal matching pursuit against scikit-learn's, and against what is known of its codes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import orthogonal_mp, orthogonal_mp_gram
from torch import Generator, Tensor

from vscbench.coders.omp import omp

BATCH, PIXELS = 30, 16


def problem(latents: int, rng: Generator, *, unit: bool = True) -> tuple[Tensor, Tensor]:
    atoms = torch.randn(PIXELS, latents, generator=rng, dtype=torch.float64)
    return torch.randn(BATCH, PIXELS, generator=rng, dtype=torch.float64), atoms / atoms.norm(dim=0) if unit else atoms


@pytest.mark.parametrize("count", [1, 4, 10])
@pytest.mark.parametrize("latents", [12, 40])
def test_codes_are_scikit_learns(latents: int, count: int, rng: Generator) -> None:
    x, atoms = problem(latents, rng)
    gram, drive = (atoms.T @ atoms).numpy(), (x @ atoms).T.numpy()
    expected = orthogonal_mp_gram(gram, drive, n_nonzero_coefs=count)
    found = omp(x, atoms, count)
    assert (found.count_nonzero(1) == count).all()
    np.testing.assert_allclose(found, expected.T, rtol=0, atol=1e-10)


def test_length_of_an_atom_does_not_matter(rng: Generator) -> None:
    """scikit-learn expects atoms of unit length."""
    x, atoms = problem(40, rng, unit=False)
    unit = atoms / atoms.norm(dim=0)
    expected = orthogonal_mp(unit.numpy(), x.T.numpy(), n_nonzero_coefs=5).T / atoms.norm(dim=0).numpy()
    np.testing.assert_allclose(omp(x, atoms, 5), expected, rtol=0, atol=1e-10)


def test_it_stops_where_the_data_are_explained(rng: Generator) -> None:
    """Sparser data, and data of zeros, among others; more steps than pixels."""
    x, atoms = problem(40, rng)
    x[0], x[1] = 0.0, 2 * atoms[:, 7]
    few, many = omp(x, atoms, 3), omp(x, atoms, 40)
    assert few.count_nonzero(1)[:3].tolist() == [0, 1, 3]
    assert few[1, 7].item() == pytest.approx(2)
    torch.testing.assert_close(many @ atoms.T, x, rtol=0, atol=1e-4)  # up to a residual of 1e-10 ‖x‖²
    assert (many.count_nonzero(1) <= PIXELS).all()


def test_an_atom_twice_is_used_once(rng: Generator) -> None:
    x, atoms = problem(12, rng)
    doubled = torch.cat([atoms[:, :4], atoms[:, :4]], dim=1)
    codes = omp(x, doubled, 8)
    assert codes.isfinite().all()
    expected = torch.linalg.lstsq(atoms[:, :4], x.T).solution.T
    torch.testing.assert_close(codes[:, :4] + codes[:, 4:], expected)
