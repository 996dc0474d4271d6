"""What each part of a protocol gains: experiments that change one part, beside the one that they differ from."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.reporting import needs
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("FVE J=1", "fve_draw"),
    Column("FVE mean", "fve_mean"),
    Column("Bound (nats)", "elbo"),
    Column("Density", "density"),
)
CAPTION = (
    "One part of a protocol changed at a time. Variance explained by one draw and by the mean code, evidence bound and "
    "density, each beside its change from the experiment in the first rows: a mean over repetitions, which share data "
    "and seed, in brackets its 95 % interval, Student's. A change of variance explained that comes with one of density "
    "is in part that. Runs that diverged have no number."
)


class Change(NamedTuple):
    """A method in an experiment, and in the one that it differs from."""

    of: str
    """The experiment that is differed from."""
    group: str
    method: str

    @property
    def part(self) -> str:
        """The experiment in words."""
        return self.group.replace("_", " ")


def changes(study: Study) -> dict[str, list[Change]]:
    """Each experiment that others differ from, first in its list, and those: method by method."""
    names, said = study.experiments, study.index["experiments"]
    found: dict[str, list[Change]] = {}
    for of in names:
        others = [name for name in names if said[name].get("differs_from") == of]
        if others:
            groups = [group for group in (of, *others) if group in study.groups]  # of a sweep there is no one number
            found[of] = [Change(of, g, m) for m in study.methods(of) for g in groups if m in study.methods(g)]
    return found


def differences(study: Study, change: Change, metric: str) -> pd.Series[float]:
    """A metric less that of the experiment that is differed from, by repetition: runs of one seed and fold."""
    return (study.of(change.group, metric, change.method) - study.of(change.of, metric, change.method)).dropna()


def rows(study: Study, found: list[Change]) -> list[dict[str, Any]]:
    """One row a number, as the long form of every table; of a change its interval."""
    from vscbench.metrics.standard_errors import over_repetitions
    from vscbench.reporting.tables.frame import number

    made = []
    for change in found:
        about = {
            "point": json.dumps({"part": change.part}),
            "diverged": len(study.of(change.group, "diverged_step", change.method)),
            "learnt_nothing": int(study.learnt_nothing(change.group, change.method).sum()),
        }
        for column in COLUMNS:
            values = study.of(change.group, column.metric, change.method)
            label = study.labels[change.method]
            made.append(number(study, change.group, change.method, label, column, values) | about)
            moved = differences(study, change, column.metric).iloc[: 0 if change.group == change.of else None]
            low, high = over_repetitions(moved).interval() if len(moved) else (math.nan, math.nan)
            delta = Column(f"Change of {column.header}", f"{column.metric}_change", apart=True)
            row = number(study, change.group, change.method, label, delta, moved)
            made.append(row | about | {"low": low, "high": high})
    return made


def make(study: Study) -> Iterator[Block]:
    """A block for each experiment that others differ from."""
    from vscbench.reporting.tables.frame import block

    for of, found in changes(study).items():
        yield block(study, [of], rows(study, found))


TABLE = Table("parts", "What each part of a protocol gains", CAPTION, needs.parts, make)
