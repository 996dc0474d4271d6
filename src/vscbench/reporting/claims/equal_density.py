"""Variance explained where the codes of two methods are equally dense."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vscbench.reporting.claims.compare import Runs, difference, folded, settle
from vscbench.reporting.frontier import frontiers, overlap
from vscbench.reporting.inference import Effect, one_sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vscbench.reporting.claims.claim import Comparison
    from vscbench.reporting.frontier import Frontier
    from vscbench.reporting.study import Study

SHARE = 0.1
MARGIN = "10 % of what the better of the two explains there"


def explained(study: Study, name: str, place: Frontier, methods: tuple[str, str]) -> tuple[Runs, Runs] | None:
    """FVE of one draw, mean over log density where all repetitions of both methods reach; None where they share none.

    A repetition counts as diverged where one of its operating points did: what is left of its curve is another curve.
    """
    import pandas as pd

    by_method = {method: place.spans(method) for method in methods}
    lost = {method: _diverged(study, place, method) for method in methods}
    kept = {m: {k: each for k, each in found.items() if k not in lost[m]} for m, found in by_method.items()}
    span = overlap(each for found in kept.values() for each in found.values())
    if not any(by_method.values()) and not any(lost.values()):
        return None
    first, second = (
        Runs(
            study.labels.get(method, method),
            name,
            pd.Series({k: each.mean(*span) for k, each in kept[method].items()} if span else {}, dtype=float).dropna(),
            len(lost[method]),
            study.setup(place.groups[0]).get("repetitions", len(kept[method]) + len(lost[method])),
            folded(study, place.groups[0]),
        )
        for method in methods
    )
    return first, second


def _diverged(study: Study, place: Frontier, method: str) -> set[int]:
    """The repetitions of a method that diverged at some operating point."""
    return {int(k) for group in place.groups for k in study.of(group, "diverged_step", method).index}


def at_equal_density(study: Study, rivals: Mapping[str, str]) -> list[Comparison]:
    """Variance explained by each method beyond its rival, at equal density of one draw, on every frontier.

    The effect is a difference in units of the larger of both means, so that it is defined where the rival explains
    nothing, and no larger than one where it explains less than nothing.
    """
    found = []
    for name, place in frontiers(study).items():
        if not any(place.spans(method) or _diverged(study, place, method) for method in rivals):
            continue  # the experiment is about other methods
        for method, rival in rivals.items():
            sides = explained(study, name, place, (method, rival))
            if sides is not None:
                labels = [side.label for side in sides]
                what = f"{labels[0]} above {labels[1]}, variance explained at equal density ({name})"
                made = settle(what, sides, _difference, SHARE, "% of the better one's")
                found.append(made._replace(groups=tuple(place.groups)))
    return found


def _difference(better: Runs, worse: Runs) -> Effect:
    """The difference of means in units of the larger one, which must be above that of the all-zero code, zero."""
    larger = max(better.numbers, worse.numbers, key=lambda values: float(values.mean()))
    low, _ = one_sample(larger).interval()
    if not low > 0:
        return Effect(math.nan, math.nan, math.nan, min(len(better.numbers), len(worse.numbers)))
    scale = float(larger.mean())
    return difference(better, worse, scale)
