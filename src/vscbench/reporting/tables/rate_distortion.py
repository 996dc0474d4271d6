"""Rate, distortion and density of every run that has an operating point: two knobs may trade three costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.reporting import needs
from vscbench.reporting.frontier import efficient, settings
from vscbench.reporting.output import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from vscbench.reporting.frontier import Setting
    from vscbench.reporting.study import Study
    from vscbench.reporting.tables.frame import Block

COLUMNS = (
    Column("Rate (nats)", "rate"),
    Column("MSE J=1", "mse_draw"),
    Column("FVE J=1", "fve_draw"),
    Column("Density", "density"),
)
METRICS = [column.metric for column in COLUMNS]
COSTS = ["rate", "mse_draw", "density"]
"""What is to be low."""


class Place(NamedTuple):
    """The runs of an experiment at one point of all that is no knob."""

    setting: Setting
    runs: pd.DataFrame
    """A row a run, indexed by group, method and repetition: the metrics of COLUMNS, `best`, whether no other run of
    its repetition is as low in all of `COSTS` and lower in one, and `diverged_step`; nan where a run has none."""


def places(study: Study) -> Iterator[Place]:
    """Those of the experiments with operating points, in which some run has a rate."""
    own = study.metrics[study.metrics["status"] != "baseline"]
    kept = [*METRICS, "diverged_step"]
    own = own[own["metric"].isin(kept)]
    for experiment in study.experiments:
        for setting in settings(study, experiment, needs.OPERATING_POINT_AXES):
            rows = own[own["group"].isin(setting.groups)]
            keys: list[Any] = ["group", "method", "repetition"]
            runs = rows.pivot_table(index=keys, columns="metric", values="value", sort=False)
            swept = any(needs.operating_axes(study.points[group]) for group in setting.groups)
            if swept and "rate" in runs:
                yield Place(setting, with_best(runs.reindex(columns=kept)))


def with_best(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with a column `best`, nan where a run lacks one of `COSTS`: it is compared with none."""
    complete = runs.dropna(subset=COSTS)
    for _, same in complete.groupby("repetition"):
        runs.loc[same.index, "best"] = efficient(*(same[cost] for cost in COSTS)).astype(float)
    return runs


def rows(study: Study, runs: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a number, as the long form of every table, of one run each."""
    order = list(study.labels)
    places = sorted(runs.index, key=lambda place: order.index(place[1]))  # and of a method along its knobs
    found = []
    for place in places:
        group, method, repetition = place
        numbers = runs.loc[place]
        nothing = int(study.learnt_nothing(group, method).get(repetition, False))
        point = {**study.points[group], "repetition": str(repetition)}
        for column in (*COLUMNS, Column("Unbeaten", "best")):
            value = numbers.get(column.metric)
            there = value == value  # noqa: PLR0124  (no nan)
            found.append(
                {
                    "experiment": study.experiment[group],
                    "point": json.dumps(point),
                    "method": method,
                    "label": study.labels[method],
                    "column": column.header,
                    "metric": column.metric,
                    "mean": value if there else None,
                    "sd": float("nan"),
                    "n": int(there),
                    "diverged": int(numbers.notna()["diverged_step"]),
                    "learnt_nothing": nothing,
                    "published_source": None,
                }
            )
    return found


def make(study: Study) -> Iterator[Block]:
    """A block for each experiment, or setting of one: a row a run."""
    from vscbench.reporting.tables.frame import block

    for place in places(study):
        made = block(study, place.setting.groups, rows(study, place.runs))
        if "Unbeaten" in made.frame:
            said = made.frame["Unbeaten"].replace({"0": "no", "1.00": "yes"})
            made = made._replace(frame=made.frame.assign(Unbeaten=said))
        yield made


CAPTION = (
    "Every run of the experiments in which a knob trades reconstruction against sparsity or rate: density of the "
    "prior, penalty, weight of the divergence (2 s²/P, s² being the noise variance of a pixel). Rate is the divergence "
    "of the code from its prior, nats a data point, with that of a learned threshold; a code without a posterior has "
    "none. MSE per pixel and FVE, the fraction of variance explained, are of one draw, and so "
    "is the density, L0 over the latents. Unbeaten: no other run of its repetition, of any method, is as low in rate, "
    "MSE and density, and lower in one."
)
TABLE = Table("rate_distortion", "Rate, distortion and density", CAPTION, needs.operating_points, make)
