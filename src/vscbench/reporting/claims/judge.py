"""The verdicts on all claims together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vscbench.reporting.claims import budget
from vscbench.reporting.claims.twelve import CLAIMS
from vscbench.reporting.inference import (
    ALPHA,
    ENOUGH,
    FAMILY,
    FEW,
    INCONCLUSIVE,
    NOT_MEASURED,
    Verdict,
    decide,
    repetitions_needed,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vscbench.reporting.claims.claim import Claim, Comparison, Reading
    from vscbench.reporting.study import Study


MOST = 1000
"""Repetitions that are no way to decide."""


class Judgement(NamedTuple):
    """What the runs of a study say of a claim by one reading."""

    claim: Claim
    reading: Reading
    comparisons: list[Comparison]
    verdict: Verdict
    """Corrected over the family."""
    share: str
    """Of the paper's steps."""
    advice: str
    """What would decide or measure it, where this study does not."""

    @property
    def stated(self) -> bool:
        """Whether this is the claim as the paper states it."""
        return self.reading is self.claim.stated


def judge(study: Study, claims: Sequence[Claim] = CLAIMS) -> list[Judgement]:
    """Decide the claims as the paper states them as one family, and all other readings as another.

    Holm's correction counts every claim, measured or not, so that a study that measures few is not let off lightly. An
    experiment that announces fewer than five repetitions is shown, and does not count beside one that has them.
    """
    found: list[Judgement] = []
    stated = [(claim, claim.stated) for claim in claims]
    for family in (stated, [(claim, reading) for claim in claims for reading in claim.beside]):
        made = [reading.measure(study) for _, reading in family]
        made = [parts if any(map(_measured, parts)) else [] for parts in made]
        measured = [together([each.verdict for each in counting(study, parts)]) for parts in made if parts]
        decided = iter(decide(measured, max(FAMILY, len(family))))
        for (claim, reading), parts in zip(family, made, strict=True):
            groups = [group for each in parts for group in each.groups]
            verdict = next(decided) if parts else Verdict(NOT_MEASURED, 1.0)
            advice = _advice(counting(study, parts), verdict)
            found.append(Judgement(claim, reading, parts, verdict, budget.share(study, groups), advice))
    return sorted(found, key=lambda each: each.claim.number)


def counting(study: Study, comparisons: list[Comparison]) -> list[Comparison]:
    """The comparisons that decide: those of experiments with enough repetitions, or all where none has."""

    def announced(comparison: Comparison) -> int:
        return min(
            (int(study.setup(g).get("repetitions", ENOUGH)) for g in comparison.groups if g in study.experiment),
            default=ENOUGH,
        )

    return [each for each in comparisons if announced(each) >= ENOUGH] or comparisons


def _advice(comparisons: list[Comparison], verdict: Verdict) -> str:
    """What would measure a claim, or how many repetitions would decide it, if means and spreads stay."""
    if verdict.word == NOT_MEASURED:
        return budget.would_measure()
    few = [each.effect is not None and each.effect.repetitions < 2 for each in comparisons]  # noqa: PLR2004
    if verdict.word != INCONCLUSIVE or not all(map(_decidable, comparisons)):
        return ""  # more repetitions are no way to decide
    if any(few):
        return f"a study of {ENOUGH} repetitions or more"
    against: list[int] = []
    support: list[int] = []
    for each in comparisons:
        if each.effect is not None:
            fails = each.effect.mean < each.margin
            level = ALPHA / FAMILY / (len(comparisons) if fails else 1)
            (against if fails else support).append(repetitions_needed(each.effect, each.margin, level) or MOST)
    wanted = min(against) if against else max(support, default=MOST)
    return f"{f'a study of {wanted}' if wanted < MOST else 'no number of'} repetitions, if means and spreads stay"


def _decidable(comparison: Comparison) -> bool:
    """Whether a comparison is one of means, and open for the number of its repetitions or their spread alone."""
    open_else = comparison.verdict.word == INCONCLUSIVE and FEW not in comparison.verdict.why
    single = comparison.effect is not None and comparison.effect.repetitions < 2  # noqa: PLR2004
    known = comparison.effect is not None and (single or comparison.effect.known)
    return known and not open_else and comparison.interval is None and "diverged" not in comparison.note


def _measured(comparison: Comparison) -> bool:
    """Whether a comparison says anything, if only that runs diverged or are not those that were announced."""
    return comparison.effect is not None or comparison.verdict.word != INCONCLUSIVE or bool(comparison.note)
