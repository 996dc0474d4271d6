"""Inference over repetitions, against SciPy and by hand; claims/test_simulation.py has how often verdicts err."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vscbench.reporting.inference import (
    ALPHA,
    INCONCLUSIVE,
    NO_VERDICT,
    NOT_SUPPORTED,
    SUPPORTED,
    Verdict,
    compare,
    coverage,
    decide,
    either,
    holm,
    one_sample,
    p_above,
    p_below,
    rates,
    repetitions_needed,
    together,
    welch,
    with_divergence,
)


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 5), rng.normal(0, 3, 8)
    theirs = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    ours = welch(a, b)
    assert p_above(ours, 0) == pytest.approx(theirs.pvalue)
    assert ours.interval() == pytest.approx(tuple(stats.ttest_ind(a, b, equal_var=False).confidence_interval()))
    assert p_above(ours, 0.5) + p_below(ours, 0.5) == pytest.approx(1)


def test_one_sample_is_scipys() -> None:
    values = np.random.default_rng(0).normal(1, 1, 7)
    theirs = stats.ttest_1samp(values, 0.3, alternative="greater")
    assert p_above(one_sample(values), 0.3) == pytest.approx(theirs.pvalue)


def test_few_repetitions_decide_nothing() -> None:
    assert compare(one_sample([5.0]), 0.0).word == INCONCLUSIVE
    assert "1 repetition," in compare(one_sample([5.0]), 0.0).why
    assert compare(one_sample([5.0, 5.1, 4.9, 5.2]), 0.0).word == INCONCLUSIVE
    assert compare(one_sample([5.0, 5.1, 4.9, 5.2]), 0.0, runs=5).word == SUPPORTED  # a fifth diverged


def test_numbers_that_do_not_vary_decide_nothing() -> None:
    for equal in (one_sample([2.1] * 20), welch([2.1] * 20, [0.3] * 20)):
        assert compare(equal, 0.0).word == INCONCLUSIVE
        assert "do not vary" in compare(equal, 0.0).why


def test_a_claim_of_several_parts_needs_all_of_them() -> None:
    yes, no, perhaps = Verdict(SUPPORTED, 1e-4), Verdict(NOT_SUPPORTED, 1e-4), Verdict(INCONCLUSIVE, 1.0, "why")
    assert together([yes, yes._replace(p=0.03)]) == Verdict(SUPPORTED, 0.03)
    assert together([yes, no]) == Verdict(NOT_SUPPORTED, 2e-4)
    assert together([yes, perhaps]) == Verdict(INCONCLUSIVE, 1.0, "why")
    assert together([no, perhaps]).word == NOT_SUPPORTED
    assert together([no._replace(p=0.2), perhaps]).word == INCONCLUSIVE


def test_claims_that_were_not_measured_count_in_the_family() -> None:
    one = [Verdict(SUPPORTED, 0.01)]
    assert decide(one)[0].word == SUPPORTED
    assert decide(one, 12)[0] == Verdict(INCONCLUSIVE, pytest.approx(0.12), "")


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_either_of_several_parts_is_enough() -> None:
    yes, no = Verdict(SUPPORTED, 0.01), Verdict(NOT_SUPPORTED, 0.02)
    assert either([yes, no]) == Verdict(SUPPORTED, 0.02)
    assert either([no, no._replace(p=0.03)]) == Verdict(NOT_SUPPORTED, 0.03)


def test_other_runs_than_announced_are_no_verdict_whatever_else() -> None:
    none = Verdict(NO_VERDICT, 1.0, "3 runs, and the file says 5")
    assert together([Verdict(NOT_SUPPORTED, 1e-9), none]) == none
    assert decide([none], 12) == [none]


def test_divergence_counts_for_the_rival_of_a_method_that_has_more_of_it() -> None:
    yes, no = Verdict(SUPPORTED, 1e-6), Verdict(NOT_SUPPORTED, 1e-6)
    assert with_divergence(yes, (0, 8), (0, 8)) == yes
    assert with_divergence(yes, (5, 8), (0, 8)).p == pytest.approx(4 * rates((0, 8), (5, 8)))
    assert with_divergence(no, (1, 8), (0, 8)).p == pytest.approx(2e-6)
    assert with_divergence(yes, (0, 8), (2, 8)) == yes  # six are left to compare with
    assert with_divergence(no, (0, 8), (8, 8)) == Verdict(SUPPORTED, 2 / 12870, "0 of 8 runs diverged against 8 of 8")


def test_repetitions_that_are_needed_are_the_least_that_decide() -> None:
    values, level = np.array([1.0, 2.0, 0.5, 1.5, 0.2]), ALPHA / 12
    needed = repetitions_needed(one_sample(values), 0.2, level)
    assert needed is not None
    for n, decided in ((needed, True), (needed - 1, False)):
        effect = one_sample(values)._replace(error=values.std(ddof=1) / np.sqrt(n), freedom=n - 1, repetitions=n)
        assert (compare(effect, 0.2).p < level) == decided
    assert repetitions_needed(one_sample([-1.0, 1.0, -1.0, 1.0]), 0.0, level) is None


def test_divergence_is_compared_by_fishers_test() -> None:
    assert rates((0, 8), (5, 8)) == pytest.approx(stats.fisher_exact([[0, 8], [5, 3]], "less").pvalue)
    assert rates((5, 8), (0, 8)) == 1.0


def test_coverage_of_the_interval_is_what_it_says_for_normal_numbers_and_less_for_skewed_ones() -> None:
    for n in (3, 5, 10):
        found = coverage(n)
        assert found["normal"] == pytest.approx(0.95, abs=0.006)
        assert found["skewed"] < 0.925
