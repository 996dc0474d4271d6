"""The classifier: exact chance of independent codes, and power close to that of the true likelihood."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Generator

from vscbench.metrics.dependence_controls import planted
from vscbench.metrics.two_sample import measure, two_sample_test

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize(("k", "density"), [(4, 1.0), (16, 0.2)])
def test_independent_codes_are_told_apart_by_chance(k: int, density: float) -> None:
    found = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        found.append(two_sample_test(planted(400, k, density, "none", 0.0, rng), rng))
    assert np.mean([each.p < 0.05 for each in found]) < 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert np.mean([each.accuracy for each in found]) == pytest.approx(0.5, abs=3 * 0.05 / 300**0.5)
    assert np.std([each.accuracy for each in found]) == pytest.approx(0.05, rel=0.15)  # binomial, of 100 trials
    assert np.mean([each.low < 0.5 < each.high for each in found]) > 0.92


def magnitudes(rng: np.random.Generator) -> NDArray[np.float32]:
    codes = planted(4000, 64, 1.0, "values", 20.0, rng)
    return codes * rng.choice(np.array((-1, 1), np.float32), codes.shape)


@pytest.mark.parametrize("kind", ["supports", "values", "dense", "magnitudes", "one cause"])
def test_dependence_of_every_pairwise_kind_is_found(kind: str) -> None:
    rng = np.random.default_rng(0)
    if kind == "magnitudes":
        codes = magnitudes(rng)
    elif kind == "one cause":  # how many latents are on varies more than by chance
        codes = planted(4000, 64, 1.0, "none", 0.0, rng) * (rng.random((4000, 64)) < rng.uniform(0, 0.2, (4000, 1)))
    else:
        density = 1.0 if kind == "dense" else 0.1
        codes = planted(4000, 64, density, "supports" if kind == "supports" else "values", 3.0, rng)
    found = two_sample_test(codes, rng)
    assert found.p < 0.001
    assert found.low > 0.5


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_it_is_nearly_as_good_as_the_likelihood_ratio(rho: float) -> None:
    """Of 16 Gaussian pairs, by the share of trials that log p(z)/Π p(z_k) gets right."""
    n, k = 16_000, 32
    rng = np.random.default_rng(0)
    codes = planted(n, k, 1.0, "values", k / 2 * -0.5 * float(np.log2(1 - rho**2)), rng)
    a, b = codes[:, : k // 2], codes[:, k // 2 :]

    def ratio(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
        quadratic = rho**2 * (left**2 + right**2) - 2 * rho * left * right
        total: NDArray[np.float64] = (-quadratic / (2 * (1 - rho**2))).sum(1)
        return total

    optimum = float(np.mean(ratio(a, b) > ratio(a, rng.permuted(b, axis=0))))
    assert two_sample_test(codes, rng).accuracy > optimum - 0.04


def test_it_is_blind_to_what_no_pair_shows() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 4000, 8)) < 0.5
    assert two_sample_test(np.concatenate((first, second, first ^ second), axis=1), rng).p > 0.01


@pytest.mark.parametrize("codes", [np.zeros((400, 5)), np.ones((400, 5)), np.eye(400)[:, :1]])
def test_codes_with_nothing_to_learn_are_guessed(codes: NDArray[np.float64]) -> None:
    found = two_sample_test(codes, np.random.default_rng(0))
    assert found.trials == 100
    assert found.low < 0.5 < found.high


def test_too_few_codes_are_an_error() -> None:
    with pytest.raises(ValueError, match="31 codes are too few"):
        two_sample_test(np.ones((31, 2)), np.random.default_rng(0))


def test_measures_of_a_run() -> None:
    codes = torch.from_numpy(planted(1000, 16, 0.2, "supports", 3.0, np.random.default_rng(0)))
    e: Any = SimpleNamespace(x=codes, codes={"draw": codes}, rng=lambda _: Generator().manual_seed(0))
    found = measure(e)
    parts = ("accuracy", "low", "high", "p", "detected")
    assert list(found) == [f"two_sample_{part}" for part in parts]
    assert found["two_sample_detected"] == 1
    assert found["two_sample_low"] > 0.5
    assert measure(e) == found
    e.x = codes[:31]
    assert measure(e) == {}
