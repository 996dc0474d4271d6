"""Sparsity of codes: closed forms of known vectors, and each measure of codes that can be counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from metrics.runs import CODERS, of_codes, untrained
from vscbench.metrics import sparsity
from vscbench.metrics.sparsity import gini, hoyer, lifetime_sparsity

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from vscbench.data import Data

K = 16


def some_equal(count: int, size: int = K) -> Tensor:
    return torch.cat((torch.ones(count), torch.zeros(size - count))).double()


@pytest.mark.parametrize(
    ("codes", "expected_hoyer", "expected_gini"),
    [
        (torch.ones(K), 0, 0),
        (some_equal(1), 1, 1 - 1 / K),
        (some_equal(4), (4 - 2) / (4 - 1), 1 - 4 / K),
        (torch.arange(1, K + 1.0), (4 - (3 * K * (K + 1) / (2 * (2 * K + 1))) ** 0.5) / 3, (K - 1) / (3 * K)),
    ],
    ids=["uniform", "one", "four_equal", "ramp"],
)
@pytest.mark.parametrize("scale", [1, -7.5, 1e-6])
def test_hoyer_and_gini_of_known_vectors(
    codes: Tensor, expected_hoyer: float, expected_gini: float, scale: float, rng: Generator
) -> None:
    """Whatever the scale, the order and the signs of the entries."""
    signs = torch.randint(2, (K,), generator=rng) * 2 - 1
    changed = scale * (codes.double() * signs)[torch.randperm(K, generator=rng)]
    assert hoyer(changed).item() == pytest.approx(expected_hoyer, abs=1e-12)
    assert gini(changed).item() == pytest.approx(expected_gini, abs=1e-12)


def test_gini_is_the_mean_difference(rng: Generator) -> None:
    """Σ_ij |a_i - a_j| / (2 K Σ a), of each row."""
    codes = torch.randn(5, K, generator=rng, dtype=torch.float64)
    size = codes.abs()
    differences = (size[:, :, None] - size[:, None, :]).abs().sum((1, 2))
    torch.testing.assert_close(gini(codes), differences / (2 * K * size.sum(1)))


@pytest.mark.parametrize("measure", [hoyer, gini, lambda codes: lifetime_sparsity(codes.T)])
def test_the_zero_code_has_no_sparsity(measure: Any) -> None:
    codes = torch.stack((torch.zeros(K), some_equal(2).float()))
    assert measure(codes).isnan().tolist() == [True, False]


@pytest.mark.parametrize("active", [1, 3, 20])
def test_lifetime_sparsity_of_known_latents(active: int) -> None:
    """(1 - m/N)/(1 - 1/N) for m equal responses to N data points: 1 for one, 0 for all."""
    codes = some_equal(active, 20)[:, None] * torch.tensor([1.0, -3.0, 1e-3])
    expected = (1 - active / 20) / (1 - 1 / 20)
    np.testing.assert_allclose(lifetime_sparsity(codes), expected, atol=1e-12)


def test_measures_of_sparsity_of_known_codes() -> None:
    """Four data points of four latents: a dead unit, a zero code, a coefficient that is small."""
    codes = np.array([[0, 2.0, 0, 0], [0, 0, 0, 0], [0, 1, -0.005, 0], [0, 1, 0, -3]])
    found = sparsity.measure(of_codes(codes))
    expected = {
        "density": 5 / 16,
        "density_spread": np.std([1, 0, 2, 2], ddof=1) / 4,
        "density_best": 5 / 16,
        "density_above_small": 4 / 16,
        "zero_codes": 25,
        "l1": (2 + 0 + 1.005 + 4) / 4,
        "hoyer": np.mean([1, 2 - 1.005 / np.hypot(1, 0.005), 2 - 4 / 10**0.5]),
        "gini": np.mean([3 / 4, 1 - 2 * (0.005 * 1.5 + 0.5) / 4 / 1.005, 1 - 2 * (1.5 + 3 * 0.5) / 4 / 4]),
        "lifetime_sparsity": np.mean([(1 - 1 / 1.5) / 0.75, 1, 1]),
        "dead_units": 25,
        "active_units": 50,
    }
    assert found.keys() == expected.keys()
    for measure, value in expected.items():
        assert found[measure] == pytest.approx(value, abs=2e-5), measure


@pytest.mark.parametrize(
    ("coder", "density"),
    [
        ("gaussian", 1),
        ("spike_slab", 0.1),
        ("laplacian_thresh_gamma", np.exp(-2.5)),
        ("gaussian_thresh", 0.1001),  # 2 Φ(-0.52/√0.1)
        ("vamp", np.exp(-2.5)),
    ],
)
def test_density_of_the_prior(data: Data, coder: str, density: float) -> None:
    found = sparsity.measure(untrained(CODERS[coder], data))
    assert found["prior_density"] == pytest.approx(density, rel=1e-3)


def test_a_solver_has_no_prior(data: Data) -> None:
    assert "prior_density" not in sparsity.measure(untrained(CODERS["fista"], data))
