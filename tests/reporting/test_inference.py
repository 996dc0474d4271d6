"""Verdicts: how often they are false, and how often they see what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from vscbench.reporting import inference
from vscbench.reporting.inference import (
    INCONCLUSIVE,
    NOT_SUPPORTED,
    SUPPORTED,
    Verdict,
    compare,
    coverage,
    decide,
    holm,
    one_sample,
    rates,
    together,
    welch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CLAIMS = 12
STUDIES = 200
KINDS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "skewed": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "whole numbers": lambda rng, shape: (rng.poisson(2, shape) - 2) / np.sqrt(2),
}
"""Repetitions of mean 0 and standard deviation 1."""


def verdicts(kind: str, repetitions: int, effect: float, margin: float) -> NDArray[np.str_]:
    """The words of twelve claims in each of 200 studies of two methods that differ by `effect`."""
    rng = np.random.default_rng(0)
    words = []
    for _ in range(STUDIES):
        first = KINDS[kind](rng, (CLAIMS, repetitions)) + effect
        second = KINDS[kind](rng, (CLAIMS, repetitions))
        found = [compare(welch(a, b), margin) for a, b in zip(first, second, strict=True)]
        words.append([each.word for each in decide(found, CLAIMS)])
    return np.array(words)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("repetitions", [3, 5, 10])
def test_at_the_margin_a_study_of_twelve_claims_is_wrong_in_few_cases(
    kind: str, repetitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "ENOUGH", 3)  # what three repetitions would allow, if they were let
    words = verdicts(kind, repetitions, 1.0, 1.0)  # both words are false exactly at the margin
    wrong = (words != INCONCLUSIVE).any(1).mean()
    # Both directions count here, each of them at most 5 %; two standard errors of 200 studies are 3 %.
    assert wrong < 0.05 + 0.03


@pytest.mark.parametrize("kind", KINDS)
def test_an_effect_of_less_than_the_margin_is_never_supported(kind: str) -> None:
    words = verdicts(kind, 5, 0.8, 1.0)
    assert (words == SUPPORTED).any(1).mean() < 0.05


@pytest.mark.parametrize(("repetitions", "least"), [(5, 0.9), (10, 0.99)])
@pytest.mark.parametrize("kind", KINDS)
def test_effects_of_four_standard_deviations_beyond_the_margin_are_seen(
    kind: str, repetitions: int, least: float
) -> None:
    assert (verdicts(kind, repetitions, 5.0, 1.0) == SUPPORTED).mean() > least
    assert (verdicts(kind, repetitions, -3.0, 1.0) == NOT_SUPPORTED).mean() > least


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 5), rng.normal(0, 3, 8)
    theirs = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    ours = welch(a, b)
    assert ours.p_above(0) == pytest.approx(theirs.pvalue)
    assert ours.interval() == pytest.approx(tuple(stats.ttest_ind(a, b, equal_var=False).confidence_interval()))
    assert ours.p_above(0.5) + ours.p_below(0.5) == pytest.approx(1)


def test_one_sample_is_scipys() -> None:
    values = np.random.default_rng(0).normal(1, 1, 7)
    theirs = stats.ttest_1samp(values, 0.3, alternative="greater")
    assert one_sample(values).p_above(0.3) == pytest.approx(theirs.pvalue)


def test_few_repetitions_decide_nothing() -> None:
    assert compare(one_sample([5.0]), 0.0).word == INCONCLUSIVE
    assert "1 repetition," in compare(one_sample([5.0]), 0.0).why
    assert compare(one_sample([5.0, 5.1, 4.9, 5.2]), 0.0).word == INCONCLUSIVE


def test_equal_numbers_decide_nothing_below_ten() -> None:
    assert compare(one_sample([2.0] * 9), 0.0).word == INCONCLUSIVE
    assert "do not vary" in compare(one_sample([2.0] * 9), 0.0).why
    assert compare(one_sample([2.0] * 10), 0.0).word == SUPPORTED
    assert compare(one_sample([2.0] * 10), 2.0).word == NOT_SUPPORTED  # at the margin is not above it


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


def test_divergence_is_compared_by_fishers_test() -> None:
    assert rates((0, 8), (5, 8)) == pytest.approx(stats.fisher_exact([[0, 8], [5, 3]], "less").pvalue)
    assert rates((5, 8), (0, 8)) == 1.0


def test_coverage_of_the_interval_is_what_it_says_for_normal_numbers_and_less_for_skewed_ones() -> None:
    for n in (3, 5, 10):
        found = coverage(n)
        assert found["normal"] == pytest.approx(0.95, abs=0.006)
        assert found["skewed"] < 0.925
