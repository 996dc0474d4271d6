"""Reconstruction error against the density of the codes, with codes that learn nothing for reference."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import (
    REFERENCE,
    crossed,
    handle,
    legend,
    lines,
    logarithmic,
    looks,
    mark,
    note,
    rows,
    wrapped,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look


class Code(NamedTuple):
    """One of the codes of a data point: where its metrics are and how it is drawn."""

    label: str
    error: str
    density: str
    fill: dict[str, Any]


CODES = (
    Code("one draw", "mse_draw", "density", {"markerfacecolor": "white"}),
    Code("posterior mean", "mse_mean", "density", {"fillstyle": "left", "markerfacecoloralt": "white"}),
    Code("best of {samples}", "mse_best", "density_best", {}),
)
REFERENCE_MARKERS = ("x", "+")
DENSE = 0.999


def codes_of(study: Study, group: str) -> pd.DataFrame:
    """What is drawn of a group: error and density of each `point` (code) of each run and reference code, or nothing."""
    import pandas as pd

    chosen = study.metrics[study.metrics["group"] == group]
    # Reference codes have no repetition, and a pivot would drop them.
    filled = chosen.assign(repetition=chosen["repetition"].fillna(0))
    table = filled.pivot_table(index=["method", "repetition"], columns="metric", values="value", sort=False)
    if not {name for code in CODES for name in (code.error, code.density)} <= {*table.columns}:
        return pd.DataFrame()
    parts = [table.assign(point=code.label, error=table[code.error], x=table[code.density]) for code in CODES]
    return pd.concat(parts).reset_index()[["method", "repetition", "point", "error", "x"]].dropna()


def show_references(axes: Axes, study: Study, table: pd.DataFrame) -> None:
    """Draw the reference codes: a point each, or a line where the density is 0 and a log axis has no place for it."""
    shapes = cycle(REFERENCE_MARKERS)
    means = table.groupby("method", sort=False)[["x", "error"]].mean()  # where a repetition has data of its own
    for method, x, error in means.reset_index().to_numpy():
        label = study.labels[method]
        if x > 0:
            axes.plot(x, error, next(shapes), color=REFERENCE["color"], ms=7, mew=1.5, label=label)
        else:
            axes.axhline(error, label=f"{label} (density 0)", **REFERENCE)


def show(axes: Axes, study: Study, group: str, table: pd.DataFrame, look: dict[str, Look]) -> None:
    """Draw all codes of an experiment, mean and range over seeds, and a line through those of a method."""
    learnt = table["method"].isin(study.methods(group))
    show_references(axes, study, table[~learnt])
    means = table[learnt].groupby(["method", "point"], sort=False)[["x", "error"]].mean().reset_index()
    plain = {"estimator": None, "errorbar": None, "markers": False, "dashes": False, "sort": False}
    lines(axes, means, "x", "error", look, lw=0.7, **plain)
    for code in CODES:
        here = table[learnt & (table["point"] == code.label)]
        crossed(axes, here, "x", "error", look, markersize=5.5, markeredgewidth=0.9, **code.fill)
    axes.set(xlabel="density of the code (non-zeros / latents)", ylabel="")


def padded(values: pd.Series[float]) -> tuple[float, float]:
    """Limits of an axis around values, though they be one."""
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or 0.1 * high
    return low - margin, high + margin


def zoom(axes: Axes, table: pd.DataFrame) -> None:
    """Narrow axes to the sparse methods that draw their codes, which lie close together; hide them if there is none."""
    by_run = table.groupby(["method", "repetition"])
    drawn = by_run["error"].transform("nunique") > 1
    sparse = table[drawn & (by_run["x"].transform("first") < DENSE) & (table["x"] > 0)]
    if sparse.empty:
        axes.set_visible(False)
        return
    axes.set(title="Sparse posteriors, enlarged", xlim=padded(sparse["x"]), ylim=padded(sparse["error"]))


def key(study: Study, group: str, look: dict[str, Look], drawn: Axes) -> list[Artist]:
    """What shapes and fills mean: two columns of methods, one of codes and one of references, of equal length."""
    methods: list[Artist] = [
        handle(look[method]._replace(dash=()), wrapped(study.name(group, method), 30), lw=0.7)
        for method in study.methods(group)
    ]
    samples = study.samples(group)
    codes: list[Artist] = [
        mark(color="0.25", lw=0, marker="o", label=code.label.format(samples=samples), **code.fill) for code in CODES
    ]
    references: list[Artist] = [*drawn.get_legend_handles_labels()[0]]
    length = max(math.ceil(len(methods) / 2), len(codes), len(references))
    blank = mark(lw=0, label=" ")
    columns = (methods[:length], methods[length:], codes, references)
    return [each for column in columns for each in column + [blank] * (length - len(column))]


def draw(study: Study) -> Figure:
    """Error against density of every method's codes, a row for each experiment."""
    look = looks(study.coders)
    tables = {group: codes_of(study, group) for group in study.side_by_side}
    heights = {group: 2.9 + 0.07 * len(study.methods(group)) for group, table in tables.items() if len(table)}
    figure, parts = rows({group: max(3.6, height) for group, height in heights.items()}, "no reconstructions measured")
    for group, part in parts.items():
        whole, enlarged = part.subplots(1, 2)
        for axes in (whole, enlarged):
            show(axes, study, group, tables[group], look)
        logarithmic(whole, "x")
        whole.set(title="All codes", ylabel="squared error per pixel, test data")
        top = whole.get_ylim()[1]
        whole.set_ylim(-0.03 * top, 1.05 * top)  # PCA of as many components as pixels has an error of 0
        zoom(enlarged, tables[group])
        legend(part, key(study, group, look, whole), 4)
        note(
            part,
            "Mean over seeds with their range. One draw and the posterior mean stand at the density of the draws (the "
            "mean itself is dense); best of J is chosen with the data that it reconstructs.",
            study.divergences(group),
        )
    return figure


FIGURE = Output(
    name="reconstruction_density",
    title="Reconstruction and density",
    caption="Squared error of one draw, of the posterior mean and of the best of J draws against the fraction of "
    "non-zero coefficients, beside codes that learn nothing. Lower left is better; a method should beat the PCA of its "
    "own density, and the best of J is an oracle that has seen the data it reconstructs.",
    needs=needs.anything,
    draw=draw,
)
