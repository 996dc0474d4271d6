"""What a study says of a claim: supported, not supported, or inconclusive at its budget."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vscbench.reporting.statistics import ENOUGH, bootstrap_interval, holm, p_above, repetitions_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vscbench.reporting.study import Study

LEVEL = 0.05
"""Chance of a wrong verdict among all claims of a table."""


class Effect(NamedTuple):
    """A comparison that a claim predicts the sign of."""

    what: str
    """What is compared, in words."""
    values: tuple[float, ...]
    """Its size in each repetition, above zero where the claim is right."""
    unit: str = ""
    margin: float = 0.0
    """An effect below this does not matter."""

    @property
    def mean(self) -> float:
        """Its mean over repetitions."""
        return float(np.mean(self.values))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean over repetitions."""
        return bootstrap_interval(self.values)

    @property
    def p_for(self) -> float:
        """P-value against the effect being zero or less."""
        return p_above(self.values)

    @property
    def p_against(self) -> float:
        """P-value against the effect being as large as would matter."""
        return p_above([-value for value in self.values], -self.margin)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and what measures it."""

    number: int
    statement: str
    """The paper's claim in one line."""
    test: str
    """What must hold for it, by the metric that can be trusted."""
    effects: Callable[[Study], list[Effect]]
    """The comparisons of that metric: the claim predicts that all are above zero."""
    figure: str
    """The figure that shows it."""
    study: str
    """The study of config/ that measures it; all: the default study."""
    as_published: Callable[[Study], list[Effect]] | None = None
    """The same by the paper's metric, where that is another."""
    published_test: str = ""
    """What that metric is."""
    published: str = "no number found"
    """What the authors print."""


class Verdict(StrEnum):
    """What can be said of a claim."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    INCONCLUSIVE = "inconclusive"


class Judgement(NamedTuple):
    """What the runs of a study say of a claim by one metric."""

    claim: Claim
    effects: list[Effect]
    verdict: Verdict
    p_for: float
    """Holm-corrected p-value that all comparisons hold."""
    p_against: float
    """Holm-corrected p-value that one of them does not."""
    budget: str
    """What would decide an inconclusive claim; empty for the others."""


def judge(cases: Sequence[tuple[Claim, list[Effect]]]) -> list[Judgement]:
    """Decide claims together, each from its effects.

    A claim is supported where all its comparisons are above zero (an intersection-union test: the largest p-value
    counts), not supported where one of them is below what would matter (the smallest p-value times their number
    counts), each after Holm's correction over the claims that were measured, at 5 %, with at least 3 repetitions of
    every comparison that decides. An effect that is above zero and yet too small to matter does not support.
    """
    measured = [k for k, (_, effects) in enumerate(cases) if effects]
    p_for, p_against = np.ones(len(cases)), np.ones(len(cases))
    p_for[measured] = holm([max(_counted(e, e.p_for) for e in cases[k][1]) for k in measured])
    p_against[measured] = holm([_smallest([_counted(e, e.p_against) for e in cases[k][1]]) for k in measured])
    found = []
    for (claim, effects), above, below in zip(cases, p_for, p_against, strict=True):
        verdict = Verdict.INCONCLUSIVE
        if below < LEVEL:
            verdict = Verdict.NOT_SUPPORTED
        elif above < LEVEL and all(effect.interval[0] > 0 for effect in effects):
            verdict = Verdict.SUPPORTED
        budget = "" if verdict != Verdict.INCONCLUSIVE else _budget(claim, effects, len(measured))
        found.append(Judgement(claim, effects, verdict, float(above), float(below), budget))
    return found


def _counted(effect: Effect, p: float) -> float:
    """A p-value, 1 where there are too few repetitions to trust it."""
    return p if len(effect.values) >= ENOUGH else 1.0


def _smallest(p: list[float]) -> float:
    return min(1.0, min(p) * len(p))


def _budget(claim: Claim, effects: list[Effect], claims: int) -> str:
    """What would decide a claim: another study, or the repetitions at which each comparison comes to the correction."""
    if not effects:
        what = claim.study if claim.study == "all" else f"--configfile config/{claim.study}.yaml"
        return f"not measured here: run `snakemake {what}`"
    most = max(len(effect.values) for effect in effects)
    fewest = min(len(effect.values) for effect in effects)
    if fewest < 2:  # noqa: PLR2004
        return f"at least {ENOUGH} repetitions, here {fewest}"
    # One comparison that fails decides against, all that hold decide for: whichever takes fewer repetitions.
    level = LEVEL / claims
    against = [repetitions_needed(e.values, e.margin, level / len(effects)) for e in effects if e.mean < e.margin]
    support = [repetitions_needed(e.values, 0.0, level) for e in effects]
    wanted = [n for n in against if n] if against else [None if None in support else max(n for n in support if n)]
    enough = min((n for n in wanted if n), default=None)
    if enough is None:
        return "no number of repetitions up to 1,000, if the means stay: the effect is zero as far as can be seen"
    return f"about {max(enough, most + 1)} repetitions, if means and spreads stay; here {fewest}"
