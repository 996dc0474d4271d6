"""Reconstruction error against the density of the codes, with codes that learn nothing for reference."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.lines import Line2D

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import logarithmic, looks, note, rows, wrapped

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look


class Code(NamedTuple):
    """One of the codes of a data point: where its metrics are and how it is drawn."""

    label: str
    error: str
    density: str
    fill: dict[str, Any]


CODES = (
    Code("one draw", "mse_draw", "density", {"mfc": "white"}),
    Code("posterior mean", "mse_mean", "density", {"fillstyle": "left", "markerfacecoloralt": "white"}),
    Code("best of {samples}", "mse_best", "density_best", {}),
)
REFERENCE = "0.35"
REFERENCE_MARKERS = ("x", "+")
DENSE = 0.999


def spread(values: pd.Series[float]) -> list[list[float]]:
    """How far the smallest and the largest value lie from the mean, as error bars are given."""
    # Of equal values the mean may be off by a rounding error.
    return [[max(values.mean() - values.min(), 0)], [max(values.max() - values.mean(), 0)]]


def show_method(axes: Axes, table: pd.DataFrame, look: Look) -> None:
    """Draw the codes of a method, mean and range over seeds, and a line through them."""
    places = [(table[code.density], table[code.error], code.fill) for code in CODES]
    axes.plot([x.mean() for x, _, _ in places], [y.mean() for _, y, _ in places], color=look.colour, lw=0.7)
    for x, y, fill in places:
        axes.errorbar(
            x.mean(),
            y.mean(),
            yerr=spread(y),
            xerr=spread(x),
            fmt=look.marker,
            color=look.colour,
            ms=5.5,
            mew=0.9,
            elinewidth=0.8,
            **fill,
        )


def show_references(axes: Axes, study: Study, table: pd.DataFrame, references: list[str]) -> None:
    """Draw the reference codes: a point each, or a line where the density is 0 and a log axis has no place for it."""
    shapes = cycle(REFERENCE_MARKERS)
    for method in references:
        row, label = table[table["method"] == method].iloc[0], study.labels[method]
        if row["density"] > 0:
            axes.plot(row["density"], row["mse_draw"], next(shapes), color=REFERENCE, ms=7, mew=1.5, label=label)
        else:
            axes.axhline(row["mse_draw"], color=REFERENCE, ls="--", lw=0.9, label=f"{label} (density 0)")


def show(axes: Axes, study: Study, group: str, table: pd.DataFrame, look: dict[str, Look]) -> None:
    """Draw all codes of an experiment."""
    coders = study.methods(group)
    references = [m for m in study.methods(group, baselines=True) if m not in coders]
    logarithmic(axes, "x")
    show_references(axes, study, table, references)
    for method, part in table[table["method"].isin(coders)].groupby("method", sort=False):
        show_method(axes, part, look[str(method)])
    axes.set_xlabel("density of the code (non-zeros / latents)")


def padded(values: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of an axis around values, though they be one."""
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or 0.1 * high
    return low - margin, high + margin


def zoom(axes: Axes, table: pd.DataFrame) -> None:
    """Narrow axes to the sparse methods that draw their codes, which lie close together; hide them if there is none."""
    sparse = table[(table["density"] < DENSE) & (table["density"] > 0) & (table["mse_draw"] != table["mse_best"])]
    if sparse.empty:
        axes.set_visible(False)
        return
    axes.set_xscale("linear")
    axes.set_xlim(*padded(sparse[[code.density for code in CODES]].to_numpy()))
    axes.set_ylim(*padded(sparse[[code.error for code in CODES]].to_numpy()))
    axes.set_title("Sparse posteriors, enlarged")


def key(study: Study, group: str, look: dict[str, Look], drawn: Axes) -> list[Artist]:
    """What shapes and fills mean: two columns of methods, one of codes and one of references, of equal length."""
    methods: list[Artist] = [
        Line2D(
            [],
            [],
            color=look[method].colour,
            lw=0.7,
            marker=look[method].marker,
            label=wrapped(study.name(group, method), 30),
        )
        for method in study.methods(group)
    ]
    samples = study.samples(group)
    codes: list[Artist] = [
        Line2D([], [], color="0.25", lw=0, marker="o", label=code.label.format(samples=samples), **code.fill)
        for code in CODES
    ]
    references: list[Artist] = [*drawn.get_legend_handles_labels()[0]]
    length = max(math.ceil(len(methods) / 2), len(codes), len(references))
    blank = Line2D([], [], lw=0, label=" ")
    columns = (methods[:length], methods[length:], codes, references)
    return [handle for column in columns for handle in column + [blank] * (length - len(column))]


def table_of(study: Study, group: str) -> pd.DataFrame:
    """What is drawn of an experiment: a row for each run and reference code, a column for each metric, or nothing."""
    names = {name for code in CODES for name in (code.error, code.density)}
    chosen = study.metrics[(study.metrics["group"] == group) & study.metrics["metric"].isin(names)]
    # Reference codes have no repetition, and a pivot would drop them.
    filled = chosen.assign(repetition=chosen["repetition"].fillna(0))
    table = filled.pivot_table(index=["method", "repetition"], columns="metric", values="value")
    return table.reset_index() if names <= {*table.columns} else table.iloc[:0]


def draw(study: Study) -> Figure:
    """Error against density of every method's codes, a row for each experiment."""
    look = looks(study.coders)
    tables = {group: table_of(study, group) for group in study.side_by_side}
    figure, parts = rows({group: 3.9 for group, table in tables.items() if len(table)}, "no reconstructions measured")
    for group, part in parts.items():
        whole, enlarged = part.subplots(1, 2)
        for axes in (whole, enlarged):
            show(axes, study, group, tables[group], look)
        whole.set(title="All codes", ylabel="squared error per pixel, test data")
        whole.set_ylim(0, 1.05 * whole.get_ylim()[1])
        zoom(enlarged, tables[group])
        part.legend(handles=key(study, group, look, whole), loc="outside upper center", ncols=4)
        note(
            part,
            "Mean over seeds with their range. One draw and the posterior mean stand at the density of the draws (the "
            "mean itself is dense); best of J is chosen with the data that it reconstructs.",
            *study.divergences(group),
        )
    return figure


FIGURE = Output(
    "reconstruction_density",
    "Reconstruction and density",
    "Squared error of one draw, of the posterior mean and of the best of J draws against the fraction of non-zero "
    "coefficients, beside codes that learn nothing. Lower left is better; a method should beat the PCA of its own "
    "density, and the best of J is an oracle that has seen the data it reconstructs.",
    needs.anything,
    draw,
)
