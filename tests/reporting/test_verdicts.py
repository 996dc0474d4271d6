"""Verdicts on claims from made-up effects."""

from __future__ import annotations

import numpy as np

from reporting.planted import samples
from vscbench.reporting.claims.verdicts import Claim, Effect, Verdict, judge


def claim(number: int = 1) -> Claim:
    """A claim that measures nothing itself."""
    return Claim(number, "so", "so", lambda _: [], "threshold", "all")


def decided(*effects: Effect) -> tuple[Verdict, str]:
    """The verdict on one claim with these effects, and what would decide it."""
    found = judge([(claim(), list(effects))])[0]
    return found.verdict, found.budget


def values(mean: float, count: int = 4, spread: float = 0.1, seed: int = 0) -> tuple[float, ...]:
    """Numbers of that mean and standard deviation."""
    x = samples(seed, count)
    return tuple(mean + spread * (x - x.mean()) / x.std(ddof=1))


def test_known_verdicts() -> None:
    large, none, small = (
        Effect("a", values(1), margin=0.5),
        Effect("b", values(0)),
        Effect("c", values(0.2), margin=0.5),
    )
    lower = Effect("d", values(-1))
    assert decided(large)[0] == "supported"
    assert decided(large, lower)[0] == "not supported"
    assert decided(large, none)[0] == "inconclusive"
    assert decided(small)[0] == "not supported"  # above zero for sure, and too small to matter
    assert decided()[0] == "inconclusive"


def test_two_repetitions_decide_nothing_however_clear() -> None:
    verdict, budget = decided(Effect("a", (5.0, 5.001)))
    assert verdict == "inconclusive"
    assert budget == "about 3 repetitions, if means and spreads stay; here 2"
    assert decided(Effect("a", (5.0,)))[1] == "at least 3 repetitions, here 1"


def test_budget_of_an_effect_that_is_zero() -> None:
    assert decided(Effect("a", (-1.0, 1.0, -1.0, 1.0)))[1].startswith("no number of repetitions up to 1,000")


def test_budget_is_what_decides() -> None:
    effect = Effect("a", values(0.1))
    verdict, budget = decided(effect)
    assert verdict == "inconclusive"
    count = int(budget.split()[1])
    assert decided(Effect("a", values(0.1, count)))[0] == "supported"
    assert decided(Effect("a", values(0.1, count - 1)))[0] == "inconclusive"


def test_wrong_verdicts_are_rare_where_nothing_is_true() -> None:
    """Twelve claims whose effects are zero: in 5 % of all tables at most is one of them supported."""
    count = 200
    tables = [judge([(claim(), [Effect("", tuple(v))]) for v in table]) for table in samples(0, count, 12, 3)]
    for wrong in ("supported", "not supported"):
        share = np.mean([any(found.verdict == wrong for found in table) for table in tables])
        assert share < 0.05 + 3 * np.sqrt(0.05 * 0.95 / count)
