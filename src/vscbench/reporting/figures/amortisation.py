"""Bound and error of a draw against gradient steps from the encoder's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import handle, legend, lines, looks, note, rows, wrapped
from vscbench.reporting.tables.amortisation import steps

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study

PANELS = {"bound": "evidence bound (nats)", "error": "squared error of one draw"}


def points(study: Study, group: str, what: str) -> pd.DataFrame:
    """A row for each run and R: method, place of R among all, and the bound or the error there."""
    import pandas as pd

    found = [
        study.values(group, f"amortisation_{what}_r{count}").assign(place=place)
        for place, count in enumerate(steps(study, group))
    ]
    return pd.concat(found)


def draw(study: Study) -> Figure:
    """A row of two panels for each experiment: bound and error, a line for each method with a posterior."""
    look = looks(study.coders)
    measured = [group for group in study.side_by_side if steps(study, group)]
    figure, parts = rows(dict.fromkeys(measured, 2.8), "no amortisation gap measured")
    for group, part in parts.items():
        for axes, (what, unit) in zip(part.subplots(1, 2), PANELS.items(), strict=True):
            table = points(study, group, what)
            lines(axes, table, "place", "value", look)
            counts = steps(study, group)
            axes.set(xlabel="gradient steps R", ylabel=unit, xticks=range(len(counts)), xticklabels=counts)
        methods = [method for method in study.methods(group) if method in set(table["method"])]
        legend(part, [handle(look[method], wrapped(study.name(group, method), 30)) for method in methods], 3)
        note(
            part,
            "Mean and range over repetitions. Each R is a run of its own, from the encoder's answer at R = 0 by Adam "
            "at a rate that falls to 0. The axis of R is not to scale.",
            study.divergences(group),
        )
    return figure


FIGURE = Output(
    name="amortisation",
    title="Amortisation gap",
    caption="Evidence bound and squared error of one draw, test data, behind R gradient steps up the bound on the "
    "parameters of each data point's posterior. What the bound rises by is what amortised inference loses.",
    needs=needs.refined,
    draw=draw,
)
"""Bound and error of a draw against gradient steps from the encoder's answer."""
