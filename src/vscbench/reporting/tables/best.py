"""Which numbers of a column are the best: the best one, and those that its test cannot tell from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.reporting.claims.compare import runs_of
from vscbench.reporting.inference import ALPHA
from vscbench.reporting.leaderboard.ranking import p_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vscbench.reporting.claims.compare import Runs
    from vscbench.reporting.output import Column
    from vscbench.reporting.study import Study

ARROWS = {"higher": "↑", "lower": "↓"}
HOW = (
    f" ↑, ↓: more, or less, is better. Bold: the best method, and those not different from it at {100 * ALPHA:g} % "
    "(Welch's test, paired where repetitions are folds of the data, without correction); of single runs the best "
    "alone; none where that is all of them."
)
"""What a caption says of them."""


def best_of(scores: Mapping[str, Runs], *, higher: bool) -> set[str]:
    """Names of the best and of what is not different from it at 5 %; none where that is every one.

    Each is compared by itself: with few repetitions a correction would call too much equal to the best. Runs that do
    not vary, or a single one, are tested by nothing: then the best mean alone is best, and its equals.

    Args:
        scores: the numbers of each method, one or more.
        higher: whether it is better to be higher.
    """
    means = {name: float(runs.numbers.mean()) for name, runs in scores.items()}
    best = (max if higher else min)(means, key=means.__getitem__, default="")
    p = {name: p_value(runs, scores[best]) for name, runs in scores.items() if name != best}
    tied = {name for name in p if means[name] == means[best] or ALPHA <= p[name] < 1}
    return set() if len(tied) == len(p) else {best, *tied}


def mark(rows: Iterable[dict[str, Any]], header: str, scores: Mapping[str, Runs], *, higher: bool) -> None:
    """Say of the long rows of a column which way is `better`, and of each method whether it is `best`."""
    best = best_of({name: runs for name, runs in scores.items() if len(runs.numbers)}, higher=higher)
    for row in rows:
        if row["column"] == header:
            row |= {"better": "higher" if higher else "lower", "best": row["method"] in best}


def mark_group(study: Study, group: str, columns: Sequence[Column], rows: list[dict[str, Any]]) -> None:
    """`mark` the columns of a group that have a direction; reference codes have no part in it."""
    for column in columns:
        if column.higher is not None:
            scores = {method: runs_of(study, group, column.metric, method) for method in study.methods(group)}
            mark(rows, column.header, scores, higher=column.higher)
