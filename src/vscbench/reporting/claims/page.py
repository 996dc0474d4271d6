"""The verdicts on the paper's claims as a table and as a page of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.files import write_text
from vscbench.reporting.claims.judge import Judgement, judge
from vscbench.reporting.claims.size import Size, bounds
from vscbench.reporting.formats import webpage
from vscbench.reporting.inference import (
    ENOUGH,
    INCONCLUSIVE,
    LEVEL,
    NO_VERDICT,
    NOT_MEASURED,
    NOT_SUPPORTED,
    SUPPORTED,
    coverage,
)
from vscbench.reporting.numbers import MISSING
from vscbench.reporting.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vscbench.reporting.claims.claim import Comparison

SIGNS = {SUPPORTED: "✓", NOT_SUPPORTED: "✗", INCONCLUSIVE: "?", NO_VERDICT: "!", NOT_MEASURED: "–"}
HOW = (
    "A claim is supported where the interval of each comparison that it predicts is above its margin, not supported "
    "where one is below, and inconclusive otherwise: Welch's test over repetitions "
    "(paired where they are folds of the data), Holm's correction over the twelve claims at 5 %, "
    f"{ENOUGH} repetitions of each method or more. A "
    f"run that diverges counts as worse than one that ends. Printed intervals are {100 * LEVEL:g} % intervals of one "
    "comparison by Student's t; those that decide are wider. Not supported means: not seen at this budget. No verdict "
    "is written by hand; docs/verdicts.md has the rule and how often it errs."
)
REFERENCE = ("reference", "reference_effect", "reference_budget")
COLUMNS = (
    "claim",
    "statement",
    "reading",
    "name",
    "quantity",
    "verdict",
    "p",
    "why",
    "budget",
    "advice",
    "comparison",
    "points_to",
    "effect",
    "low",
    "high",
    "unit",
    "margin",
    "repetitions",
    "note",
    "published",
    "figure",
    *REFERENCE,
)


def worst(judgement: Judgement) -> Comparison | None:
    """The comparison that is least certain to hold, of those with an effect; None without any."""
    measured = (each for each in judgement.comparisons if each.effect is not None)
    return min(measured, key=lambda each: Size.of(each).beyond, default=None)


def in_short(judgement: Judgement) -> str:
    """How many comparisons point the right way, and the size of the one that goes worst."""
    least = worst(judgement)
    if least is None:
        return MISSING
    right = [each.effect.mean > each.margin for each in judgement.comparisons if each.effect is not None]
    count = f"{sum(right)} of {len(right)} above the margin"
    size = Size.of(least)
    return f"{count}; worst {size}, margin {size.against}: {least.what}"


def said(judgement: Judgement) -> str:
    """What is to be known beside the word: budget, why nothing is decided, what would decide."""
    parts = (judgement.share and f"at {judgement.share}", judgement.verdict.why, judgement.advice)
    return "; ".join(filter(None, parts))


def reference_of() -> Callable[[Judgement], str]:
    """What the reference runs that are shipped say of a claim by a reading: 'supported: +9.1 [8, 10] %; …'."""
    from vscbench.reference.beside import verdicts

    shipped = verdicts()

    def say(judgement: Judgement) -> str:
        found = shipped.get((judgement.claim.number, judgement.reading.name))
        if found is None:
            return MISSING
        return f"{found.verdict}: {'; '.join(filter(None, (found.effect, found.budget)))}"

    return say


def whence() -> str:
    """What the reference runs are, in one sentence."""
    from vscbench.reference import provenance

    about = provenance("claims")
    return f"Reference: the runs that are shipped with the package, of {about['study']}: {about['what']}."


def few(judgements: Iterable[Judgement]) -> list[str]:
    """How often the intervals of fewer repetitions than decide hold the truth, by simulation."""
    counts = {each.effect.repetitions for j in judgements for each in j.comparisons if each.effect is not None}
    return [
        f"Of {n} repetitions the {100 * LEVEL:g} % interval holds the true mean in "
        + ", ".join(f"{100 * share:.0f} % ({kind})" for kind, share in coverage(n).items())
        + f" of cases (simulated); {ENOUGH} are needed for a verdict."
        for n in sorted(counts)
        if 1 < n < ENOUGH
    ]


def long_rows(judgements: Iterable[Judgement]) -> list[dict[str, Any]]:
    """One row a comparison; one without numbers for a reading that was not measured."""
    from vscbench.reference.beside import verdicts

    rows: list[dict[str, Any]] = []
    shipped = verdicts()
    for each in judgements:
        beside = shipped.get((each.claim.number, each.reading.name))
        common: dict[str, Any] = dict(zip(REFERENCE, beside, strict=True)) if beside else {}
        common |= {
            "claim": each.claim.number,
            "statement": each.claim.statement,
            "reading": "stated" if each.stated else "beside",
            "name": each.reading.name,
            "quantity": each.reading.quantity,
            "verdict": each.verdict.word,
            "p": each.verdict.p,
            "why": each.verdict.why,
            "budget": each.share,
            "advice": each.advice,
            "published": each.claim.published,
            "figure": each.claim.figure,
        }
        for comparison in each.comparisons:
            low, high = bounds(comparison)
            effect = comparison.effect
            numbers = (
                {"effect": effect.mean, "low": low, "high": high, "repetitions": effect.repetitions} if effect else {}
            )
            about = {
                "comparison": comparison.what,
                "points_to": comparison.verdict.word,
                "unit": comparison.unit,
                "margin": comparison.margin,
                "note": "; ".join(filter(None, (comparison.verdict.why, comparison.note))),
            }
            rows.append(common | about | {"repetitions": 0} | numbers)
        if not each.comparisons:
            rows.append(common | {"repetitions": 0})
    return rows


def markdown(judgements: list[Judgement]) -> str:
    """The table as Markdown, what was not measured, and all comparisons of each claim below it."""
    import pandas as pd

    reference = reference_of()
    lines = ["# Claims\n", HOW, "", whence(), "", *few(judgements), ""]
    measured = [each for each in judgements if each.verdict.word != NOT_MEASURED]
    rows = [
        {
            "": str(each.claim.number) if each.stated else "",
            "Claim": f"**{each.claim.statement}**" if each.stated else f"beside it: {each.reading.name}",
            "Effect": in_short(each),
            "Verdict": f"{SIGNS[each.verdict.word]} **{each.verdict.word}**",
            "Budget, and what would decide": said(each) or MISSING,
            "Reference": reference(each),
            "Published": each.claim.published if each.stated else "",
        }
        for each in measured
    ]
    lines += [pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True), ""] if rows else []
    absent = [each for each in judgements if each.verdict.word == NOT_MEASURED]
    lines += ["## Not measured here\n", f"All claims are measured in {absent[0].advice}.\n"] if absent else []
    lines += [f"- {title(each)} Reference: {reference(each)}." for each in absent]
    lines += [""]
    for each in measured:
        lines += [f"## {title(each)}", "", f"{each.reading.quantity}. Margin: {each.reading.margin}.", ""]
        details = [
            {
                "Comparison": comparison.what,
                "Effect": str(Size.of(comparison)),
                "Margin": Size.of(comparison).against,
                "Runs": str(comparison.effect.repetitions if comparison.effect else 0),
                "Note": "; ".join(filter(None, (comparison.verdict.why, comparison.note))),
            }
            for comparison in each.comparisons
        ]
        lines += [pd.DataFrame(details).to_markdown(index=False, disable_numparse=True), ""]
    return "\n".join(lines).rstrip() + "\n"


def title(judgement: Judgement) -> str:
    """The number and statement of a claim, and which reading of it."""
    which = "" if judgement.stated else f" Beside it: {judgement.reading.name}"
    return f"{judgement.claim.number}. {judgement.claim.statement}{which}"


def write_claims(results: Path, out: Path) -> None:
    """Decide every claim from the study in `results`; write claims.csv, claims.md and claims.html to `out`."""
    import pandas as pd

    judgements = judge(Study(results))
    rows = long_rows(judgements)
    write_text(out / "claims.csv", pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False, lineterminator="\n"))
    write_text(out / "claims.md", markdown(judgements))
    tools = {
        "size_of": Size.of,
        "in_short": in_short,
        "said": said,
        "signs": SIGNS,
        "reference": reference_of(),
    }
    measured = [each for each in judgements if each.verdict.word != NOT_MEASURED]
    absent = [each for each in judgements if each.verdict.word == NOT_MEASURED]
    content = {"how": HOW, "whence": whence(), "few": few(judgements), "measured": measured, "absent": absent}
    page = webpage("claims.html", "Which claims hold", **tools, **content, name=title)
    write_text(out / "claims.html", page)
