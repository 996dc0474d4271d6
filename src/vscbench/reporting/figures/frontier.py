"""Reconstruction against density at the operating points of every method, with their frontiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vscbench.reporting import needs
from vscbench.reporting.frontier import CODES, REFERENCE_CURVE, curve, efficient, envelope, frontiers
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
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from vscbench.reporting.frontier import Code, Frontier
    from vscbench.reporting.study import Study
    from vscbench.reporting.style import Look

PCA: dict[str, Any] = {"color": "0.35", "marker": "+", "ls": (0, (1, 1)), "lw": 0.9, "mew": 1.2}
FLOOR = -0.1
"""The lowest FVE that is drawn: a code that is worse than none may be so by any amount."""


def operating_points(place: Frontier, code: Code) -> pd.DataFrame:
    """Density and FVE of every run, the `point` of its method and whether a sparser one is as good there."""
    import pandas as pd

    table = place.points.rename(columns={"group": "point"})
    means = table.groupby(["method", "point"], sort=False)[[code.density, code.fve]].mean().reset_index()
    best = [
        part.assign(efficient=efficient(part[code.density], -part[code.fve])) for _, part in means.groupby("method")
    ]
    return table.merge(pd.concat(best)[["method", "point", "efficient"]], on=["method", "point"])


def show(axes: Axes, place: Frontier, code: Code, look: dict[str, Look]) -> list[str]:
    """Draw the methods and reference codes of a panel; the methods with points below it."""
    import pandas as pd

    table = operating_points(place, code)
    means = table.groupby(["method", "point"], sort=False)[[code.density, code.fve]].mean().reset_index()
    frontier = []
    for method, part in means.groupby("method", sort=False):
        if method == REFERENCE_CURVE:
            pca = part.sort_values(code.density)
            axes.plot(pca[code.density], pca[code.fve], **PCA)
        else:
            nodes = envelope(curve(part[code.density], part[code.fve]))
            frontier.append(pd.DataFrame({"method": method, "density": nodes.density, "fve": nodes.value}))
    lines(axes, pd.concat(frontier), "density", "fve", look, estimator=None, errorbar=None, markers=False)
    coders = table[table["method"] != REFERENCE_CURVE]
    for best, fill in ((True, {}), (False, {"markerfacecolor": "white"})):
        here = coders[coders["efficient"] == best]
        if len(here):
            crossed(axes, here, code.density, code.fve, look, markeredgewidth=0.9, **fill)
    axes.axhline(0, **REFERENCE)
    logarithmic(axes, "x")
    axes.set(xlabel="density of the code (non-zeros / latents)", ylabel="variance explained, test data")
    return list(means.loc[(means[code.fve] < FLOOR) & (means["method"] != REFERENCE_CURVE), "method"].unique())


def key(study: Study, place: Frontier, look: dict[str, Look]) -> list[Line2D]:
    """What colours and lines mean."""
    coders = [method for method in place.methods() if method != REFERENCE_CURVE]
    handles = [handle(look[method], wrapped(study.labels[method], 22)) for method in coders]
    if REFERENCE_CURVE in place.methods():
        handles.append(mark(label="PCA, fewer components", **PCA))
    handles.append(mark(label="All-zero code", **REFERENCE))
    tables = [operating_points(place, code) for code in CODES.values()]
    if not all(table.loc[table["method"] != REFERENCE_CURVE, "efficient"].all() for table in tables):
        label = "a code no denser\nis better"
        handles.append(mark(color="0.25", marker="o", mfc="white", mew=0.9, lw=0, label=label))
    return handles


def draw(study: Study) -> Figure:
    """FVE of one draw and of the best of J against their density, a row for each frontier."""
    look, found = looks(study.coders), frontiers(study)
    figure, parts = rows(dict.fromkeys(found, 3.7), "no method has several operating points")
    for name, part in parts.items():
        place, below = found[name], dict[str, None]()
        panels = part.subplots(1, 2, sharey=True)
        titles = {"draw": "One draw", "best": f"Best of {study.samples(place.groups[0])} draws, an oracle"}
        for axes, (code, title) in zip(panels, titles.items(), strict=True):
            below |= dict.fromkeys(show(axes, place, CODES[code], look))
            axes.set_title(title)
        bottom, top = panels[0].get_ylim()
        panels[0].set_ylim(max(bottom, 1.5 * FLOOR), min(top, 1.05))
        panels[1].set_ylabel("")
        legend(part, key(study, place, look), 4)
        note(
            part,
            "Mean over seeds with their range, at each operating point of a method: density of the prior, KL weight or "
            "penalty. Lines, for the eye alone: the rising curve nearest to the points (isotonic regression); numbers "
            "are of the points. Left the density is that of one draw, right that of the best of J, which is chosen "
            "with the data that it reconstructs.",
            *(f"{study.labels[method]}: points worse than FVE = {FLOOR:g} lie below the axis." for method in below),
            *(f"{group}: {line}" for group in place.groups for line in study.divergences(group)),
        )
    return figure


FIGURE = Output(
    name="frontier",
    title="Frontier",
    caption="Variance explained against density, each method at several operating points: of one draw, and of the best "
    "of J draws, an oracle. Higher left is better; compare methods at equal density, and with the PCA that keeps as "
    "many components.",
    needs=needs.operating_points,
    draw=draw,
)
