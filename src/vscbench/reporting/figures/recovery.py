"""Recovery of a known dictionary against the density and the noise of the data, and calibration of P(active)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vscbench.data.synthetic import DENSITY, NOISE
from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import (
    REFERENCE,
    handle,
    legend,
    lines,
    looks,
    mark,
    note,
    panels,
    rows,
    say,
    tick_at,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

EMPTY = "no data with a known dictionary"
METRICS = {
    "recovery_cosine": "matched |cos| of the atoms",
    "recovery_f1": "F1 of the support, one draw",
    "recovery_f1_best": "F1 of the support, best of J",
}
ORACLE = "recovery_f1_oracle"
"""F1 of FISTA on the true dictionary at its best penalty: the same for all runs of a group."""
AXES = {"density": "density of the true codes", "noise": "noise of the data (sd)"}
SHIFT = 0.006
"""Of the width of a panel: methods beside one another do not hide their ranges."""
KEY_IN = 0.5
"""Height of the names of the methods."""
FEWEST = 100
"""Cases below which a bin of a reliability diagram is not drawn: a code is active too rarely to judge by fewer."""
ACROSS = 3


class Line(NamedTuple):
    """Experiments along one property of their data, the other being the same."""

    axis: str
    fixed: str
    """What stands above them."""
    places: dict[str, float]
    """Where each group stands on the axis."""


def data_of(study: Study) -> pd.DataFrame:
    """Density and noise of the data of each group with a known dictionary, of which some run came to its end."""
    import pandas as pd

    found = [group for group in study.groups if "recovery_cosine" in study.measured(group)]
    # A forest of features at the same density and noise is no place on a line of plain ones.
    known = [group for group in found if study.spec_of(group)["dataset"]["kind"] == "synthetic"]
    specs = [study.spec_of(group)["dataset"] for group in known]
    made = [(float(spec.get("density", DENSITY)), float(spec.get("noise", NOISE))) for spec in specs]
    return pd.DataFrame(made, index=known, columns=["density", "noise"])


def along(data: pd.DataFrame) -> list[Line]:
    """For each property of the data the longest line of groups along it; a single group is a line along density."""
    found = []
    for axis, other in (("density", "noise"), ("noise", "density")) if len(data) else ():
        fixed, places = max(data.groupby(other)[axis], key=lambda item: item[1].nunique())
        ordered = places.sort_values()
        if len(set(places)) > 1 or (axis == "density" and len(data) == 1):
            found.append(Line(axis, f"{other} {fixed:g}", dict(zip(map(str, ordered.index), ordered, strict=True))))
    return found


def show(axes: Axes, study: Study, line: Line, metric: str, look: dict[str, Look]) -> None:
    """Draw a metric along a line, mean and range over seeds of each method, and the oracle of the supports."""
    import pandas as pd

    parts = [study.values(group, metric).assign(place=place) for group, place in line.places.items()]
    table = pd.concat(parts)
    methods = [method for method in study.coders if method in set(table["method"])]
    step = SHIFT * (np.ptp(list(line.places.values())) or 1.0)
    shifts = {method: step * (k - (len(methods) - 1) / 2) for k, method in enumerate(methods)}
    lines(axes, table.assign(place=table["place"] + table["method"].map(shifts)), "place", "value", look)
    if metric != "recovery_cosine":
        best = {place: study.values(group, ORACLE)["value"].mean() for group, place in line.places.items()}
        axes.plot(list(best), list(best.values()), **REFERENCE)
    tick_at(axes, line.places.values())
    if len(line.places) == 1:
        axes.margins(x=1)  # methods at one place stand beside it, not across the panel
    axes.set(title=METRICS[metric], xlabel=AXES[line.axis], ylabel="", ylim=(0, 1.02))


def reliability(study: Study, group: str, methods: list[str]) -> pd.DataFrame:
    """How often a code that was said to be active with a `probability` is `active`, all seeds together."""
    import pandas as pd

    parts = [
        pd.DataFrame(bins.T, columns=["probability", "active", "codes"]).assign(method=method, bin=range(bins.shape[1]))
        for method in methods
        for run in study.finished(group, method)
        if (bins := study.array(run, "recovery_reliability")) is not None
    ]
    if not parts:
        return pd.DataFrame(columns=["method", "probability", "active"], dtype=float)
    table = pd.concat(parts)
    for column in ("probability", "active"):
        table[column] *= table["codes"]
    total = table.groupby(["method", "bin"], sort=False)[["probability", "active", "codes"]].sum().reset_index()
    total = total[total["codes"] >= FEWEST]
    return total.assign(probability=total["probability"] / total["codes"], active=total["active"] / total["codes"])


def diagrams(part: SubFigure, study: Study, groups: list[str], look: dict[str, Look]) -> None:
    """Draw a reliability diagram of each group."""
    stating = [m for m in study.coders if any(len(study.of(g, "recovery_calibration", m)) for g in groups)]
    if not stating:
        say(part.subplots(), "no method states a probability")
        return
    for axes, group in zip(panels(part, len(groups), ACROSS), groups, strict=True):
        axes.plot([0, 1], [0, 1], **REFERENCE)
        table = reliability(study, group, [method for method in stating if method in study.methods(group)])
        lines(axes, table, "probability", "active", look, estimator=None, errorbar=None)
        axes.set(title=group, xlim=(0, 1), ylim=(0, 1))
        axes.set(xlabel="P(active) by the posterior", ylabel="share truly active")


def draw(study: Study) -> Figure:
    """Atoms and supports found along density and noise of the data, a row each, and reliability diagrams."""
    data, look = data_of(study), looks(study.coders)
    rows_of = {f"against {line.axis} ({line.fixed})": line for line in along(data)}
    heights = dict.fromkeys(rows_of, 2.4)
    if len(data):
        heights["calibration"] = 2.6 * math.ceil(len(data) / ACROSS) + 0.4
        heights[next(iter(heights))] += KEY_IN
    figure, parts = rows(heights, EMPTY)
    for name, line in rows_of.items():
        for axes, metric in zip(parts[name].subplots(1, len(METRICS)), METRICS, strict=True):
            show(axes, study, line, metric, look)
    if len(data):
        groups = list(data.index)
        methods = [method for method in study.coders if any(method in study.methods(group) for group in groups)]
        handles = [handle(look[method], wrapped(study.labels[method], 30)) for method in methods]
        handles.append(mark(label="FISTA on the true atoms, best penalty", **REFERENCE))
        legend(next(iter(parts.values())), handles, 3)
        diagrams(parts["calibration"], study, groups, look)
        note(
            parts["calibration"],
            "Mean over seeds with their range; test data of synthetic sets, atoms paired with the true ones by the "
            "largest sum of |cos|. Reliability: codes of all seeds in ten bins of P(active), bins of fewer than "
            f"{FEWEST} codes left out; a calibrated posterior lies on the dashed diagonal.",
            study.outcomes(groups),
        )
    return figure


FIGURE = Output(
    name="recovery",
    title="Recovery",
    caption="Where data were made from a known dictionary: how well it is found, and the supports and amplitudes of "
    "the codes, against the density and the noise of the data.",
    needs=needs.independent_features,
    draw=draw,
)
