"""Coherence, norms and shrinkage against closed forms and plain loops; Gabor fits of planted dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from metrics.runs import dictionary, evaluation, made_up, untrained
from metrics.test_gabor import planted
from vscbench.coders.fista import Fista
from vscbench.metrics.atoms import largest_cosines, least_squares, measure, shrinkage
from vscbench.metrics.gabor import BROAD, GABOR_LIKE, Gabors

if TYPE_CHECKING:
    from torch import Tensor

    from vscbench.data import Data

PENALTY = 0.3


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def measured(atoms: Tensor, x: Tensor, penalty: float = PENALTY, **known: object) -> dict[str, float | np.ndarray]:
    """Of FISTA on a dictionary (P, K) and data (N, P)."""
    return measure(evaluation(Fista(dictionary(atoms.float()), penalty), made_up(x.float(), **known)))


def test_coherence_against_a_loop() -> None:
    atoms = random(6, 9)
    atoms[:, 4] = 0
    rest = [k for k in range(9) if k != 4]
    cosine = torch.nn.functional.cosine_similarity
    expected = [max(float(cosine(atoms[:, i], atoms[:, j], dim=0).abs()) for j in rest if j != i) for i in rest]
    assert largest_cosines(atoms).tolist() == pytest.approx(expected)
    found = measured(atoms, random(10, 6, seed=1))
    assert found["coherence"] == pytest.approx(max(expected), abs=1e-6)
    assert found["coherence_mean"] == pytest.approx(np.mean(expected), abs=1e-6)
    norms = np.linalg.norm(atoms, axis=0)
    assert found["atom_norm"] == pytest.approx(norms.mean())
    assert found["atom_norm_spread"] == pytest.approx(norms.std() / norms.mean())


def test_coherence_of_orthogonal_doubled_and_random_atoms() -> None:
    basis = torch.eye(16)
    assert measured(basis, random(10, 16))["coherence"] == 0
    doubled = measured(torch.cat([basis, -2 * basis], 1), random(10, 16))
    assert doubled["coherence_mean"] == pytest.approx(1)
    atoms = measured(random(64, 80), random(10, 64, seed=1), 1.0)
    assert atoms["coherence_mean"] == pytest.approx(atoms["coherence_null"], rel=0.1)


def test_least_squares_against_numpy() -> None:
    x, atoms = random(12, 8), random(8, 20, seed=1)
    support = random(12, 20, seed=2) > 0.8
    support[0] = False
    found = least_squares(x, atoms, support)
    for row, on, codes in zip(x, support, found, strict=True):
        expected = np.linalg.lstsq(atoms[:, on].numpy(), row.numpy(), rcond=None)[0]
        np.testing.assert_allclose(codes[on], expected, rtol=1e-3, atol=1e-4)
        assert not codes[~on].any()


def test_shrinkage_of_the_lasso_on_orthogonal_atoms() -> None:
    """There the lasso's code is sign(aᵀx)(|aᵀx| - λ), and least squares' is aᵀx."""
    x = random(400, 16)
    z = x.sign() * (x.abs() - PENALTY).clamp(min=0)
    expected = float((x * z).sum() / z.square().sum())
    assert measured(torch.eye(16), x)["shrinkage"] == pytest.approx(expected, rel=1e-4)
    assert expected > 1.2
    assert measured(torch.eye(16), x, 1e-4)["shrinkage"] == pytest.approx(1, abs=1e-3)


def test_shrinkage_of_codes_that_are_known() -> None:
    """Planted codes have none, halves of them 2, amplitudes that are noise 0; of other amplitudes none is told."""
    atoms = random(30, 40)
    codes = random(200, 40, seed=1) * (random(200, 40, seed=2) > 1.3)
    x = codes @ atoms.T
    assert shrinkage(x, atoms, codes) == pytest.approx(1, abs=1e-4)
    assert shrinkage(x, atoms, codes / 2) == pytest.approx(2, abs=1e-4)
    noise = random(200, 40, seed=3) * (codes != 0)
    assert shrinkage(x, atoms, noise) == pytest.approx(0, abs=0.1)
    assert shrinkage(x, atoms, torch.zeros_like(codes)) is None
    assert shrinkage(x, atoms, torch.ones_like(codes)) is None  # 40 amplitudes of 30 pixels


def test_share_and_medians_of_planted_gabors() -> None:
    """Forty of them and sixty atoms of noise, whose order is that of the dictionary."""
    gabors = planted(40, 0)
    pictures = gabors.pictures(16, 16)
    noise = np.random.default_rng(1).normal(size=(60, 16, 16))
    atoms = torch.from_numpy(np.concatenate([noise, pictures]).reshape(100, -1).T)
    found = measured(atoms, random(5, 256), 5.0, patch_shape=(1, 16, 16))
    assert found["gabor_like"] == pytest.approx(40)
    across, along = gabors.sigma_x * gabors.frequency, gabors.sigma_y * gabors.frequency
    broad = across < 1 / (2 * np.pi)
    assert found["gabor_n_x"] == pytest.approx(np.median(across), rel=1e-2)
    assert found["gabor_n_y"] == pytest.approx(np.median(along), rel=1e-2)
    assert found["gabor_broad"] == pytest.approx(100 * broad.mean())
    assert 0 < broad.sum() < 20
    assert found["gabor_frequency"] == pytest.approx(np.median(gabors.frequency[~broad]), rel=1e-3)
    assert (np.asarray(found["gabor_fits"]) >= GABOR_LIKE).tolist() == [False] * 60 + [True] * 40
    again = Gabors(*np.asarray(found["gabor_parameters"], dtype=float))
    np.testing.assert_allclose(again.frequency[60:], gabors.frequency, rtol=1e-3)


def test_lobes_of_an_even_gabor_are_one_where_it_is_called_broad() -> None:
    """By its Fourier transform on a fine grid."""
    k, x = np.linspace(0, 0.2, 401), np.linspace(-20, 20, 401)
    for n, lobes in ((0.9 * BROAD, 1), (1.1 * BROAD, 2)):
        spectrum = np.cos(2 * np.pi * np.outer(k, x)) @ (np.exp(-(x**2) / 18) * np.cos(2 * np.pi * n / 3 * x))
        assert (spectrum.argmax() == 0) == (lobes == 1)


def test_gabors_are_of_grey_patches_and_the_rest_of_dictionaries(data: Data) -> None:
    x, atoms = random(10, 12), random(12, 6, seed=1)
    for shape in (None, (3, 2, 2), (1, 2, 6)):
        assert "gabor_like" not in measured(atoms, x, patch_shape=shape)
    constant = measured(torch.ones(16, 6), random(10, 16), patch_shape=(1, 4, 4))
    assert constant["gabor_like"] == 0
    assert "gabor_n_x" not in constant
    assert measured(torch.zeros(12, 6), x) == {}
    assert "coherence" in measure(untrained({"family": "gaussian"}, data))
