"""Inference over repetitions, against scipy and by definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reporting.planted import samples
from vscbench.reporting.statistics import bootstrap_interval, holm, p_above, repetitions_needed


@pytest.mark.parametrize("bound", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_p_value_is_that_of_student(seed: int, bound: float) -> None:
    values = samples(seed, 4) + 0.5
    expected = stats.ttest_1samp(values, bound, alternative="greater").pvalue
    assert p_above(list(values), bound) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("values", "expected"), [([], 1), ([9.0], 1), ([2.0, 2.0], 0), ([0.0, 0.0], 1), ([-1, -1], 1)])
def test_p_value_without_spread(values: list[float], expected: float) -> None:
    assert p_above(values) == expected


def test_interval_is_that_of_scipys_bootstrap() -> None:
    values = samples(0, 12)
    expected = stats.bootstrap((values,), np.mean, n_resamples=100_000, method="percentile", rng=0).confidence_interval
    assert bootstrap_interval(tuple(values)) == pytest.approx(tuple(expected), abs=0.02)


def test_interval_of_few() -> None:
    """Of three numbers the extreme means are 1/27 each, more than 2.5 %: the interval is their range."""
    assert bootstrap_interval((1.0, 2.0, 4.0)) == (1.0, 4.0)
    assert bootstrap_interval((2.0, 2.0)) == (2.0, 2.0)
    assert np.isnan(bootstrap_interval((3.0,))).all()


def test_interval_of_three_covers_three_of_four_times() -> None:
    """What the page says of it: too narrow, so that it does not decide."""
    intervals = np.array([bootstrap_interval(tuple(values)) for values in samples(0, 500, 3)])
    assert 0.70 < ((intervals[:, 0] < 0) & (intervals[:, 1] > 0)).mean() < 0.80


def test_holm_by_its_definition() -> None:
    p = [0.04, 0.01, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert len(holm([])) == 0


@pytest.mark.parametrize("bound", [0.0, 3.0])
def test_needed_repetitions_are_the_first_to_be_significant(bound: float) -> None:
    values = [1.0, 2.0, 2.5]
    n = repetitions_needed(values, bound, 0.01)
    assert n is not None

    def p(count: int) -> float:
        distance = abs(np.mean(values) - bound)
        return float(stats.t.sf(distance / np.std(values, ddof=1) * np.sqrt(count), count - 1))

    assert p(n) < 0.01 <= p(n - 1)


def test_needed_repetitions_where_there_is_no_effect() -> None:
    assert repetitions_needed([-1.0, 1.0], 0, 0.05) is None
    assert repetitions_needed([0.3], 0, 0.05) == 3
    assert repetitions_needed([2.0, 2.0], 0, 0.05) == 3
