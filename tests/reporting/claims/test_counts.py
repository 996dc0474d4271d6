"""Tests by permutation against SciPy's, and of rates against counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vscbench.reporting.claims.counts import compare_counts, compare_rates, interval, p_above
from vscbench.reporting.inference import INCONCLUSIVE, NOT_SUPPORTED, SUPPORTED

FIRST, SECOND = [4, 6, 5, 7, 4], [3, 4, 2, 5, 4]


@pytest.mark.parametrize("margin", [0.0, 0.5, 2.0])
def test_p_values_are_scipys(margin: float) -> None:
    def difference(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return a.mean(axis) - b.mean(axis)

    shifted = np.array(FIRST) - margin
    theirs = stats.permutation_test((shifted, SECOND), difference, alternative="greater", n_resamples=np.inf)
    assert p_above(FIRST, SECOND, margin) == pytest.approx(theirs.pvalue)


def test_many_runs_are_regrouped_at_random() -> None:
    first, second = np.random.default_rng(0).normal(0.3, 1, (2, 20))
    theirs = stats.ttest_ind(first, second, alternative="greater")
    assert p_above(first, second, 0) == pytest.approx(theirs.pvalue, abs=0.02)


def test_the_interval_ends_where_the_tests_turn() -> None:
    low, high = interval(FIRST, SECOND)
    assert p_above(FIRST, SECOND, low - 1e-6) <= 0.025 < p_above(FIRST, SECOND, low + 1e-6)
    assert p_above(SECOND, FIRST, -high - 1e-6) <= 0.025 < p_above(SECOND, FIRST, -high + 1e-6)
    assert interval([3, 4, 5], [1, 2, 2])[0] == -math.inf  # of three and three the least p-value is 1/20


def test_the_interval_holds_the_truth_of_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    held = [low <= 1 <= high for low, high in (interval(rng.poisson(3, 5), rng.poisson(2, 5)) for _ in range(150))]
    assert np.mean(held) > 0.95 - 2 * np.sqrt(0.05 * 0.95 / 150)


def test_words_of_counts() -> None:
    assert compare_counts(SECOND, FIRST, 0).word == NOT_SUPPORTED
    assert compare_counts([2] * 6, [9] * 6, 0).word == INCONCLUSIVE
    assert compare_counts([9, 8] * 3, [2, 3] * 3, 0.5).p == pytest.approx(2 / math.comb(12, 6))


def test_words_of_rates() -> None:
    assert compare_rates((0, 8), (5, 8)).word == SUPPORTED
    assert compare_rates((5, 8), (0, 8)).word == NOT_SUPPORTED
    assert compare_rates((2, 8), (1, 4)).word == INCONCLUSIVE
    assert compare_rates((0, 6), (6, 6)).p == pytest.approx(2 / math.comb(12, 6))
