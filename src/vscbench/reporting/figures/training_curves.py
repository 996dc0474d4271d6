"""Curves of training and validation against the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from vscbench.reporting.style import SMALL_PT, logarithmic, looks, note, rows, wrapped

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
SOLVERS = ("fista",)
"""Families that infer by optimisation: they have no draws."""
LINEAR_UP_TO = 5
"""Ratio of largest to smallest value above which an axis is logarithmic."""


def history(study: Study, runs: list[Path], column: str) -> pd.DataFrame:
    """`column` of the histories of runs below one another, where it is finite, with `step`."""
    parts = [study.history(run) for run in runs]
    parts = [part[["step", column]] for part in parts if column in part]
    table = pd.concat(parts) if parts else pd.DataFrame({"step": [], column: []})
    return table.replace([np.inf, -np.inf], np.nan).dropna()


def show_method(axes: Axes, study: Study, experiment: str, method: str, column: str, look: Look) -> None:
    """Draw mean and range over the seeds that came to their end, and thinly each that diverged, up to its end."""
    finished = study.finished(experiment, method)
    by_step = history(study, finished, column).groupby("step")[column]
    mean = by_step.mean()
    every = max(1, len(mean) // 4)
    # Curves that coincide have their markers at different places.
    marked = (study.methods(experiment).index(method) % every, every)
    axes.plot(mean.index, mean, look.dash, color=look.colour, marker=look.marker, ms=3.5, markevery=marked)
    axes.fill_between(mean.index, by_step.min(), by_step.max(), color=look.colour, alpha=0.2, lw=0)
    for run in study.runs(experiment, method):
        if run not in finished:
            part = history(study, [run], column)
            axes.plot(part["step"], part[column], look.dash, color=look.colour, lw=0.7)
            axes.plot(part["step"].tail(1), part[column].tail(1), "x", color=look.colour, ms=6, mew=1.5)


def show(axes: Axes, study: Study, experiment: str, curve: Curve, solvers: list[str], look: dict[str, Look]) -> None:
    """Draw one panel."""
    for method in study.methods(experiment):
        if curve.solvers or method not in solvers:
            show_method(axes, study, experiment, method, curve.column, look[method])
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
    values = np.concatenate([np.zeros(0), *drawn])
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) and values.max() / values.min() > LINEAR_UP_TO:
        logarithmic(axes, "y")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("step")


def outside(study: Study, experiment: str, column: str, solvers: list[str]) -> str:
    """What solvers reach that a panel leaves out."""
    ends = {method: history(study, study.finished(experiment, method), column) for method in solvers}
    return "\n".join(
        f"{study.labels[method]} (off scale) ends at {end.loc[end['step'] == end['step'].max(), column].mean():.3g}"
        for method, end in ends.items()
        if len(end)
    )


def key(study: Study, experiment: str, look: dict[str, Look]) -> list[Line2D]:
    """What the lines are, in the order of the config."""
    handles = [
        Line2D(
            [],
            [],
            color=look[method].colour,
            ls=look[method].dash,
            marker=look[method].marker,
            ms=4,
            label=wrapped(study.name(experiment, method), 30),
        )
        for method in study.methods(experiment)
    ]
    if study.divergences(experiment):
        handles.append(Line2D([], [], color="0.3", lw=0.7, marker="x", mew=1.5, label="diverged"))
    return handles


def joined(values: set[float]) -> str:
    """The values of a setting, of which an experiment mostly has one."""
    return "/".join(f"{value:g}" for value in sorted(values))


def draw(study: Study) -> Figure:
    """Loss, reconstruction, lasso objective and density of every method, a block of panels for each experiment."""
    look = looks(study.coders)
    figure, parts = rows(dict.fromkeys(study.experiments, 4.2), "no curves")
    for experiment, part in parts.items():
        specs = [study.spec(run) for method in study.methods(experiment) for run in study.runs(experiment, method)]
        solvers = sorted({spec["method"] for spec in specs if spec["coder"]["family"] in SOLVERS})
        words = {
            "samples": joined({spec["objective"]["samples"] for spec in specs}),
            "penalty": joined({spec["training"]["validation_penalty"] for spec in specs}),
        }
        panels = part.subplots(2, 3).flatten()
        for axes, curve in zip(panels, CURVES, strict=False):
            show(axes, study, experiment, curve, solvers, look)
            axes.set(title=curve.title.format(**words), ylabel=curve.unit.format(**words))
            if not curve.solvers:
                text = outside(study, experiment, curve.column, solvers)
                axes.text(0.97, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL_PT)
        panels[-1].set_axis_off()
        panels[-1].legend(handles=key(study, experiment, look), loc="center left", bbox_to_anchor=(-0.2, 0.5))
        note(
            part,
            "Mean over seeds with their range, a point an epoch; squared error per pixel. Training loss: squared error "
            "+ weighted divergence" + (", of a solver the former alone." if solvers else "."),
            *study.divergences(experiment),
        )
    return figure
