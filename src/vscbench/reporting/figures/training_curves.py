"""Curves of training and validation against the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import SMALL_PT, handle, logarithmic_where_wide, looks, note, rows, wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look


class Curve(NamedTuple):
    """A panel: the column of the histories that it shows."""

    column: str
    title: str
    unit: str
    solvers: bool
    """Whether a MAP solver is drawn; else it is named below, for its squared error would squeeze all others."""


CURVES = (
    Curve("train_loss", "Training", "loss", solvers=False),
    Curve("validation_mse_draw", "Validation, one draw", "squared error", solvers=False),
    Curve("validation_mse_best", "Validation, best of {samples}", "squared error", solvers=False),
    Curve("validation_lasso_best", "Validation, best of {samples}", "lasso objective, λ = {penalty}", solvers=True),
    Curve("validation_density", "Validation, one draw", "density", solvers=True),
)
SOLVERS = ("fista", "admm", "lista")
"""Families that infer a maximum a posteriori: they have no draws."""


def history(study: Study, runs: list[Path], column: str) -> pd.DataFrame:
    """`column` of the histories of runs below one another, where it is finite, with `step`."""
    parts = [study.history(run) for run in runs]
    parts = [part[["step", column]] for part in parts if column in part]
    table = pd.concat(parts) if parts else pd.DataFrame({"step": [], column: []})
    return table.replace([np.inf, -np.inf], np.nan).dropna()


def show_method(axes: Axes, study: Study, group: str, method: str, column: str, look: Look) -> None:
    """Draw mean and range over the seeds that came to their end, and thinly each that diverged, up to its end."""
    finished = study.finished(group, method)
    by_step = history(study, finished, column).groupby("step")[column]
    mean = by_step.mean()
    every = max(1, len(mean) // 4)
    # Curves that coincide have their markers at different places.
    marked = (study.methods(group).index(method) % every, every)
    axes.plot(mean.index, mean, look.dash, color=look.colour, marker=look.marker, ms=3.5, markevery=marked)
    axes.fill_between(mean.index, by_step.min(), by_step.max(), color=look.colour, alpha=0.2, lw=0)
    for run in study.runs(group, method):
        if run not in finished:
            part = history(study, [run], column)
            axes.plot(part["step"], part[column], look.dash, color=look.colour, lw=0.7)
            axes.plot(part["step"].tail(1), part[column].tail(1), "x", color=look.colour, ms=6, mew=1.5)


def show(axes: Axes, study: Study, group: str, curve: Curve, solvers: list[str], look: dict[str, Look]) -> None:
    """Draw one panel."""
    for method in study.methods(group):
        if curve.solvers or method not in solvers:
            show_method(axes, study, group, method, curve.column, look[method])
    logarithmic_where_wide(axes)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("step")


def recorded(study: Study, group: str) -> list[Curve]:
    """The curves that some run of a group has: that of a lasso objective is of linear generators alone."""
    runs = [run for method in study.methods(group) for run in study.runs(group, method)]
    columns = {column for run in runs for column in study.history(run)}
    return [curve for curve in CURVES if curve.column in columns]


def outside(study: Study, group: str, column: str, solvers: list[str]) -> str:
    """What solvers reach that a panel leaves out."""
    ends = {method: history(study, study.finished(group, method), column) for method in solvers}
    return "\n".join(
        f"{study.labels[method]} (off scale) ends at {end.loc[end['step'] == end['step'].max(), column].mean():.3g}"
        for method, end in ends.items()
        if len(end)
    )


def key(study: Study, group: str, look: dict[str, Look]) -> list[Line2D]:
    """What the lines are, in the order of the config."""
    handles = [handle(look[method], wrapped(study.name(group, method), 30), ms=4) for method in study.methods(group)]
    if study.divergences(group):
        handles.append(Line2D([], [], color="0.3", lw=0.7, marker="x", mew=1.5, label="diverged"))
    return handles


def joined(values: set[float]) -> str:
    """The values of a setting, of which an experiment mostly has one."""
    return "/".join(f"{value:g}" for value in sorted(values))


def draw(study: Study) -> Figure:
    """Loss, reconstruction, lasso objective and density of every method, a block of panels for each experiment."""
    look = looks(study.coders)
    figure, parts = rows(dict.fromkeys(study.side_by_side, 4.2), "no curves")
    for group, part in parts.items():
        specs = [study.spec(run) for method in study.methods(group) for run in study.runs(group, method)]
        solvers = sorted({spec["method"] for spec in specs if spec["coder"]["family"] in SOLVERS})
        words = {
            "samples": joined({spec["objective"]["samples"] for spec in specs}),
            "penalty": joined({spec["training"].get("validation_penalty") or 0 for spec in specs}),
        }
        panels = part.subplots(2, 3).flatten()
        for axes in panels:
            axes.set_axis_off()
        curves = recorded(study, group)
        for axes, curve in zip(panels, curves, strict=False):
            axes.set_axis_on()
            show(axes, study, group, curve, solvers, look)
            axes.set(title=curve.title.format(**words), ylabel=curve.unit.format(**words))
            if not curve.solvers:
                text = outside(study, group, curve.column, solvers)
                axes.text(0.97, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL_PT)
        panels[len(curves)].legend(handles=key(study, group, look), loc="center left", bbox_to_anchor=(-0.2, 0.5))
        note(
            part,
            "Mean over seeds with their range, a point an epoch; squared error per pixel. Training loss: squared error "
            "+ weighted divergence" + (", of a solver the former alone." if solvers else "."),
            *study.divergences(group),
        )
    return figure


FIGURE = Output(
    "training_curves",
    "Training curves",
    "Training loss, and reconstruction, lasso objective and density on validation data, after each epoch: mean "
    "over repetitions with their range. Losses of different methods contain different divergences and do not "
    "compare; the validation curves do, and a cross marks where a run diverged.",
    needs.anything,
    draw,
)
