"""Curves of training and validation against the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import SMALL_PT, handle, lines, logarithmic_where_wide, looks, mark, note, rows, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

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
    Curve("validation_mse_best", "Validation, {best}", "squared error", solvers=False),
    Curve("validation_lasso_best", "Validation, {best}", "lasso objective, λ = {penalty}", solvers=True),
    Curve("validation_density", "Validation, one draw", "density", solvers=True),
)
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
SOLVERS = ("fista", "admm", "lista")
"""Families that infer a maximum a posteriori: they have no draws."""


def histories(study: Study, group: str) -> pd.DataFrame:
    """The histories of all runs of a group below one another, with their `method`, `run` and whether it `finished`."""
    import pandas as pd

    parts = [
        study.history(run).assign(method=method, run=str(run), finished=run in study.finished(group, method))
        for method in study.methods(group)
        for run in study.runs(group, method)
    ]
    return pd.concat([part for part in parts if len(part)] or parts).replace([np.inf, -np.inf], np.nan)


def show(axes: Axes, table: pd.DataFrame, column: str, look: dict[str, Look]) -> None:
    """Draw mean and range over the seeds that came to their end, and thinly each that diverged, up to its end."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    table = table.dropna(subset=column)
    finished, lost = table[table["finished"]], table[~table["finished"]]
    every = max(1, finished["step"].nunique() // 4)
    band = {"err_style": "band", "err_kws": {"alpha": 0.2, "lw": 0}}
    lines(axes, finished, "step", column, look, markevery=every, markersize=3.5, **band)
    lines(axes, lost, "step", column, look, units="run", estimator=None, errorbar=None, markers=False, lw=0.7)
    for method, end in lost.groupby("run").tail(1).set_index("method").iterrows():
        axes.plot(end["step"], end[column], "x", color=look[str(method)].colour, ms=6, mew=1.5)
    logarithmic_where_wide(axes)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def outside(study: Study, table: pd.DataFrame, column: str) -> str:
    """What solvers reach that a panel leaves out."""
    ended = table[table["finished"]].dropna(subset=column)
    last = ended[ended["step"] == ended.groupby("method")["step"].transform("max")]
    means = last.groupby("method", sort=False)[column].mean()
    return "\n".join(f"{study.labels[str(m)]} (off scale) ends at {value:.3g}" for m, value in means.items())


def key(study: Study, group: str, look: dict[str, Look]) -> list[Line2D]:
    """What the lines are, in the order of the config."""
    handles = [handle(look[method], wrapped(study.name(group, method), 30), ms=4) for method in study.methods(group)]
    if len(study.diverged(group)):
        handles.append(mark(color="0.3", lw=0.7, marker="x", mew=1.5, label="diverged"))
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
        samples = {spec["objective"]["samples"] for spec in specs}
        solvers = {spec["method"] for spec in specs if spec["coder"]["family"] in SOLVERS}
        words = {
            "best": f"best of {joined(samples)}" if samples != {1} else "one draw",
            "penalty": joined({spec["training"].get("validation_penalty") or 0 for spec in specs}),
        }
        table = histories(study, group)
        solved = table["method"].isin(solvers)
        # That of a lasso objective is of linear generators alone.
        left_out = {"validation_mse_best"} if samples == {1} else set()  # that of one draw again
        curves = [curve for curve in CURVES if curve.column in table and curve.column not in left_out]
        panels = part.subplots(2, 3).flatten()
        for axes in panels[len(curves) :]:
            axes.set_axis_off()
        for axes, curve in zip(panels, curves, strict=False):
            show(axes, table if curve.solvers else table[~solved], curve.column, look)
            axes.set(title=curve.title.format(**words), xlabel="step", ylabel=curve.unit.format(**words))
            if not curve.solvers:
                text = outside(study, table[solved], curve.column)
                axes.text(
                    0.97, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=SMALL_PT, bbox=BEHIND
                )
        panels[len(curves)].legend(handles=key(study, group, look), loc="center left", bbox_to_anchor=(-0.2, 0.5))
        note(
            part,
            "Mean over seeds with their range, a point an epoch; squared error per pixel. Training loss: squared error "
            "+ weighted divergence" + (", of a solver the former alone." if solvers else "."),
            study.divergences(group),
        )
    return figure


FIGURE = Output(
    name="training_curves",
    title="Training",
    caption="Training loss, and reconstruction, lasso objective and density on validation data, after each epoch: mean "
    "over repetitions with their range. Losses of different methods contain different divergences and do not compare; "
    "the validation curves do, and a cross marks where a run diverged.",
    needs=needs.anything,
    draw=draw,
)
