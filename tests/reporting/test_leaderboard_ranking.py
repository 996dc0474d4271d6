"""Ranks with intervals: do they hold the true ranks, and is the true best among what is marked?"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from vscbench.reporting.claims.compare import Runs
from vscbench.reporting.inference import LEVEL, holm
from vscbench.reporting.leaderboard.ranking import BEST, TIED, WORSE, intervals, mean_of, p_value, standings

TRUTH = {
    "near ties": np.linspace(0.01, 0, 6),
    "close": np.linspace(2, 0, 6),
    "groups": np.array([3.0, 2.99, 1.5, 1.49, 0.01, 0.0]),
    "apart": np.linspace(100, 0, 6),
}
"""True means of six coders, falling: the true ranks are 1 to 6."""
SPREAD = np.linspace(0.5, 1.5, 6)


def runs(values: object, *, folded: bool = False) -> Runs:
    numbers = pd.Series(np.asarray(values, dtype=float))
    return Runs("a", "b", numbers, 0, len(numbers), folded)


def draws(truth: np.ndarray, repetitions: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((len(truth), repetitions))
    return truth[:, None] + SPREAD[:, None] * noise


def welch_p(values: np.ndarray) -> np.ndarray:
    """P-values (m, m) of all pairs of rows, by scipy."""
    return np.asarray(stats.ttest_ind(values[:, None], values[None], axis=-1, equal_var=False).pvalue)


def bootstrapped(values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals of the ranks over resamples of the repetitions: what is not used, and why."""
    count, repetitions = values.shape
    weights = rng.multinomial(repetitions, np.full(repetitions, 1 / repetitions), (400, count)) / repetitions
    ranks = (-(weights * values).sum(-1)).argsort(1).argsort(1) + 1
    low = np.quantile(ranks, (1 - LEVEL) / 2, axis=0, method="lower")
    high = np.quantile(ranks, (1 + LEVEL) / 2, axis=0, method="higher")
    return low, high


@pytest.mark.parametrize("repetitions", [3, 5])
@pytest.mark.parametrize("name", TRUTH)
def test_intervals_hold_the_true_ranks(name: str, repetitions: int) -> None:
    """In 95 of 100 cases at least, whatever the means are."""
    truth, place, held, best_marked = TRUTH[name], np.arange(1, 7), [], []
    for seed in range(200):
        values = draws(truth, repetitions, seed)
        p, means = welch_p(values), values.mean(1)
        found = np.array(intervals(means.tolist(), p))
        held.append((found[:, 0] <= place) & (place <= found[:, 1]))
        best = int(means.argmax())
        others = np.arange(6) != best
        marked = np.ones(6, dtype=bool)
        marked[others] = holm(p[best, others]) >= 0.05
        best_marked.append(marked[0])
    assert np.mean(held) > 0.95
    assert np.mean(best_marked) > 0.95


def test_the_percentile_bootstrap_does_not() -> None:
    """Of five repetitions it holds the rank of near ties in three cases of four: that is why it is not used."""
    place, rng, held = np.arange(1, 7), np.random.default_rng(0), []
    for seed in range(200):
        low, high = bootstrapped(draws(TRUTH["near ties"], 5, seed), rng)
        held.append((low <= place) & (place <= high))
    assert np.mean(held) < 0.88


def test_means_far_apart_have_ranks_without_doubt() -> None:
    values = draws(TRUTH["apart"], 5, 0)
    found = standings({str(k): runs(row) for k, row in enumerate(values)}, higher=True)
    assert [(each.rank, each.first, each.last) for each in found.values()] == [(k, k, k) for k in range(1, 7)]
    assert [each.place for each in found.values()] == [BEST] + [WORSE] * 5
    turned = standings({str(k): runs(row) for k, row in enumerate(values)}, higher=False)
    assert [each.rank for each in turned.values()] == [6, 5, 4, 3, 2, 1]
    assert turned["5"].place == BEST


def test_p_values_are_scipys() -> None:
    first, second = draws(TRUTH["close"], 5, 1)[:2]
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert p_value(runs(first), runs(second)) == pytest.approx(expected)
    expected = stats.ttest_rel(first, second).pvalue
    assert p_value(runs(first, folded=True), runs(second, folded=True)) == pytest.approx(expected)


def test_folds_are_compared_one_by_one() -> None:
    """What is hard about a fold is hard for both: a small difference on every fold is told apart, by Welch not."""
    hard = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    better, worse = hard + 0.05 + np.array([0, 1, -1, 1, -1]) / 1000, hard
    for folded, place in ((True, WORSE), (False, TIED)):
        sides = {"better": runs(better, folded=folded), "worse": runs(worse, folded=folded)}
        assert standings(sides, higher=True)["worse"].place == place


def test_the_best_is_corrected_for_all_others() -> None:
    values = draws(TRUTH["groups"], 5, 2)
    found = standings({str(k): runs(row) for k, row in enumerate(values)}, higher=True)
    best = max(found, key=lambda name: found[name].mean)
    others = [name for name in found if name != best]
    expected = holm([welch_p(values)[int(best), int(name)] for name in others])
    assert [found[name].p for name in others] == pytest.approx(expected.tolist())
    assert math.isnan(found[best].p)
    assert all((found[name].place == TIED) == (found[name].p >= 0.05) for name in others)


def test_one_repetition_tells_nothing_apart() -> None:
    found = standings({"a": runs([3.0]), "b": runs([1.0]), "c": runs([2.0])}, higher=True)
    assert [(each.rank, each.first, each.last, each.place) for each in found.values()] == [
        (1, 1, 3, BEST),
        (3, 1, 3, TIED),
        (2, 1, 3, TIED),
    ]
    assert math.isnan(found["a"].low)
    alone = standings({"a": runs([1.0, 2.0])}, higher=True)["a"]
    assert (alone.rank, alone.first, alone.last) == (1, 1, 1)


def test_the_interval_of_a_mean_is_students() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    found = mean_of(runs(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert math.isnan(mean_of(runs(values), spread=False).low)
