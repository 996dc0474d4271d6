"""Effects relative to a rival: Fieller's test against a search over ratios, against SciPy, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vscbench.reporting.inference import INCONCLUSIVE, compare, p_above, p_below
from vscbench.reporting.ratio import relative

FIRST, SECOND = [80.0, 83.0, 78.0, 81.0, 77.0], [100.0, 97.0, 104.0, 99.0, 101.0]


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.2])
def test_a_relative_margin_is_welchs_test_against_a_share_of_the_rival(margin: float) -> None:
    lower = stats.ttest_ind(FIRST, (1 - margin) * np.array(SECOND), equal_var=False, alternative="less")
    assert p_above(relative(FIRST, SECOND), margin) == pytest.approx(lower.pvalue)
    higher = stats.ttest_ind(FIRST, (1 + margin) * np.array(SECOND), equal_var=False, alternative="greater")
    assert p_above(relative(FIRST, SECOND, higher=True), margin) == pytest.approx(higher.pvalue)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("higher", [False, True])
def test_the_interval_ends_where_the_test_turns(sign: int, higher: bool) -> None:
    found = relative(sign * np.array(FIRST), sign * np.array(SECOND), higher=higher)
    low, high = found.interval()
    assert low < found.mean < high
    # The degrees of freedom are those at the ratio found, and nearly those at the ends.
    assert p_above(found, low) == pytest.approx(0.025, abs=0.002)
    assert p_below(found, high) == pytest.approx(0.025, abs=0.002)
    assert p_above(found, 0.1) + p_below(found, 0.1) == pytest.approx(1)


def test_lower_of_positive_numbers_and_higher_of_negative_ones_are_improvements() -> None:
    assert relative([90.0], [100.0]).mean == pytest.approx(0.1)
    assert relative([-90.0], [-100.0], higher=True).mean == pytest.approx(0.1)
    assert relative([110.0], [100.0], higher=True).mean == pytest.approx(0.1)


def test_a_rival_that_may_be_zero_is_no_scale() -> None:
    noisy = relative([5.0, 6.0, 5.5, 5.2, 6.1], [0.5, -0.4, 0.3, -0.2, 0.1])
    assert not noisy.known
    assert compare(noisy, 0.01).word == INCONCLUSIVE
    assert all(math.isnan(end) for end in noisy.interval())


def test_the_rivals_noise_counts() -> None:
    """At the margin a rival of 40 % noise, much more than its method's, gives no more false verdicts than allowed."""
    rng, tables = np.random.default_rng(0), 2000
    first = 0.9 + 0.01 * rng.standard_normal((tables, 5))
    second = 1 + 0.4 * rng.standard_normal((tables, 5))
    wrong = np.mean([p_above(relative(a, b), 0.1) < 0.05 for a, b in zip(first, second, strict=True)])
    assert wrong < 0.05 + 2 * np.sqrt(0.05 * 0.95 / tables)
