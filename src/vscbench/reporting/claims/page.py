"""The verdicts on the paper's claims as a table and as a page of the report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from vscbench.files import write_text
from vscbench.reporting.claims import CLAIMS
from vscbench.reporting.claims.verdicts import Judgement, Verdict, judge
from vscbench.reporting.formats import webpage
from vscbench.reporting.numbers import MISSING
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vscbench.reporting.claims.verdicts import Effect

SIGNS = {Verdict.SUPPORTED: "✓", Verdict.NOT_SUPPORTED: "✗", Verdict.INCONCLUSIVE: "?"}
HOW = (
    "A claim is supported where all comparisons that it predicts hold, and not supported where one of them fails or is "
    "too small to matter: Student's test on differences paired by repetition, corrected over the claims by Holm's "
    "method at 5 %, from 3 repetitions on. Effects are positive where the claim is right; intervals are 95 % bootstrap "
    "intervals over repetitions, narrower than they should be for few of them, and do not decide alone. Each verdict "
    "stands twice: by a metric that can be trusted and, where that is another, by the paper's own. No verdict is "
    "written by hand."
)
COLUMNS = (
    "claim",
    "statement",
    "metric",
    "test",
    "verdict",
    "p_supported",
    "p_not_supported",
    "comparison",
    "effect",
    "low",
    "high",
    "unit",
    "margin",
    "repetitions",
    "would_decide",
    "published",
    "figure",
)


def number(value: float) -> str:
    """A number with three digits; a dash for none."""
    return MISSING if math.isnan(value) else f"{value:.3g}"


def sized(effect: Effect) -> str:
    """'+3.1 % [2, 4.2]': the mean of an effect and its interval, without one for a single repetition."""
    low, high = effect.interval
    unit = f" {effect.unit}" if effect.unit else ""
    between = "" if math.isnan(low) else f" [{number(low)}, {number(high)}]"
    return f"{'+' if effect.mean > 0 else ''}{number(effect.mean)}{unit}{between}"


def least(judgement: Judgement) -> Effect | None:
    """The comparison that is least certain to hold; None without any."""
    return max(judgement.effects, key=lambda e: (e.p_for, -e.mean), default=None)


def in_short(judgement: Judgement) -> str:
    """How many comparisons hold, and the size of the one that goes worst."""
    worst = least(judgement)
    if worst is None:
        return MISSING
    above = sum(effect.mean > effect.margin for effect in judgement.effects)
    return f"{above} of {len(judgement.effects)} as predicted; worst {sized(worst)}: {worst.what}"


def long_rows(judgements: Iterable[tuple[str, str, Judgement]]) -> list[dict[str, Any]]:
    """One row a comparison; one without numbers for a claim that was not measured."""
    rows = []
    for metric, test, judgement in judgements:
        claim = judgement.claim
        common = {
            "claim": claim.number,
            "statement": claim.statement,
            "metric": metric,
            "test": test,
            "verdict": str(judgement.verdict),
            "p_supported": judgement.p_for,
            "p_not_supported": judgement.p_against,
            "would_decide": judgement.budget,
            "published": claim.published,
            "figure": claim.figure,
        }
        for effect in judgement.effects:
            low, high = effect.interval
            rows.append(
                common
                | {
                    "comparison": effect.what,
                    "effect": effect.mean,
                    "low": low,
                    "high": high,
                    "unit": effect.unit,
                    "margin": effect.margin,
                    "repetitions": len(effect.values),
                }
            )
        if not judgement.effects:
            rows.append(common | {"repetitions": 0})
    return rows


def markdown(corrected: list[Judgement], published: dict[int, Judgement]) -> str:
    """The table as Markdown, and all comparisons of each claim below it."""
    lines = ["# claims\n", HOW, ""]
    rows = [
        {
            "": str(each.claim.number),
            "Claim": each.claim.statement,
            "Verdict": f"{SIGNS[each.verdict]} **{each.verdict}**",
            "By the paper's metric": _signed(published.get(each.claim.number)),
            "Effect": in_short(each),
            "Published": each.claim.published,
            "Would decide": each.budget or MISSING,
            "Figure": f"[{each.claim.figure}](../figures/{each.claim.figure}.png)",
        }
        for each in corrected
    ]
    lines += [pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True), ""]
    for each in corrected:
        lines += [f"## {each.claim.number}. {each.claim.statement}", ""]
        lines += _section(each.claim.test, each)
        if other := published.get(each.claim.number):
            lines += _section(f"By the paper's metric: {each.claim.published_test}.", other)
    return "\n".join(lines).rstrip() + "\n"


def _signed(judgement: Judgement | None) -> str:
    return f"{SIGNS[judgement.verdict]} {judgement.verdict}" if judgement else MISSING


def _section(test: str, judgement: Judgement) -> list[str]:
    said = f"{test} **{str(judgement.verdict).capitalize()}**"
    said += f": {judgement.budget}." if judgement.budget else "."
    rows = [
        {"Comparison": effect.what, "Effect": sized(effect), "Repetitions": str(len(effect.values))}
        for effect in judgement.effects
    ]
    shown = [pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True), ""] if rows else []
    return [said, "", *shown]


def write_claims(results: Path, out: Path) -> None:
    """Decide every claim from the study in `results`; write claims.csv, claims.md and claims.html to `out`."""
    study = Study(results)
    corrected = judge([(claim, claim.effects(study)) for claim in CLAIMS])
    named = [(claim, claim.as_published) for claim in CLAIMS]
    quoted = judge([(claim, measure(study)) for claim, measure in named if measure])
    published = {each.claim.number: each for each in quoted}
    both = [("corrected", each.claim.test, each) for each in corrected]
    both += [("published", each.claim.published_test, each) for each in quoted]
    rows = sorted(long_rows(both), key=lambda row: (row["claim"], row["metric"]))
    write_text(out / "claims.csv", pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False, lineterminator="\n"))
    write_text(out / "claims.md", markdown(corrected, published))
    content = {"how": HOW, "signs": SIGNS, "sized": sized, "in_short": in_short}
    page = webpage("claims", "Which claims hold", corrected=corrected, published=published, **content)
    write_text(out / "claims.html", page)
