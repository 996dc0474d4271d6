"""How far the supports of a data point's codes agree from draw to draw (paper, figure 5)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vscbench.reporting import needs
from vscbench.reporting.output import Figure as Output
from vscbench.reporting.style import SMALL_PT, area, legend, looks, mark, note, panels, rows, say, wrapped

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vscbench.reporting.study import Study

COLUMNS = 3
PANEL_IN = 1.45
BINS, LEAST = 60, 10
"""Most and least bins of a histogram: five patches a bin, on average."""
RANGE_QUANTILE = 0.995
DENSE = 0.999
"""Density from which a support is all latents, and agreement says nothing."""
SINGLE = "0.7"
ARRAYS = {"draw": "jaccard_draw_by_patch", "best": "jaccard_best_by_patch"}
NULL: dict[str, Any] = {"color": "black", "ls": "--", "lw": 0.9}
REASONS = {
    "dense": "Left out, for a dense code's support is all latents and its index 1",
    "deterministic": "Left out, for it has one code for each patch",
}


def indices(study: Study, group: str, method: str) -> dict[str, NDArray[np.float32]]:
    """The index of each patch, all seeds together, of single draws and of selected ones; empty where there is none."""
    runs = study.finished(group, method)
    found = {name: [study.array(run, array) for run in runs] for name, array in ARRAYS.items()}
    arrays = {name: [each for each in of_runs if each is not None] for name, of_runs in found.items()}
    return {name: np.concatenate(there) for name, there in arrays.items() if there}


def kinds(study: Study, group: str) -> dict[str, str]:
    """What each method of an experiment is here: sparse, dense, deterministic or diverged."""
    density = study.values(group, "density").groupby("method")["value"].mean()
    found = {}
    for method in study.methods(group):
        if not study.finished(group, method):
            found[method] = "diverged"
        elif not indices(study, group, method):
            found[method] = "deterministic"
        else:
            found[method] = "dense" if density[method] >= DENSE else "sparse"
    return found


def show(axes: Axes, found: dict[str, NDArray[np.float32]], nulls: list[float], colour: str, right: float) -> None:
    """Draw the histograms of a method over [0, right], and what draws of different data reach."""
    import seaborn as sns

    for name, of, fill in (("draw", SINGLE, True), ("best", colour, False)):
        values = np.minimum(found[name], right)
        shape = {
            "bins": max(LEAST, min(BINS, len(values) // 5)),
            "binrange": (0, right),
            "stat": "density",
            "element": "step",
        }
        sns.histplot(x=values, color=of, fill=fill, alpha=1, lw=0 if fill else 1.2, ax=axes, **shape)
    for null in nulls:
        axes.axvline(null, **NULL)
    means = f"mean {found['draw'].mean():.3f} single, {found['best'].mean():.3f} best, {np.mean(nulls):.3f} null"
    axes.text(0.5, 1.03, means, transform=axes.transAxes, ha="center", fontsize=SMALL_PT, color="0.3")
    axes.set(xlim=(0, right), ylabel="")


def key(samples: int) -> list[Artist]:
    """What the marks mean."""
    return [
        area(color=SINGLE, label="single draws"),
        area(facecolor="none", edgecolor="0.2", lw=1.3, label=f"best of {samples} draws (colour of the method)"),
        mark(label="null: draws of different patches, a line a seed", **NULL),
    ]


def left_out(study: Study, found: dict[str, str]) -> list[str]:
    """Why methods have no panel."""
    methods = {kind: [study.labels[method] for method in found if found[method] == kind] for kind in REASONS}
    return [f"{REASONS[kind]}: {', '.join(labels)}." for kind, labels in methods.items() if labels]


def draw(study: Study) -> Figure:
    """Histograms over patches of the Jaccard index of every sparse method, a block for each experiment."""
    look = looks(study.coders)
    found = {group: kinds(study, group) for group in study.side_by_side}
    shown = {
        group: [method for method, kind in by_method.items() if kind in ("sparse", "diverged")]
        for group, by_method in found.items()
        if "sparse" in by_method.values()
    }
    heights = {group: 1.2 + PANEL_IN * math.ceil(len(methods) / COLUMNS) for group, methods in shown.items()}
    figure, parts = rows(heights, "no sparse method was measured")
    for group, part in parts.items():
        values = {method: indices(study, group, method) for method in shown[group]}
        ends = [np.quantile(array, RANGE_QUANTILE) for arrays in values.values() for array in arrays.values()]
        right = min(1.0, 1.05 * float(max(ends)))
        columns = min(COLUMNS, len(values))
        grid = panels(part, len(values), columns)
        for axes, method in zip(grid, values, strict=True):
            axes.set_title(wrapped(study.labels[method], 32), pad=12)
            if values[method]:
                nulls = list(study.of(group, "jaccard_null", method))
                show(axes, values[method], nulls, look[method].colour, right)
            else:
                say(axes, wrapped(study.divergence(group, method), 24))
        for start in range(0, len(grid), columns):
            line = grid[start : start + columns]
            # A blank panel would hide the label.
            next((axes for axes in line if axes.axison), line[0]).set_ylabel("probability density")
        for axes in grid[-columns:]:
            axes.set_xlabel("Jaccard index of supports")
        legend(part, key(study.samples(group)), 3)
        note(
            part,
            "Mean over pairs of draws of |A ∩ B| / |A ∪ B| over all latents: one value a patch, all seeds together; "
            "values beyond the axis are in its last bin.",
            *left_out(study, found[group]),
            study.divergences(group),
        )
    return figure


FIGURE = Output(
    name="support_agreement",
    title="Agreement of supports",
    caption="Jaccard index of the supports of repeated codes of the same patch, of single draws and of best-of-J "
    "draws, as histograms over patches. Only what lies right of the dashed line, the agreement of draws of different "
    "patches, says anything about the patch; best-of-J draws further right agree on which atoms to use.",
    needs=needs.anything,
    draw=draw,
)
