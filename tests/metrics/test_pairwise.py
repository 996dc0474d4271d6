"""Mutual information of pairs: enumeration, closed forms, a null that holds, and what it must and cannot see."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from torch import Generator

from vscbench.metrics.dependence import multi_information
from vscbench.metrics.dependence_controls import planted
from vscbench.metrics.pairwise import measure, pair_information, pair_tests, symbols
from vscbench.settings import ViolationsError, check

if TYPE_CHECKING:
    from numpy.typing import NDArray


def entropy(*columns: NDArray[np.uint8]) -> float:
    """Of joint symbols, by counting them."""
    p = np.unique(np.stack(columns), axis=1, return_counts=True)[1] / len(columns[0])
    return float(-(p * np.log2(p)).sum())


def sparse(rng: np.random.Generator, n: int, k: int, density: float = 0.2) -> NDArray[np.float32]:
    return planted(n, k, density, "none", 0.0, rng)


def test_symbols_keep_zero_apart_and_split_the_rest_into_equal_parts() -> None:
    codes = sparse(np.random.default_rng(0), 1000, 4)
    table = symbols(codes, 4)
    assert np.array_equal(table == 0, codes.T == 0)
    for column, values in zip(table, codes.T, strict=True):
        counts = np.bincount(column, minlength=5)[1:]
        assert np.ptp(counts) <= 1
        ordered = column[values != 0][values[values != 0].argsort()]
        assert (np.diff(ordered.astype(int)) >= 0).all()
    assert np.array_equal(symbols(codes, 1), codes.T != 0)
    assert len(np.unique(symbols(np.ones((9, 1))))) == 1  # equal values have one symbol


@pytest.mark.parametrize("bins", [1, 2, 4])
def test_information_is_that_of_counted_symbols(bins: int) -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, bins + 1, (5, 200), dtype=np.uint8)
    table[3] = table[0]
    table[4] = 0  # a latent that never changes
    on = (table > 0).astype(np.uint8)
    expected = [entropy(a) + entropy(b) - entropy(a, b) for a, b in combinations(table, 2)]
    np.testing.assert_allclose(pair_information(table, bins)[0], expected, atol=1e-12)
    expected = [entropy(a) + entropy(b) - entropy(a, b) for a, b in combinations(on, 2)]
    np.testing.assert_allclose(pair_information(table, bins)[1], expected, atol=1e-12)


def quantised(rho: float, bins: int) -> float:
    """I in bits of a Gaussian pair of correlation ρ cut at its quantiles, from the bivariate distribution function."""
    # ±8 stands for infinity.
    cuts = np.clip(norm.ppf(np.arange(bins + 1) / bins), -8, 8)
    law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    below = np.array([[law.cdf([a, b]) for b in cuts] for a in cuts])
    p = np.diff(np.diff(below, axis=0), axis=1)
    return float((p * np.log2(p * bins**2)).sum())


@pytest.mark.parametrize("density", [1.0, 0.3])
def test_the_excess_is_the_information_of_the_quantised_pairs(density: float) -> None:
    """Of correlated values with independent supports: density² times that of a Gaussian pair cut at its quartiles."""
    n, k, rho = 40_000, 8, 0.8
    bits = k / 2 * density**2 * -0.5 * np.log2(1 - rho**2)
    codes = planted(n, k, density, "values", float(bits), np.random.default_rng(1))
    excess = pair_tests(codes, np.random.default_rng(2))[0].excess
    assert excess == pytest.approx(k / 2 * density**2 * quantised(rho, 4), rel=0.05)
    assert excess < bits


def test_shared_supports_are_found_in_full() -> None:
    codes = planted(40_000, 8, 0.1, "supports", 0.4, np.random.default_rng(0))
    for found in pair_tests(codes, np.random.default_rng(1)):
        assert found.excess == pytest.approx(0.4, rel=0.1)


@pytest.mark.parametrize(("k", "density"), [(4, 1.0), (16, 0.2)])
def test_independent_codes_are_rejected_as_rarely_as_stated(k: int, density: float) -> None:
    n, runs = 300, 150
    found = []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        found.append(pair_tests(sparse(rng, n, k, density), rng))
    for tests in zip(*found, strict=True):
        if density == 1 and tests[0].z == 0:  # supports that are all alike
            assert all(each.p == 1 for each in tests)
            continue
        rejected = np.mean([each.p < 0.05 for each in tests])
        assert 0.05 - 3 * 0.018 < rejected < 0.05 + 3 * 0.018  # three binomial standard errors
        z = [each.z for each in tests]
        assert abs(np.mean(z)) < 3 / runs**0.5
        assert np.std(z) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_copy_of_128_latents_is_seen_where_the_published_excess_is_zero(kind: str) -> None:
    """Audit A1: with N = 4,000 codes of 256 latents every code is unique, and the joint entropy is log₂ N."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((4000, 128))
    if kind == "sparse":
        half *= rng.random(half.shape) < 0.1
        codes = np.concatenate((half, half), axis=1)
    else:
        codes = np.concatenate((half, half + 0.03 * rng.standard_normal(half.shape)), axis=1)
    assert abs(multi_information(codes) - multi_information(rng.permuted(codes, axis=0))) < 0.1
    found = pair_tests(codes, rng)[0]
    assert found.p < 1e-12
    assert found.excess == pytest.approx({"dense": 233, "sparse": 86}[kind], rel=0.05)


def test_what_each_alphabet_sees() -> None:
    """Supports: one symbol. Values: more. Magnitudes alone: four, not the signs that two are."""
    rng = np.random.default_rng(0)
    values = planted(4000, 16, 0.3, "values", 1.0, rng)
    assert pair_tests(values, rng)[1].p > 0.01
    assert pair_tests(values, rng, bins=2)[0].p < 1e-6
    sign = rng.choice((-1, 1), values.shape)
    magnitudes = sign * np.abs(planted(4000, 16, 1.0, "values", 20.0, rng))
    assert pair_tests(magnitudes, rng, bins=2)[0].p > 0.01
    assert pair_tests(magnitudes, rng, bins=4)[0].p < 1e-6


def test_it_is_blind_to_what_no_pair_shows() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 4000, 8)) < 0.5
    assert pair_tests(np.concatenate((first, second, first ^ second), axis=1), rng)[0].p > 0.01


def test_latents_that_never_change_count_for_nothing() -> None:
    codes = sparse(np.random.default_rng(0), 500, 6)
    more = np.concatenate((codes, np.zeros((500, 2)), np.ones((500, 1))), axis=1)
    assert pair_tests(more, np.random.default_rng(1)) == pair_tests(codes, np.random.default_rng(1))
    assert pair_tests(np.zeros((9, 4)), np.random.default_rng(0)) == ((0, 0, 0, 0, 1),) * 2


def test_settings_are_those_of_the_signature() -> None:
    assert check(measure, {"bins": 2, "codes": "draw"}, ["e"]) == {"bins": 2, "codes": "draw", "shuffles": 3}
    with pytest.raises(ViolationsError, match="bins"):
        check(measure, {"bins": 0}, ["e"])


def test_measures_of_a_run() -> None:
    codes = torch.from_numpy(planted(1000, 16, 0.2, "supports", 1.0, np.random.default_rng(0)))
    e: Any = SimpleNamespace(codes={"draw": codes, "best": codes[:, :1]}, rng=lambda _: Generator().manual_seed(0))
    found = measure(e)
    assert found["support_pair_bits_p"] < 1e-6
    assert found["pair_bits_excess"] == pytest.approx(1, rel=0.3)
    assert found["pair_bits_excess"] == found["pair_bits"] - found["pair_bits_null"]
    assert measure(e) == found
    assert measure(e, codes="best")["pair_bits"] == 0
